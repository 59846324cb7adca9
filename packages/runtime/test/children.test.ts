// Machines, callbacks and observables below a machine, as the runtime keeps them: one node, restarts between.
import { describe, expect, it } from 'vitest';
import { assign, forwardTo, fromCallback, fromObservable, sendParent, sendTo, setup } from 'xstate';
import { defineActor, reply, returns } from '../src/index.ts';
import { solo } from './solo.fixture.ts';

const minute = setup({
  types: {} as {
    context: { left: number };
    input: { minutes: number };
    output: string;
    events: { type: 'hurry' } | { type: 'abandon' };
  },
  delays: { minute: 60_000 },
  actions: { tick: assign({ left: ({ context }) => context.left - 1 }) },
}).createMachine({
  context: ({ input }) => ({ left: input.minutes }),
  initial: 'waiting',
  output: ({ context }) => (context.left === 0 ? 'rang' : 'was hurried'),
  states: {
    waiting: {
      entry: sendParent(({ context }) => ({ type: 'left', minutes: context.left })),
      after: { minute: { target: 'checking', actions: 'tick' } },
      on: { hurry: 'done' },
    },
    checking: { always: [{ guard: ({ context }) => context.left === 0, target: 'done' }, { target: 'waiting' }] },
    done: { type: 'final' },
  },
});

const kitchen = setup({
  types: {} as {
    context: { left: readonly number[]; said: string | null };
    events:
      | { type: 'boil'; minutes: number }
      | { type: 'hurry' }
      | { type: 'left'; minutes: number }
      | { type: 'said' };
    children: { egg: 'minute' };
  },
  actors: { minute },
}).createMachine({
  context: { left: [], said: null },
  initial: 'idle',
  on: {
    left: { actions: assign({ left: ({ context, event }) => [...context.left, event.minutes] }) },
    said: { actions: reply(({ context }) => context.said) },
  },
  states: {
    idle: { on: { boil: 'boiling' } },
    boiling: {
      invoke: {
        src: 'minute',
        id: 'egg',
        input: ({ event }) => ({ minutes: event.type === 'boil' ? event.minutes : 0 }),
        onDone: { target: 'idle', actions: assign({ said: ({ event }) => event.output }) },
        onError: 'idle',
      },
      on: { hurry: { actions: forwardTo('egg') } },
    },
  },
});
const Kitchen = defineActor('kitchen', { machine: kitchen, replies: { said: returns<string | null>() } });

describe('children', () => {
  it("[CH1] a machine below is part of the actor's record: each of its steps is a commit of the actor, and no other record is made", async () => {
    const node = await solo([Kitchen]);
    const actor = node.runtime.actor(Kitchen, 'a');
    await node.run(actor.tell({ type: 'boil', minutes: 3 }));
    const commits = node.calls.flat();
    expect(commits.map(({ id }) => id)).toEqual(['kitchen:a']);
    expect(commits[0]).toMatchObject({ timers: [{ event: { to: 'egg' } }] });
    expect((await node.run(actor.read())).context.left).toEqual([3]);
    await node.run(actor.tell({ type: 'hurry' }));
    expect(await node.run(actor.ask({ type: 'said' }))).toBe('was hurried');
  });

  it('[CH1] it survives restarts in the middle of every state, and its timers fire for the next owner', async () => {
    const node = await solo([Kitchen]);
    await node.run(node.runtime.actor(Kitchen, 'a').tell({ type: 'boil', minutes: 3 }));
    for (let i = 0; i < 3; i++) {
      await node.restart();
      await node.run(node.runtime.actor(Kitchen, 'a').read());
      await node.clock.advance(60_000);
    }
    await node.restart();
    const actor = node.runtime.actor(Kitchen, 'a');
    expect((await node.run(actor.read())).context).toEqual({ left: [3, 2, 1], said: 'rang' });
    expect(await node.run(actor.ask({ type: 'said' }))).toBe('rang');
  });

  it('[CH1] it leaves memory with its actor and comes back with it', async () => {
    const Brief = defineActor('kitchen', { machine: kitchen, passivate: { idleMs: 1_000 } });
    const node = await solo([Brief]);
    await node.run(node.runtime.actor(Brief, 'a').tell({ type: 'boil', minutes: 2 }));
    await node.clock.advance(125_000);
    expect((await node.run(node.runtime.actor(Brief, 'a').read())).context).toEqual({ left: [2, 1], said: 'rang' });
  });
});

describe('callbacks and observables', () => {
  /** What runs, outside of any node. */
  interface Feed {
    readonly started: string[];
    readonly stopped: string[];
    emit: (n: number) => void;
  }

  const feedActor = (feed: Feed) => {
    const machine = setup({
      types: {} as {
        context: { heard: readonly number[]; failed: string | null };
        events:
          | { type: 'open' }
          | { type: 'watch' }
          | { type: 'close' }
          | { type: 'ping'; n: number }
          | { type: 'fed'; n: number };
      },
      actors: {
        feed: fromCallback<{ type: 'ping'; n: number }, { from: number }>(({ input, sendBack, receive }) => {
          feed.started.push(`from ${input.from}`);
          feed.emit = (n) => sendBack({ type: 'fed', n });
          receive(({ n }) => sendBack({ type: 'fed', n: n * 100 }));
          return () => feed.stopped.push('cleaned up');
        }),
        values: fromObservable(() => ({
          subscribe: (observer) => {
            const { next } = observer as { next: (value: number) => void };
            feed.started.push('subscribed');
            feed.emit = next;
            return { unsubscribe: () => feed.stopped.push('unsubscribed') };
          },
        })),
      },
    }).createMachine({
      context: { heard: [], failed: null },
      initial: 'shut',
      on: { fed: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) } },
      states: {
        shut: { on: { open: 'open', watch: 'watching' } },
        watching: {
          invoke: {
            src: 'values',
            id: 'values',
            onSnapshot: {
              actions: assign({ heard: ({ context, event }) => [...context.heard, event.snapshot.context as number] }),
            },
            onError: 'shut',
          },
          on: { close: 'shut' },
        },
        open: {
          invoke: [
            {
              src: 'feed',
              id: 'feed',
              input: ({ context }) => ({ from: context.heard.length }),
              onError: {
                target: 'shut',
                actions: assign({ failed: ({ event }) => (event.error as { code: string }).code }),
              },
            },
          ],
          on: { ping: { actions: sendTo('feed', ({ event }) => event) }, close: 'shut' },
        },
      },
    });
    return defineActor('feed', { machine });
  };

  it('[IV2] a callback starts after the commit, its events are committed like others, and its cleanup runs when its state is left', async () => {
    const feed: Feed = { started: [], stopped: [], emit: () => {} };
    const Fed = feedActor(feed);
    const node = await solo([Fed]);
    const actor = node.runtime.actor(Fed, 'a');
    await node.run(actor.tell({ type: 'open' }));
    feed.emit(1);
    feed.emit(2);
    await node.run(actor.tell({ type: 'ping', n: 3 }));
    await node.clock.advance(10);
    expect((await node.run(actor.read())).context.heard).toEqual([1, 2, 300]);
    await node.run(actor.tell({ type: 'close' }));
    feed.emit(4);
    await node.clock.advance(10);
    expect((await node.run(actor.peek()))?.context.heard).toEqual([1, 2, 300]);
    expect(feed).toMatchObject({ started: ['from 0'], stopped: ['cleaned up'] });
  });

  it('[IV1] [IV2] it is started again by the next owner, with the input it had', async () => {
    const feed: Feed = { started: [], stopped: [], emit: () => {} };
    const Fed = feedActor(feed);
    const node = await solo([Fed]);
    await node.run(node.runtime.actor(Fed, 'a').tell({ type: 'open' }));
    feed.emit(1);
    await node.clock.advance(10);
    await node.restart();
    await node.run(node.runtime.actor(Fed, 'a').read());
    feed.emit(2);
    await node.clock.advance(10);
    expect((await node.run(node.runtime.actor(Fed, 'a').read())).context.heard).toEqual([1, 2]);
    expect(feed.started).toEqual(['from 0', 'from 0']);
    expect(feed.stopped).toEqual(['cleaned up']);
  });

  it('[IV2] each value of an observable is committed in order, and shown again from its start by the next owner', async () => {
    const feed: Feed = { started: [], stopped: [], emit: () => {} };
    const Fed = feedActor(feed);
    const node = await solo([Fed]);
    await node.run(node.runtime.actor(Fed, 'a').tell({ type: 'watch' }));
    feed.emit(1);
    feed.emit(2);
    await node.clock.advance(10);
    await node.restart();
    await node.run(node.runtime.actor(Fed, 'a').read());
    feed.emit(3);
    await node.clock.advance(10);
    const actor = node.runtime.actor(Fed, 'a');
    expect((await node.run(actor.read())).context.heard).toEqual([1, 2, 3]);
    await node.run(actor.tell({ type: 'close' }));
    feed.emit(4);
    expect((await node.run(actor.read())).context.heard).toEqual([1, 2, 3]);
    expect(feed).toMatchObject({ started: ['subscribed', 'subscribed'], stopped: ['unsubscribed', 'unsubscribed'] });
  });

  it('[IV2] an event that its state does not take is nothing, and no commit', async () => {
    const feed: Feed = { started: [], stopped: [], emit: () => {} };
    const machine = setup({
      types: {} as { events: { type: 'fed'; n: number } | { type: 'go' } },
      actors: {
        feed: fromCallback(({ sendBack }) => {
          feed.emit = (n) => sendBack({ type: 'fed', n });
        }),
      },
    }).createMachine({ invoke: { src: 'feed', onError: {} }, on: { go: { reenter: false, actions: 'x' as never } } });
    const Deaf = defineActor('deaf', { machine: machine.provide({ actions: { x: () => {} } as never }) });
    const node = await solo([Deaf]);
    await node.run(node.runtime.actor(Deaf, 'a').tell({ type: 'go' }));
    const commits = node.calls.length;
    feed.emit(1);
    await node.clock.advance(10);
    expect(node.calls.length).toBe(commits);
  });

  it('[IV3] one that sends more than its actor can take fails with MAILBOX_FULL', async () => {
    const feed: Feed = { started: [], stopped: [], emit: () => {} };
    const Fed = feedActor(feed);
    const node = await solo([Fed]);
    const actor = node.runtime.actor(Fed, 'a');
    await node.run(actor.tell({ type: 'open' }));
    for (let i = 0; i <= 1_000; i++) feed.emit(i);
    for (let i = 0; i < 40; i++) await node.clock.advance(1);
    const { value, context } = await node.run(actor.read());
    expect([value, context.failed, context.heard.length]).toEqual(['shut', 'MAILBOX_FULL', 1_000]);
    expect(feed.stopped).toEqual(['cleaned up']);
  });
});
