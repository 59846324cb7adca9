// One node: commits, timers, passivation, and what becomes of an unknown outcome.

import { InvariantViolation, parseFence } from '@devmentor/locks';
import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { type ActorRecord, defineActor, durable } from '../src/index.ts';
import type { CommitFault } from '../src/testing-faults.ts';
import { Counter } from './counter.fixture.ts';
import { solo } from './solo.fixture.ts';

const add = (by = 1) => ({ type: 'add', by }) as const;
const fault = (code: string) => expect.objectContaining({ code });

describe('group commit', () => {
  it('[AC1] messages that wait together are stepped one by one and committed once', async () => {
    const { runtime, run, calls } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    await run(counter.tell(add()));
    calls.length = 0;
    await run(Promise.all(Array.from({ length: 50 }, () => counter.tell(add()))));
    expect(calls).toHaveLength(1);
    expect(calls[0]?.[0]?.settles).toHaveLength(50);
    expect((await run(counter.read())).context.total).toBe(51);
  });

  it('[CO1] commits of one shard in one tick travel in one call', async () => {
    const { runtime, run, calls } = await solo([Counter]);
    const counters = Array.from({ length: 40 }, (_, i) => runtime.actor(Counter, `k${i}`));
    await run(Promise.all(counters.map((counter) => counter.tell(add()))));
    expect(calls.flat()).toHaveLength(40);
    expect(calls.length).toBeLessThanOrEqual(4);
  });
});

describe('unknown outcomes', () => {
  for (const kind of ['lost-reply', 'not-applied'] as const) {
    it(`[AC3] a commit whose answer was lost (${kind}) is applied exactly once`, async () => {
      const { runtime, run, faults } = await solo([Counter], { fault: (_, call) => (call === 2 ? kind : 'none') });
      const counter = runtime.actor(Counter, 'a');
      await run(counter.tell(add()));
      await run(Promise.all([counter.tell(add()), counter.tell(add())]));
      await run(counter.tell(add()));
      expect((await run(counter.read())).context.total).toBe(4);
      expect(faults).toEqual([fault('REPLY_LOST')]);
    });
  }

  it('[AC3] while the outcome is unknown nobody is answered, readers included', async () => {
    let failing = true;
    const node = await solo([Counter], { fault: () => (failing ? 'not-applied' : 'none') });
    const counter = node.runtime.actor(Counter, 'a');
    await node.run(counter.read());
    const settled: string[] = [];
    const telling = counter.tell(add()).then(() => settled.push('tell'));
    await node.clock.advance(1);
    const reading = counter.read().then(() => settled.push('read'));
    await node.clock.advance(300);
    expect(settled).toEqual([]);
    failing = false;
    await node.run(Promise.all([telling, reading]));
    expect(settled).toHaveLength(2);
  });

  it('[AC3] a read waits for the commit under way, which may have been applied already', async () => {
    let answered: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const node = await solo([Counter], { afterCommit: (call) => (call === 2 ? held : undefined) });
    const counter = node.runtime.actor(Counter, 'a');
    await node.run(counter.tell(add()));
    const telling = counter.tell(add());
    await node.clock.advance(5);
    expect((await node.state.peek(counter.id))?.version).toBe(2);
    let read: number | undefined;
    const reading = counter.read().then(({ context }) => {
      read = context.total;
    });
    await node.clock.advance(50);
    expect(read).toBeUndefined();
    answered();
    await node.run(Promise.all([telling, reading]));
    expect(read).toBe(2);
  });

  it('[AC3] a commit that is in the record is answered though the store takes no writes any more', async () => {
    const node = await solo([Counter], { fault: (_, call) => (call === 1 ? 'lost-reply' : 'not-applied') });
    const { version } = await node.run(node.runtime.actor(Counter, 'a').tell(add(), { deadlineMs: 1_000 }));
    expect(version).toBe(1);
    expect(node.calls).toHaveLength(1);
  });

  it('[AC4] a foreign commit under its own epoch quarantines the actor', async () => {
    const node = await solo([Counter]);
    const counter = node.runtime.actor(Counter, 'a');
    await node.run(counter.tell(add()));
    const record = (await node.state.peek(counter.id)) as ActorRecord;
    const [call] = node.calls;
    const commit = call?.[0];
    if (commit === undefined) throw new Error('a commit was made');
    const epoch = commit.commitId.split(':')[0] ?? '';
    for (let shard = 0; shard < 4; shard++) {
      await node.state
        .commit(shard, epoch, [{ ...commit, commitId: `${epoch}:foreign`, basis: record.version, settles: [] }])
        .catch(() => {});
    }
    await expect(node.run(counter.tell(add()))).rejects.toEqual(fault('ACTOR_QUARANTINED'));
    await expect(node.run(counter.read())).rejects.toEqual(fault('ACTOR_QUARANTINED'));
  });
});

describe('after an unknown outcome that was a refusal', () => {
  const [older, newer] = [parseFence('1000000000000001'), parseFence('1000000000000002')];

  /** A commit with a fence is lost; before it is made again a newer fence is admitted. */
  async function frozenThenStale(first: { type: 'arm'; delayMs: number } | { type: 'add'; by: number }) {
    let verdict: CommitFault = 'not-applied';
    const node = await solo([Counter], { fault: (commits) => (commits[0]?.fence === older ? verdict : 'none') });
    const counter = node.runtime.actor(Counter, 'a');
    await node.run(counter.tell(first));
    const stale = counter.tell(add(), { fence: older });
    stale.catch(() => {});
    await node.clock.advance(5);
    await node.state.admit(counter.id, newer);
    const calm = (): void => {
      verdict = 'none';
    };
    return { node, counter, stale, calm };
  }

  it('[AC3] a read that came meanwhile is answered', async () => {
    const { node, counter, stale, calm } = await frozenThenStale(add());
    const reading = counter.read({ deadlineMs: 3_000 });
    await node.clock.advance(5);
    calm();
    await expect(node.run(stale)).rejects.toEqual(fault('STALE_FENCE'));
    expect((await node.run(reading)).context.total).toBe(1);
  });

  it('[TM1] a timer that fell due meanwhile fires', async () => {
    const { node, counter, stale, calm } = await frozenThenStale({ type: 'arm', delayMs: 50 });
    await node.clock.advance(100);
    calm();
    await expect(node.run(stale)).rejects.toEqual(fault('STALE_FENCE'));
    await node.clock.advance(1_000);
    expect((await node.run(counter.peek()))?.context.alarms).toBe(1);
  });
});

describe('a state that cannot be stored', () => {
  it('[SV2] a repeat of what was committed is answered as it was, though stepping it again gives too large a state', async () => {
    const Hoard = defineActor('hoard', {
      machine: setup({
        types: {} as { context: { items: string[] }; events: { type: 'keep'; item: string } },
      }).createMachine({
        context: { items: [] },
        on: { keep: { actions: assign({ items: ({ context, event }) => [...context.items, event.item] }) } },
      }),
    });
    const node = await solo([Hoard], { limits: { snapshotBytes: 1_000 } });
    const hoard = node.runtime.actor(Hoard, 'a');
    const big = { type: 'keep', item: 'x'.repeat(600) } as const;
    await node.run(hoard.tell(big, { dedup: 'once' }));
    expect(await node.run(hoard.tell(big, { dedup: 'once' }))).toMatchObject({ version: 1 });
    await expect(node.run(hoard.tell(big, { dedup: 'twice' }))).rejects.toMatchObject({
      code: 'TOO_LARGE',
      applied: 'no',
    });
    await expect(node.run(hoard.tell(big, { dedup: 'twice' }))).rejects.toMatchObject({
      code: 'TOO_LARGE',
      applied: 'no',
    });
    expect((await node.run(hoard.read())).context.items).toHaveLength(1);
  });

  it('[SV2] a timer whose step gives too large a state is a dead letter, and the actor goes on', async () => {
    const Swelling = defineActor('swelling', {
      machine: setup({
        types: {} as { context: { items: string[] }; events: { type: 'keep'; item: string } },
      }).createMachine({
        context: { items: [] },
        initial: 'calm',
        on: { keep: { actions: assign({ items: ({ context, event }) => [...context.items, event.item] }) } },
        states: {
          calm: { after: { 100: { target: 'swollen', actions: assign({ items: () => ['x'.repeat(2_000)] }) } } },
          swollen: {},
        },
      }),
    });
    const node = await solo([Swelling], { limits: { snapshotBytes: 1_000 } });
    const swelling = node.runtime.actor(Swelling, 'a');
    await node.run(swelling.tell({ type: 'keep', item: 'a' }));
    await node.clock.advance(200);
    await node.run(swelling.tell({ type: 'keep', item: 'b' }));
    expect(await node.run(swelling.read())).toMatchObject({ value: 'calm', context: { items: ['a', 'b'] } });
    expect(node.deadLetters).toMatchObject([{ to: swelling.id, from: swelling.id }]);
    expect((await node.state.peek(swelling.id))?.timers).toEqual([]);
  });

  it('[SV4] a store that breaks its contract quarantines the actor, and nobody waits for ever', async () => {
    const node = await solo([Counter]);
    node.state.commit = () => Promise.reject(new InvariantViolation('a commit settles a message once'));
    const counter = node.runtime.actor(Counter, 'a');
    await expect(node.run(counter.tell(add(), { deadlineMs: 2_000 }))).rejects.toEqual(fault('ACTOR_QUARANTINED'));
  });
});

describe('timers', () => {
  it('[TM1] a timer fires at its time, not before', async () => {
    const { runtime, run, clock } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    await run(counter.tell({ type: 'arm', delayMs: 1_000 }));
    await clock.advance(990);
    expect((await run(counter.read())).value).toBe('armed');
    await clock.advance(20);
    expect((await run(counter.read())).context).toMatchObject({ alarms: 1, lateBy: 0 });
  });

  it('[TM2] a timer that fell due while nobody lived fires once after the restart, with lateBy', async () => {
    const node = await solo([Counter]);
    await node.run(node.runtime.actor(Counter, 'a').tell({ type: 'arm', delayMs: 1_000 }));
    await node.run(node.runtime.stop());
    await node.clock.advance(5_000);
    await node.restart();
    await node.clock.advance(10);
    const { context, value } = await node.run(node.runtime.actor(Counter, 'a').read());
    expect(value).toBe('open');
    expect(context.alarms).toBe(1);
    expect(context.lateBy).toBeGreaterThanOrEqual(3_900);
    expect(context.lateBy).toBeLessThan(4_200);
  });

  it('[TM3] a timer that was left or entered anew does not fire for the old entry', async () => {
    const { runtime, run, clock } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    await run(counter.tell({ type: 'arm', delayMs: 1_000 }));
    await clock.advance(500);
    await run(counter.tell({ type: 'arm', delayMs: 1_000 }));
    await clock.advance(700);
    expect((await run(counter.read())).value).toBe('armed');
    await run(counter.tell({ type: 'disarm' }));
    await clock.advance(5_000);
    expect((await run(counter.read())).context.alarms).toBe(0);
  });

  it("[TM4] a delay longer than the platform's own timers hold is kept", async () => {
    const { runtime, run, clock } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    await run(counter.tell({ type: 'arm', delayMs: 60 * 86_400_000 }));
    await clock.advance(59 * 86_400_000);
    expect((await run(counter.read())).value).toBe('armed');
    await clock.advance(2 * 86_400_000);
    expect((await run(counter.read())).value).toBe('open');
  });
});

describe('passivation', () => {
  it('[AC5] an idle actor leaves memory, and the next message finds its state', async () => {
    const { runtime, run, clock, state } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    await run(counter.tell(add(5)));
    let loads = 0;
    const load = state.load.bind(state);
    state.load = (...given) => {
      loads++;
      return load(...given);
    };
    await run(counter.tell(add()));
    expect(loads).toBe(0);
    await clock.advance(140_000);
    expect(await run(counter.ask({ type: 'total' }))).toEqual({ total: 6 });
    expect(loads).toBe(1);
  });

  it('[AC5] under a cap of one resident no message is lost while actors come and go', async () => {
    const { runtime, run } = await solo([Counter], { maxResident: 1 });
    const counters = Array.from({ length: 8 }, (_, i) => runtime.actor(Counter, `k${i}`));
    for (let round = 0; round < 5; round++) await run(Promise.all(counters.map((counter) => counter.tell(add()))));
    for (const counter of counters) expect(await run(counter.ask({ type: 'total' }))).toEqual({ total: 5 });
  });

  it('[AC5] a timer wakes an actor that has left memory', async () => {
    const { runtime, run, clock } = await solo([Counter]);
    await run(runtime.actor(Counter, 'a').tell({ type: 'arm', delayMs: 600_000 }));
    await clock.advance(601_000);
    expect(await run(runtime.actor(Counter, 'a').peek())).toMatchObject({ value: 'open', context: { alarms: 1 } });
  });
});

describe('outbox', () => {
  it('[OB1] what an actor tells another arrives once, in order, and leaves the outbox', async () => {
    const { runtime, run, clock, state } = await solo([Counter]);
    const from = runtime.actor(Counter, 'from');
    await run(Promise.all([1, 2, 3, 4].map((by) => from.tell({ type: 'forward', to: 'to', by }))));
    await clock.advance(100);
    expect(await run(runtime.actor(Counter, 'to').ask({ type: 'total' }))).toEqual({ total: 10 });
    expect((await state.peek(from.id))?.outbox).toEqual([]);
  });

  it('[OB1] more messages to one receiver than it keeps numbers of arrive all the same', async () => {
    const { runtime, run, clock, state } = await solo([Counter]);
    const from = runtime.actor(Counter, 'from');
    for (let i = 0; i < 150; i++) await run(from.tell({ type: 'forward', to: 'to', by: 1 }));
    await clock.advance(2_000);
    expect(await run(runtime.actor(Counter, 'to').ask({ type: 'total' }))).toEqual({ total: 150 });
    expect((await state.peek(from.id))?.outbox).toEqual([]);
  });

  it('[OB6] the record of an actor does not grow with the actors it has told, whose numbers rise', async () => {
    const { runtime, run, clock, state, calls } = await solo([Counter]);
    const from = runtime.actor(Counter, 'from');
    const sizeAfter = async (receivers: number): Promise<number> => {
      for (let i = 0; i < receivers; i++) await run(from.tell({ type: 'forward', to: `to${i}`, by: 1 }));
      await clock.advance(1_000);
      return JSON.stringify(await state.peek(from.id)).length;
    };
    const few = await sizeAfter(3);
    expect(await sizeAfter(60)).toBeLessThanOrEqual(few + 8);
    const numbers = calls.flat().flatMap(({ outbox }) => outbox.add.map(({ n }) => n));
    expect(numbers).toHaveLength(63);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers[0]).toBeGreaterThan(1_000_000);
  });

  it('[OB4] a message that its receiver refuses for good is a dead letter, and the rest goes on', async () => {
    const { runtime, run, clock, deadLetters } = await solo([Counter]);
    await run(runtime.actor(Counter, 'to').tell({ type: 'close' }));
    await run(runtime.actor(Counter, 'from').tell({ type: 'forward', to: 'to', by: 1 }));
    await run(runtime.actor(Counter, 'from').tell({ type: 'forward', to: 'other', by: 1 }));
    await clock.advance(100);
    expect(deadLetters).toMatchObject([{ to: 'counter:to', from: 'counter:from', why: 'ACTOR_STOPPED' }]);
    expect(await run(runtime.actor(Counter, 'other').ask({ type: 'total' }))).toEqual({ total: 1 });
  });
});

describe('invokes', () => {
  const keys: string[] = [];
  const machine = setup({
    types: {} as { context: { answer: number }; events: { type: 'go' } | { type: 'leave' } },
    actors: {
      work: durable(
        'work',
        async ({
          input,
          idempotencyKey,
          signal,
        }: {
          input: { n: number };
          idempotencyKey: string;
          signal: AbortSignal;
        }) => {
          keys.push(idempotencyKey);
          if (input.n < 0)
            await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
          return input.n * 2;
        },
      ),
    },
  }).createMachine({
    context: { answer: 0 },
    initial: 'idle',
    states: {
      idle: { on: { go: 'working' } },
      working: {
        invoke: {
          id: 'work',
          src: 'work',
          input: ({ context }) => ({ n: context.answer === 0 ? -1 : context.answer }),
          onDone: { target: 'idle', actions: assign({ answer: ({ event }) => event.output }) },
        },
        on: { leave: 'idle' },
      },
    },
  });
  const Worker = defineActor('worker', { machine });

  it('[IV1] an invoke under way is started again by the next owner, with the same key', async () => {
    const node = await solo([Worker]);
    await node.run(node.runtime.actor(Worker, 'a').tell({ type: 'go' }));
    await node.clock.advance(1);
    await node.restart();
    await node.run(node.runtime.actor(Worker, 'a').read());
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });
});
