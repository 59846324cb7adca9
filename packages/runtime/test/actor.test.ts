// One node: what a call to an actor means.

import { parseFence } from '@devmentor/locks';
import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { ActorError, createRuntime, defineActor, StaleFenceError } from '../src/index.ts';
import { Counter } from './counter.fixture.ts';
import { solo } from './solo.fixture.ts';

const fault = (code: string) => expect.objectContaining({ code });
const add = (by = 1) => ({ type: 'add', by }) as const;

describe('calls', () => {
  it('[AC2] a tell resolves once the store has committed it', async () => {
    const { runtime, run } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    const { version } = await run(counter.tell(add(2)));
    expect(version).toBe(1);
    expect(await run(counter.peek())).toMatchObject({
      version: 1,
      context: { total: 2 },
      value: 'open',
      status: 'active',
    });
  });

  it('[RU1] an ask answers with the reply of the machine', async () => {
    const { runtime, run } = await solo([Counter]);
    await run(runtime.actor(Counter, 'a').tell(add(3)));
    expect(await run(runtime.actor(Counter, 'a').ask({ type: 'total' }))).toEqual({ total: 3 });
  });

  it('[RU2] an ask without a reply is NO_REPLY, and committed', async () => {
    const { runtime, run } = await solo([Counter]);
    await expect(run(runtime.actor(Counter, 'a').ask({ type: 'mute' }))).rejects.toEqual(fault('NO_REPLY'));
    expect((await run(runtime.actor(Counter, 'a').peek()))?.version).toBe(1);
  });

  it('[RU3] an event that no state takes is UNHANDLED_EVENT and leaves no record', async () => {
    const { runtime, run, calls } = await solo([Counter]);
    await expect(run(runtime.actor(Counter, 'a').tell({ type: 'disarm' }))).rejects.toEqual(fault('UNHANDLED_EVENT'));
    expect(await run(runtime.actor(Counter, 'a').peek())).toBeUndefined();
    expect(calls).toEqual([]);
  });

  it('[RU4] a machine that has ended answers ACTOR_STOPPED, and done() gives its output', async () => {
    const { runtime, run } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    const done = counter.done();
    await run(counter.tell(add(4)));
    await run(counter.tell({ type: 'close' }));
    expect(await run(done)).toBe(4);
    await expect(run(counter.tell(add()))).rejects.toEqual(fault('ACTOR_STOPPED'));
  });

  it('[RU5] an event that is not JSON, or too large, is refused before it is sent', async () => {
    const { runtime, run, calls } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    await expect(run(counter.tell({ type: 'add', by: Number.NaN }))).rejects.toEqual(fault('NOT_JSON'));
    await expect(run(counter.tell({ type: 'forward', to: 'x'.repeat(300_000), by: 1 }))).rejects.toEqual(
      fault('TOO_LARGE'),
    );
    expect(calls).toEqual([]);
  });

  it('[RU6] the events of the runtime itself cannot be sent from outside', async () => {
    const { runtime, run } = await solo([Counter]);
    const forged: object = { type: 'xstate.after.armed.counter.armed' };
    await expect(run(runtime.actor(Counter, 'a').tell(forged as never))).rejects.toEqual(fault('UNHANDLED_EVENT'));
  });

  it('[RU7] a runtime that does not run answers NOT_RUNNING', async () => {
    const runtime = createRuntime({ actors: [Counter] });
    await expect(runtime.actor(Counter, 'a').tell(add())).rejects.toEqual(fault('NOT_RUNNING'));
  });

  it('[RU8] an actor of a type that no node defines is UNKNOWN_TYPE', async () => {
    const { runtime, run } = await solo([Counter]);
    const Stranger = defineActor('stranger', { machine: Counter.behavior.machine });
    await expect(run(runtime.actor(Stranger, 'a').tell({ type: 'add' }))).rejects.toEqual(fault('UNKNOWN_TYPE'));
  });

  it('[RU9] two types of one name, or half a cluster, are refused when the runtime is made', () => {
    expect(() => createRuntime({ actors: [Counter, Counter] })).toThrow(fault('RUNTIME_CONFIG'));
  });

  it('[RU10] a call ends with the reason of its signal', async () => {
    const { runtime, run } = await solo([Counter], { fault: () => 'not-applied' });
    const why = new Error('enough');
    const controller = new AbortController();
    const telling = runtime.actor(Counter, 'a').tell(add(), { signal: controller.signal });
    controller.abort(why);
    await expect(run(telling)).rejects.toBe(why);
  });

  it('[RU11] a record is migrated to the machine it meets, and never read by an older one', async () => {
    const old = setup({ types: {} as { context: { n: number }; events: { type: 'set'; n: number } } }).createMachine({
      context: { n: 0 },
      initial: 'idle',
      states: { idle: {} },
      on: { set: { actions: assign({ n: ({ event }) => event.n }) } },
    });
    const young = setup({
      types: {} as { context: { count: number }; events: { type: 'set'; n: number } },
    }).createMachine({
      context: { count: 0 },
      initial: 'idle',
      states: { idle: {} },
      on: { set: { actions: assign({ count: ({ event }) => event.n }) } },
    });
    const Old = defineActor('thing', { machine: old });
    const Young = defineActor('thing', {
      machine: young,
      version: 2,
      migrate: {
        1: (snapshot) => {
          const { context, ...rest } = snapshot as { context: { n: number } };
          return { ...rest, context: { count: context.n } };
        },
      },
    });
    const node = await solo([Old]);
    await node.run(node.runtime.actor(Old, 'a').tell({ type: 'set', n: 7 }));
    await node.restart([Young]);
    expect((await node.run(node.runtime.actor(Young, 'a').read())).context).toEqual({ count: 7 });
    await node.run(node.runtime.actor(Young, 'a').tell({ type: 'set', n: 8 }));
    await node.restart([Old]);
    await expect(node.run(node.runtime.actor(Old, 'a').read())).rejects.toEqual(fault('VERSION_UNSUPPORTED'));
  });

  it('[DD1] calls with one dedup key are one message, after a restart too', async () => {
    const node = await solo([Counter]);
    await node.run(node.runtime.actor(Counter, 'a').tell(add(), { dedup: 'once' }));
    await node.run(node.runtime.actor(Counter, 'a').tell(add(), { dedup: 'once' }));
    await node.restart();
    await node.run(node.runtime.actor(Counter, 'a').tell(add(), { dedup: 'once' }));
    expect((await node.run(node.runtime.actor(Counter, 'a').read())).context.total).toBe(1);
  });

  it('[DD2] a repeated ask is answered with the reply it had', async () => {
    const node = await solo([Counter]);
    const counter = node.runtime.actor(Counter, 'a');
    await node.run(counter.tell(add(1)));
    expect(await node.run(counter.ask({ type: 'total' }, { dedup: 'q' }))).toEqual({ total: 1 });
    await node.run(counter.tell(add(1)));
    expect(await node.run(counter.ask({ type: 'total' }, { dedup: 'q' }))).toEqual({ total: 1 });
  });

  it('[DD3] a refusal under a dedup key stays the answer, though the event would be taken by now', async () => {
    const node = await solo([Counter]);
    const counter = node.runtime.actor(Counter, 'a');
    await expect(node.run(counter.tell({ type: 'disarm' }, { dedup: 'd' }))).rejects.toEqual(fault('UNHANDLED_EVENT'));
    await node.run(counter.tell({ type: 'arm', delayMs: 60_000 }));
    await expect(node.run(counter.tell({ type: 'disarm' }, { dedup: 'd' }))).rejects.toEqual(fault('UNHANDLED_EVENT'));
    expect((await node.run(counter.read())).value).toBe('armed');
  });

  it('[DD4] a lane to one receiver is bounded: further calls wait, then are MAILBOX_FULL', async () => {
    const node = await solo([Counter], { fault: () => 'not-applied' });
    const counter = node.runtime.actor(Counter, 'a');
    const calls = Array.from({ length: 64 + 1_000 + 1 }, () => counter.tell(add(), { deadlineMs: 100 }));
    const outcomes = await node.run(Promise.allSettled(calls));
    const codes = new Set(
      outcomes.map((outcome) =>
        outcome.status === 'rejected' && outcome.reason instanceof ActorError ? outcome.reason.code : outcome.status,
      ),
    );
    expect(outcomes.at(-1)).toEqual({ status: 'rejected', reason: fault('MAILBOX_FULL') });
    expect(codes).toEqual(new Set(['DEADLINE', 'NOT_DELIVERED', 'MAILBOX_FULL']));
  });

  it('[DD6] an actor without a record answers a repeat as it did the first time', async () => {
    const Fleeting = defineActor('fleeting', { machine: Counter.behavior.machine, durable: false });
    const { runtime, run, calls } = await solo([Fleeting]);
    const fleeting = runtime.actor(Fleeting, 'a');
    for (let i = 0; i < 3; i++) await run(fleeting.tell({ type: 'add', by: 1 }, { dedup: 'once' }));
    expect(await run(fleeting.read())).toMatchObject({ context: { total: 1 } });
    expect(calls).toEqual([]);
  });

  it('[MB2] a full mailbox is a typed refusal, and the actor goes on', async () => {
    const Narrow = defineActor('narrow', { machine: Counter.behavior.machine, mailbox: { max: 2 } });
    const node = await solo([Narrow]);
    const narrow = node.runtime.actor(Narrow, 'a');
    const outcomes = await node.run(Promise.allSettled([1, 2, 3].map(() => narrow.tell({ type: 'add', by: 1 }))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: { code: 'MAILBOX_FULL', applied: 'no', retryable: true } });
    await node.run(narrow.tell({ type: 'add', by: 1 }));
  });

  it('[FN1] a write with an older fence than the guard is refused and changes nothing', async () => {
    const { runtime, run, state } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    const [old, young] = [parseFence('1000000000000001'), parseFence('1000000000000002')];
    await run(counter.tell(add(), { fence: old }));
    await state.admit(counter.id, young);
    const refused = await run(counter.tell(add(10), { fence: old }).catch((error: unknown) => error));
    expect(refused).toBeInstanceOf(StaleFenceError);
    expect(refused).toMatchObject({ code: 'STALE_FENCE', guard: young, applied: 'no' });
    expect((await run(counter.read())).context.total).toBe(1);
  });

  it('[FN2] a stale write disturbs no message that waits beside it', async () => {
    const { runtime, run, state } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    await state.admit(counter.id, parseFence('1000000000000002'));
    const outcomes = await run(
      Promise.allSettled([
        counter.tell(add()),
        counter.tell(add(10), { fence: parseFence('1000000000000001') }),
        counter.tell(add()),
      ]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await run(counter.read())).context.total).toBe(2);
  });

  it('[FN3] a fence for an actor that has no record is refused as misuse', async () => {
    const Fleeting = defineActor('fleeting', { machine: Counter.behavior.machine, durable: false });
    const { runtime, run } = await solo([Fleeting]);
    await expect(
      run(runtime.actor(Fleeting, 'a').tell({ type: 'add', by: 1 }, { fence: parseFence('1000000000000001') })),
    ).rejects.toEqual(fault('RUNTIME_CONFIG'));
  });

  it('[SV1] a step that throws keeps the state, is a dead letter, and leaves its neighbours alone', async () => {
    const Steady = defineActor('counter', { machine: Counter.behavior.machine, supervise: { directive: 'resume' } });
    const { runtime, run, deadLetters } = await solo([Steady]);
    const counter = runtime.actor(Counter, 'a');
    const outcomes = await run(
      Promise.allSettled([counter.tell(add()), counter.tell({ type: 'boom' }), counter.tell(add())]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'ACTOR_FAILED', applied: 'no' } });
    expect((await run(counter.read())).context.total).toBe(2);
    expect(deadLetters).toMatchObject([{ to: 'counter:a', event: { type: 'boom' } }]);
  });

  it('[SV2] a state that cannot be stored fails the one message that made it', async () => {
    const { runtime, run } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    const outcomes = await run(
      Promise.allSettled([counter.tell(add()), counter.tell({ type: 'spoil' }), counter.tell(add())]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await run(counter.read())).context).toMatchObject({ total: 2, spoilt: null });
  });

  it('[SV3] a step is tried again `retries` times before it is given up', async () => {
    let attempts = 0;
    const machine = setup({ types: {} as { context: { n: number }; events: { type: 'try' } } }).createMachine({
      context: { n: 0 },
      on: {
        try: {
          actions: assign({
            n: () => {
              attempts++;
              if (attempts < 3) throw new Error('not yet');
              return attempts;
            },
          }),
        },
      },
    });
    const Stubborn = defineActor('stubborn', { machine, supervise: { retries: 2 } });
    const { runtime, run } = await solo([Stubborn]);
    await run(runtime.actor(Stubborn, 'a').tell({ type: 'try' }));
    expect((await run(runtime.actor(Stubborn, 'a').read())).context.n).toBe(3);
  });

  it('[RD1] a read shows version 0 of an actor that has no record, and makes none', async () => {
    const { runtime, run, calls } = await solo([Counter]);
    expect(await run(runtime.actor(Counter, 'a').read())).toMatchObject({ version: 0, value: 'open' });
    expect(calls).toEqual([]);
  });

  it('[RD2] what a read gave is a copy: changing it changes nothing', async () => {
    const { runtime, run } = await solo([Counter]);
    const view = await run(runtime.actor(Counter, 'a').read());
    view.context.total = 99;
    expect((await run(runtime.actor(Counter, 'a').read())).context.total).toBe(0);
  });

  it('[WA1] a watcher sees the present state, then later ones in order, the last one always', async () => {
    const { runtime, run, clock } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    const controller = new AbortController();
    const totals: number[] = [];
    const watching = (async () => {
      for await (const view of counter.watch({ signal: controller.signal })) totals.push(view.context.total);
    })();
    for (let i = 0; i < 5; i++) await run(counter.tell(add()));
    await clock.advance(5_000);
    await run(counter.tell(add()));
    await clock.advance(10);
    controller.abort();
    await run(watching);
    expect(totals).toEqual([...totals].sort((a, b) => a - b));
    expect(totals[0]).toBe(0);
    expect(totals.at(-1)).toBe(6);
  });

  it('[WA2] listeners hear what the machine emits and what it publishes, after the commit', async () => {
    const { runtime, run, clock } = await solo([Counter]);
    const counter = runtime.actor(Counter, 'a');
    const heard: unknown[] = [];
    const off = counter.on('counted', (event) => heard.push(event));
    counter.on('added', (event) => heard.push(event.data));
    await clock.advance(1);
    await run(counter.tell(add(2)));
    await clock.advance(1);
    off();
    await run(counter.tell(add(2)));
    await clock.advance(1);
    expect(heard).toEqual(expect.arrayContaining([{ type: 'counted', total: 2 }, { total: 2 }, { total: 4 }]));
    expect(heard).toHaveLength(3);
  });
});
