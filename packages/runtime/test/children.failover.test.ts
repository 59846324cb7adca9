// What lives below an actor, what it has been asked, and what it asks, when its node is killed.
import { afterEach, describe, expect, it } from 'vitest';
import { assign, forwardTo, fromCallback, sendParent, setup } from 'xstate';
import {
  type ActorType,
  defineActor,
  type ReplyAddress,
  remoteAsk,
  reply,
  replyAddress,
  returns,
} from '../src/index.ts';
import { Cluster, type ClusterNode } from '../src/testing-cluster.ts';

let cluster: Cluster;
afterEach(async () => await cluster.stop());

const egg = setup({
  types: {} as { context: { left: number }; events: { type: 'poke' } },
  delays: { minute: 60_000 },
  actions: { tick: assign({ left: ({ context }) => context.left - 1 }) },
}).createMachine({
  context: { left: 3 },
  initial: 'raw',
  states: {
    raw: {
      entry: sendParent(({ context }) => ({ type: 'left', minutes: context.left })),
      after: {
        minute: [
          { guard: ({ context }) => context.left === 1, target: 'boiled' },
          { target: 'raw', reenter: true, actions: 'tick' },
        ],
      },
      on: { poke: { actions: sendParent({ type: 'poked' }) } },
    },
    boiled: { type: 'final' },
  },
});
const feeds: string[] = [];
const kitchen = setup({
  types: {} as {
    context: { left: readonly number[]; pokes: number; served: boolean; replyTo: ReplyAddress | null };
    events:
      | { type: 'boil' }
      | { type: 'poke' }
      | { type: 'left'; minutes: number }
      | { type: 'poked' }
      | { type: 'serve' };
    children: { egg: 'egg' };
  },
  actors: {
    egg,
    watch: fromCallback(() => {
      feeds.push('watching');
      return () => feeds.push('gone');
    }),
  },
}).createMachine({
  context: { left: [], pokes: 0, served: false, replyTo: null },
  initial: 'idle',
  on: {
    left: { actions: assign({ left: ({ context, event }) => [...context.left, event.minutes] }) },
    poked: { actions: assign({ pokes: ({ context }) => context.pokes + 1 }) },
    serve: { actions: assign({ replyTo: ({ event }) => replyAddress(event) }) },
  },
  states: {
    idle: { on: { boil: 'boiling' } },
    boiling: {
      invoke: [
        {
          src: 'egg',
          id: 'egg',
          onDone: {
            target: 'idle',
            actions: [assign({ served: true }), reply({ to: ({ context }) => context.replyTo, value: 'an egg' })],
          },
          onError: 'idle',
        },
        { src: 'watch', id: 'watch', onError: {} },
      ],
      on: { poke: { actions: forwardTo('egg') } },
    },
  },
});
const Kitchen = defineActor('kitchen', { machine: kitchen, replies: { serve: returns<string>() } });

const guest = setup({
  types: {} as { context: { got: string | null }; events: { type: 'order'; at: string } },
  actors: { serve: remoteAsk(Kitchen, 'serve') },
}).createMachine({
  context: { got: null },
  initial: 'hungry',
  states: {
    hungry: { on: { order: 'waiting' } },
    waiting: {
      invoke: {
        src: 'serve',
        input: ({ event }) => ({ key: event.at, deadlineMs: 600_000 }),
        onDone: { target: 'fed', actions: assign({ got: ({ event }) => event.output }) },
        onError: 'hungry',
      },
    },
    fed: {},
  },
});
const Guest = defineActor('guest', { machine: guest });

function keyOn(node: ClusterNode, type: ActorType): string {
  for (let i = 0; i < 1_000; i++) if (cluster.ownerOf(node.runtime.actor(type, `k${i}`)) === node) return `k${i}`;
  throw new Error('a node serves some shard');
}

describe('failover', () => {
  it('[CH1] [IV1] machines below an actor go on where they were, their timers fire at the next owner, and work is started again', async () => {
    cluster = await Cluster.start({ actors: [Kitchen] });
    feeds.length = 0;
    const [a, , c] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
    const key = keyOn(a, Kitchen);
    const ref = c.runtime.actor(Kitchen, key);
    await cluster.run(ref.tell({ type: 'boil' }));
    await cluster.run(ref.tell({ type: 'poke' }));
    await cluster.advance(50_000);
    await a.kill();
    await cluster.run(ref.tell({ type: 'poke' }));
    expect(feeds).toEqual(['watching', 'watching']);
    for (let i = 0; i < 140; i++) await cluster.advance(1_000);
    expect((await cluster.run(ref.read({ fresh: true }))).context).toMatchObject({
      left: [3, 2, 1],
      pokes: 2,
      served: true,
    });
  });

  it('[AK1] [RA2] whoever waits for a later answer, a person or a machine, hears it from the next owner; the ask was applied once', async () => {
    cluster = await Cluster.start({ actors: [Kitchen, Guest] });
    const [a, b] = cluster.nodes as [ClusterNode, ClusterNode];
    const kitchenKey = keyOn(a, Kitchen);
    const guestKey = keyOn(b, Guest);
    const ref = b.runtime.actor(Kitchen, kitchenKey);
    await cluster.run(ref.tell({ type: 'boil' }));
    await cluster.run(b.runtime.actor(Guest, guestKey).tell({ type: 'order', at: kitchenKey }));
    await cluster.advance(5_000);
    expect((await cluster.run(ref.read())).context.replyTo).not.toBeNull();
    await a.kill();
    for (let i = 0; i < 200; i++) await cluster.advance(1_000);
    expect((await cluster.run(b.runtime.actor(Guest, guestKey).read())).context.got).toBe('an egg');
    const asked = ref.ask({ type: 'serve' }, { deadlineMs: 400_000 });
    await cluster.advance(100);
    await cluster.run(ref.tell({ type: 'boil' }));
    for (let i = 0; i < 190; i++) await cluster.advance(1_000);
    expect(await cluster.run(asked)).toBe('an egg');
  });
});
