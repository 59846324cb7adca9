import { MemoryLeaseStore, MemoryLockManager } from '@devmentor/locks/memory';
import { seededEntropy, SimulatedClock } from '@devmentor/locks/testing';
import { assign, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { Gate, GatedClock } from '../src/testing-gate.ts';
import { concernsOf, createRuntime, defineActor, leaseActor, leaseRelay } from '../src/index.ts';

type Heard = { type: 'lease.event'; logId: string; event: { type: string } };
const Listener = defineActor('project', {
  machine: setup({ types: {} as { context: { heard: string[]; last: string }; events: Heard } }).createMachine({
    context: { heard: [], last: '' },
    on: { 'lease.event': { actions: assign(({ context, event }) => ({ heard: [...context.heard, event.event.type], last: event.logId })) } },
  }),
});

describe('the lease relay and the lease actor', () => {
  it('[LR1] each event of a resource reaches its actor once, in log order', async () => {
    const clock = new SimulatedClock();
    const store = new MemoryLeaseStore({ clock });
    const locks = new MemoryLockManager({ clock, entropy: seededEntropy(1), store });
    const gate = new Gate();
    const dying = new MemoryLockManager({ clock: new GatedClock(clock, gate), entropy: seededEntropy(3), store });
    await locks.open();
    const faults: unknown[] = [];
    const Lease = leaseActor({ locks });
    const runtime = createRuntime({ actors: [Listener, Lease, leaseRelay({ log: locks.log, clock, concerns: concernsOf(['project']) })], clock, entropy: seededEntropy(2), onFault: (fault) => faults.push(fault), onDeadLetter: (letter) => faults.push(letter) });
    const starting = runtime.start();
    await clock.advance(1);
    await starting;
    const claiming = dying.acquire('project:42', { ttlMs: 5_000, renew: 'manual' });
    await clock.advance(10);
    const lease = await claiming;
    gate.kill();
    const reading = async () => {
      const views = [runtime.actor(Listener, '42').read(), runtime.actor(Lease, 'project:42').read()] as const;
      await clock.advance(10);
      return await Promise.all(views);
    };
    let [project, view] = await reading();
    expect(project.context.heard).toEqual(['claimed']);
    expect(view.value).toEqual({ lease: { held: 'unattached' }, sight: 'waiting' });
    expect(view.context.fence).toBe(lease.fence);
    await clock.advance(6_500);
    [project, view] = await reading();
    expect(project.context.heard).toEqual(['claimed', 'expired']);
    expect(view.value).toEqual({ lease: 'ended', sight: 'resting' });
    expect(view.context.endedHow).toBe('expired');
    expect(faults).toEqual([]);
    const stopping = runtime.stop();
    await clock.advance(10);
    await stopping;
    await locks.close();
  });
});
