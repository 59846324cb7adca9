import { MemoryLeaseStore, MemoryLockManager } from '@devmentor/locks/memory';
import { SimulatedClock, seededEntropy } from '@devmentor/locks/testing';
import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import {
  concernsOf,
  createRuntime,
  defineActor,
  type Json,
  leaseActor,
  leaseRelay,
  MemoryStateStore,
} from '../src/index.ts';
import { Gate, GatedClock } from '../src/testing-gate.ts';

type Heard = { type: 'lease.event'; logId: string; event: { type: string; [fact: string]: Json } };
/** Takes what it has had by the log id, as whoever is told should. */
const Listener = defineActor('project', {
  machine: setup({
    types: {} as { context: { heard: string[]; facts: Json[]; last: string }; events: Heard },
  }).createMachine({
    context: { heard: [], facts: [], last: '' },
    on: {
      'lease.event': {
        actions: assign(({ context, event }) =>
          event.logId <= context.last
            ? {}
            : {
                heard: [...context.heard, event.event.type],
                facts: [...context.facts, event.event],
                last: event.logId,
              },
        ),
      },
    },
  }),
});

async function open() {
  const clock = new SimulatedClock();
  const store = new MemoryLeaseStore({ clock });
  const locks = new MemoryLockManager({ clock, entropy: seededEntropy(1), store });
  await locks.open();
  const gate = new Gate();
  /** A process that holds a lease and is killed. */
  const dying = new MemoryLockManager({ clock: new GatedClock(clock, gate), entropy: seededEntropy(3), store });
  const faults: unknown[] = [];
  const Lease = leaseActor({ locks });
  const state = new MemoryStateStore({ clock });
  const runtimeOf = () =>
    createRuntime({
      actors: [Listener, Lease, leaseRelay({ locks, clock, concerns: concernsOf(['project']) })],
      state,
      clock,
      entropy: seededEntropy(2),
      onFault: (fault) => faults.push(fault),
      onDeadLetter: (letter) => faults.push(letter),
    });
  /** In small steps, so that long chains of work end within them. */
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i++) await clock.advance(1);
  };
  const harness = {
    clock,
    pass,
    locks,
    dying,
    state,
    faults,
    kill: () => gate.kill(),
    runtime: runtimeOf(),
    read: async () => {
      const views = [
        harness.runtime.actor(Listener, '42').read(),
        harness.runtime.actor(Lease, 'project:42').read(),
      ] as const;
      await pass(20);
      const [project, lease] = await Promise.all(views);
      return { heard: project.context.heard, facts: project.context.facts, lease };
    },
    restart: async () => {
      const stopping = harness.runtime.stop();
      await pass(20);
      await stopping;
      harness.runtime = runtimeOf();
      await harness.start();
    },
    start: async () => {
      const starting = harness.runtime.start();
      await pass(20);
      await starting;
    },
    claim: async (manager: MemoryLockManager, resource = 'project:42') => {
      const claiming = manager.acquire(resource, { ttlMs: 5_000, renew: 'manual' });
      await pass(20);
      return await claiming;
    },
  };
  await harness.start();
  return harness;
}

describe('the lease relay', () => {
  it('[LR1] each event of a resource reaches its actor once, in log order, over a restart too', async () => {
    const node = await open();
    const first = await node.claim(node.locks);
    await first.release();
    await node.pass(20);
    await node.restart();
    const second = await node.claim(node.locks);
    await second.release();
    await node.pass(20);
    expect((await node.read()).heard).toEqual(['claimed', 'released', 'claimed', 'released']);
    expect(node.faults).toEqual([]);
  });

  it('[LR1] a claim that is taken over is told as it was: who ended it, and whom it is from', async () => {
    const node = await open();
    await node.claim(node.dying);
    const taken = node.locks.force('project:42', { by: { id: 'bob', name: 'Bob' }, reason: 'urgent' });
    await node.pass(20);
    expect((await taken).kind).toBe('granted');
    const { heard, lease, facts } = await node.read();
    expect(heard).toEqual(['claimed', 'released', 'taken-over']);
    expect(facts.slice(1)).toMatchObject([
      { how: 'revoked', by: { id: 'bob', name: 'Bob' } },
      { how: 'forced', holder: { id: 'bob' }, from: { id: expect.any(String) as string }, reason: 'urgent' },
    ]);
    expect(lease).toMatchObject({ value: { lease: { held: 'unattached' } }, context: { holder: { id: 'bob' } } });
    expect(node.faults).toEqual([]);
  });

  it('[LR2] while nothing concerns anybody, it commits nothing', async () => {
    const node = await open();
    await node.clock.advance(5_000);
    const versions = async () =>
      await Promise.all(
        Array.from({ length: 16 }, async (_, bucket) => (await node.state.peek(`lease-relay:${bucket}`))?.version),
      );
    const before = await versions();
    const lease = await node.claim(node.locks, 'printer');
    await lease.release();
    await node.clock.advance(5_000);
    expect(await versions()).toEqual(before);
    expect(before).not.toContain(undefined);
  });
});

describe('the lease relay after a gap in the log', () => {
  /** Until the log has lost what was in it: another resource of the bucket is claimed long after. */
  async function forget(node: Awaited<ReturnType<typeof open>>): Promise<void> {
    const { log } = node.locks;
    const same = Array.from({ length: 1_000 }, (_, i) => `printer${i}`).find(
      (name) => log.bucketOf(name) === log.bucketOf('project:42'),
    );
    await node.clock.advance(60 * 60_000);
    const lease = await node.claim(node.locks, same);
    await lease.release();
    await node.pass(20);
  }
  const stop = async (node: Awaited<ReturnType<typeof open>>): Promise<void> => {
    const stopping = node.runtime.stop();
    await node.pass(20);
    await stopping;
  };

  it('[LR3] who was told of a grant hears of its end', async () => {
    const node = await open();
    const lease = await node.claim(node.locks);
    expect((await node.read()).heard).toEqual(['claimed']);
    await stop(node);
    await lease.release();
    await forget(node);
    await node.restart();
    await node.pass(1_100);
    expect((await node.read()).heard).toEqual(['claimed', 'expired']);
    expect((await node.read()).lease.value).toMatchObject({ lease: 'free' });
    const next = await node.claim(node.locks);
    await next.release();
    await node.pass(20);
    expect((await node.read()).heard).toEqual(['claimed', 'expired', 'claimed', 'released']);
    expect(node.faults).toEqual([]);
  });

  it('[LR3] a grant that was made meanwhile is told, and its end once', async () => {
    const node = await open();
    await (await node.claim(node.locks)).release();
    await node.pass(20);
    expect((await node.read()).heard).toEqual(['claimed', 'released']);
    await stop(node);
    const lease = await node.locks.acquire('project:42', { ttlMs: 60_000 });
    await forget(node);
    expect(lease.valid).toBe(true);
    await node.restart();
    await node.pass(1_100);
    expect((await node.read()).heard).toEqual(['claimed', 'released', 'claimed']);
    await node.restart();
    await node.pass(1_100);
    await lease.release();
    await node.pass(20);
    expect((await node.read()).heard).toEqual(['claimed', 'released', 'claimed', 'released']);
    expect(node.faults).toEqual([]);
  });

  it('[LR3] a relay that starts beside an old log tells what is held', async () => {
    const node = await open();
    await stop(node);
    const lease = await node.locks.acquire('project:42', { ttlMs: 60_000 });
    await node.clock.advance(60 * 60_000);
    await node.restart();
    await node.pass(1_100);
    expect((await node.read()).heard).toEqual(['claimed']);
    await lease.release();
    await node.pass(20);
    expect((await node.read()).heard).toEqual(['claimed', 'released']);
  });
});

describe('the lease actor', () => {
  it('[LA1] it shows what the record says', async () => {
    const node = await open();
    await node.read();
    expect((await node.read()).lease.value).toEqual({ lease: 'free', sight: 'resting' });
    const lease = await node.claim(node.locks);
    const { lease: held } = await node.read();
    expect(held.value).toEqual({ lease: { held: 'unattached' }, sight: 'waiting' });
    expect(held.context.fence).toBe(lease.fence);
    const connection = { resource: 'project:42', leaseId: lease.leaseId, instance: 'default', node: 'n', conn: 'c' };
    await node.locks.attach(connection);
    await node.locks.away({ ...connection, graceMs: 3_000 });
    await node.pass(20);
    expect((await node.read()).lease.value).toEqual({ lease: { held: 'away' }, sight: 'waiting' });
    await node.locks.attach(connection);
    await node.pass(20);
    expect((await node.read()).lease.value).toEqual({ lease: { held: 'attached' }, sight: 'waiting' });
    await lease.release();
    await node.pass(20);
    expect((await node.read()).lease).toMatchObject({ value: { lease: 'ended' }, context: { endedHow: 'released' } });
  });

  it('[LA3] it shows a first attachment, of which nobody is told', async () => {
    const node = await open();
    const lease = await node.claim(node.locks);
    await node.pass(20);
    expect((await node.read()).lease.value).toMatchObject({ lease: { held: 'unattached' } });
    await node.locks.attach({
      resource: 'project:42',
      leaseId: lease.leaseId,
      instance: 'default',
      node: 'n',
      conn: 'c',
    });
    await node.pass(600);
    expect((await node.read()).lease.value).toMatchObject({ lease: { held: 'attached' } });
  });

  it('[LA2] it looks again when the term should have ended', async () => {
    const node = await open();
    await node.claim(node.dying);
    node.kill();
    await node.clock.advance(6_500);
    const { heard, lease } = await node.read();
    expect(heard).toEqual(['claimed', 'expired']);
    expect(lease).toMatchObject({ value: { lease: 'ended', sight: 'resting' }, context: { endedHow: 'expired' } });
  });
});
