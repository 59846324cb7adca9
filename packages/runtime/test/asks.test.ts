// Answers that come later than their ask, and asks that machines make.
import { describe, expect, it } from 'vitest';
import { assign, forwardTo, setup } from 'xstate';
import { answered, noAsks, type ReplyAddress, withAsk } from '../src/asks.ts';
import { defineActor, remoteAsk, reply, replyAddress, returns } from '../src/index.ts';
import { solo } from './solo.fixture.ts';

const fault = (code: string) => expect.objectContaining({ code });

type Waiting = { readonly who: string; readonly replyTo: ReplyAddress | null };

// A desk with one stamp: who asks for it is answered when it is their turn.
const desk = setup({
  types: {} as {
    context: { waiting: readonly Waiting[]; holder: string | null };
    events: { type: 'take'; who: string } | { type: 'give' } | { type: 'both' };
  },
}).createMachine({
  context: { waiting: [], holder: null },
  on: {
    take: [
      {
        guard: ({ context }) => context.holder === null,
        actions: [assign({ holder: ({ event }) => event.who }), reply(({ event }) => `yours, ${event.who}`)],
      },
      {
        actions: assign({
          waiting: ({ context, event }) => [...context.waiting, { who: event.who, replyTo: replyAddress(event) }],
        }),
      },
    ],
    give: {
      actions: [
        reply({
          to: ({ context }) => context.waiting[0]?.replyTo ?? null,
          value: ({ context }) => `yours, ${context.waiting[0]?.who ?? 'nobody'}`,
        }),
        reply({ to: ({ context }) => context.waiting[0]?.replyTo ?? null, value: 'never heard' }),
        assign(({ context }) => ({ holder: context.waiting[0]?.who ?? null, waiting: context.waiting.slice(1) })),
      ],
    },
    both: { actions: [reply({ to: ({ event }) => replyAddress(event), value: 'by address' }), reply('too late')] },
  },
});
const Desk = defineActor('desk', { machine: desk, replies: { take: returns<string>(), both: returns<string>() } });

describe('answers given later', () => {
  it('[AK1] an ask whose address the machine keeps is answered by a later step; the first answer counts', async () => {
    const node = await solo([Desk]);
    const actor = node.runtime.actor(Desk, 'a');
    expect(await node.run(actor.ask({ type: 'take', who: 'ann' }))).toBe('yours, ann');
    const bob = actor.ask({ type: 'take', who: 'bob' });
    const cid = actor.ask({ type: 'take', who: 'cid' });
    await node.clock.advance(2_000);
    await node.run(actor.tell({ type: 'give' }));
    expect(await node.run(bob)).toBe('yours, bob');
    await node.run(actor.tell({ type: 'give' }));
    expect(await node.run(cid)).toBe('yours, cid');
  });

  it('[AK1] one that answers by address within its own step answers at once', async () => {
    const node = await solo([Desk]);
    expect(await node.run(node.runtime.actor(Desk, 'a').ask({ type: 'both' }))).toBe('by address');
  });

  it('[AK1] the address is plain data: it survives a restart, and whoever asks again under the same key gets the answer', async () => {
    const node = await solo([Desk]);
    await node.run(node.runtime.actor(Desk, 'a').tell({ type: 'take', who: 'ann' }));
    const lost = node.runtime.actor(Desk, 'a').ask({ type: 'take', who: 'bob' }, { dedup: 'bob', deadlineMs: 60_000 });
    lost.catch(() => {});
    await node.clock.advance(100);
    await node.restart();
    const actor = node.runtime.actor(Desk, 'a');
    const again = actor.ask({ type: 'take', who: 'bob' }, { dedup: 'bob' });
    await node.clock.advance(1_500);
    expect((await node.run(actor.read())).context.waiting).toHaveLength(1);
    await node.run(actor.tell({ type: 'give' }));
    expect(await node.run(again)).toBe('yours, bob');
    await node.restart();
    const late = node.runtime.actor(Desk, 'a').ask({ type: 'take', who: 'bob' }, { dedup: 'bob' });
    expect(await node.run(late)).toBe('yours, bob');
  });

  it('[AK3] one that is not answered by its deadline is DEADLINE, and its answer is nothing from then on', async () => {
    const node = await solo([Desk]);
    const actor = node.runtime.actor(Desk, 'a');
    await node.run(actor.tell({ type: 'take', who: 'ann' }));
    await expect(node.run(actor.ask({ type: 'take', who: 'bob' }, { deadlineMs: 500, dedup: 'k' }))).rejects.toEqual(
      fault('DEADLINE'),
    );
    await node.clock.advance(100);
    await node.run(actor.tell({ type: 'give' }));
    await expect(node.run(actor.ask({ type: 'take', who: 'bob' }, { dedup: 'k' }))).rejects.toEqual(fault('DEADLINE'));
    expect((await node.run(actor.read())).context.holder).toBe('bob');
  });

  it('[AK1] an actor of memory alone answers later too', async () => {
    const Fleeting = defineActor('fleeting', { machine: desk, durable: false, replies: { take: returns<string>() } });
    const node = await solo([Fleeting]);
    const actor = node.runtime.actor(Fleeting, 'a');
    await node.run(actor.tell({ type: 'take', who: 'ann' }));
    const bob = actor.ask({ type: 'take', who: 'bob' }, { dedup: 'bob' });
    const twin = actor.ask({ type: 'take', who: 'bob' }, { dedup: 'bob' });
    await node.clock.advance(100);
    await node.run(actor.tell({ type: 'give' }));
    expect([await node.run(bob), await node.run(twin)]).toEqual(['yours, bob', 'yours, bob']);
  });

  it('[AK1] a machine below the actor answers too, at once or later, when the ask is forwarded to it', async () => {
    const clerk = setup({
      types: {} as {
        context: { to: ReplyAddress | null };
        events: { type: 'now' } | { type: 'later' } | { type: 'go' };
      },
    }).createMachine({
      context: { to: null },
      on: {
        now: { actions: reply('at once') },
        later: { actions: assign({ to: ({ event }) => replyAddress(event) }) },
        go: { actions: reply({ to: ({ context }) => context.to, value: 'later on' }) },
      },
    });
    const office = setup({
      types: {} as { events: { type: 'now' } | { type: 'later' } | { type: 'go' } },
      actors: { clerk },
    }).createMachine({
      invoke: { src: 'clerk', id: 'clerk', onError: {} },
      on: {
        now: { actions: forwardTo('clerk') },
        later: { actions: forwardTo('clerk') },
        go: { actions: forwardTo('clerk') },
      },
    });
    const Office = defineActor('office', {
      machine: office,
      replies: { now: returns<string>(), later: returns<string>() },
    });
    expect(Office.behavior.warnings).toEqual([]);
    const node = await solo([Office]);
    expect(await node.run(node.runtime.actor(Office, 'a').ask({ type: 'now' }))).toBe('at once');
    const later = node.runtime.actor(Office, 'a').ask({ type: 'later' }, { dedup: 'l', deadlineMs: 60_000 });
    later.catch(() => {});
    await node.clock.advance(50);
    await node.restart();
    const again = node.runtime.actor(Office, 'a').ask({ type: 'later' }, { dedup: 'l' });
    await node.clock.advance(50);
    await node.run(node.runtime.actor(Office, 'a').tell({ type: 'go' }));
    expect(await node.run(again)).toBe('later on');
  });

  it('[AK2] at most 1,000 are kept: answered ones make room, open ones do not', () => {
    let asks = noAsks;
    const address = (n: number): ReplyAddress => `${n} s` as ReplyAddress;
    for (let n = 0; n < 1_000; n++) asks = withAsk(asks, address(n), 100) ?? asks;
    expect(withAsk(asks, address(1_000), 100)).toBeUndefined();
    const after = answered(asks, address(500), 'x', 50);
    expect(after.kind).toBe('answered');
    if (after.kind === 'answered') expect(withAsk(after.asks, address(1_000), 100)).toBeDefined();
    expect(answered(asks, address(500), 'x', 101).kind).toBe('late');
  });
});

describe('asks by machines', () => {
  const shop = setup({
    types: {} as { context: { asked: number }; events: { type: 'price'; sku: string } | { type: 'stock' } },
  }).createMachine({
    context: { asked: 0 },
    on: {
      price: {
        actions: [assign({ asked: ({ context }) => context.asked + 1 }), reply(({ event }) => event.sku.length)],
      },
    },
  });
  const Shop = defineActor('shop', {
    machine: shop,
    replies: { price: returns<number>(), stock: returns<number>() },
    lint: { silence: ['reply-without-event'] },
  });
  const buyer = setup({
    types: {} as {
      context: { price: number | null; problem: string | null };
      events: { type: 'go' } | { type: 'count' };
    },
    actors: { price: remoteAsk(Shop, 'price'), stock: remoteAsk(Shop, 'stock') },
  }).createMachine({
    context: { price: null, problem: null },
    initial: 'idle',
    states: {
      idle: { on: { go: 'asking', count: 'counting' } },
      asking: {
        invoke: {
          src: 'price',
          input: { key: 'corner', event: { sku: 'apple' } },
          onDone: { target: 'idle', actions: assign({ price: ({ event }) => event.output }) },
          onError: 'idle',
        },
      },
      counting: {
        invoke: {
          src: 'stock',
          input: { key: 'corner', deadlineMs: 300 },
          onDone: 'idle',
          onError: {
            target: 'idle',
            actions: assign({ problem: ({ event }) => (event.error as { code: string }).code }),
          },
        },
      },
    },
  });
  const Buyer = defineActor('buyer', { machine: buyer });

  it('[RA1] a machine asks another actor by its address, and goes on with the reply', async () => {
    const node = await solo([Shop, Buyer]);
    const actor = node.runtime.actor(Buyer, 'a');
    await node.run(actor.tell({ type: 'go' }));
    await node.clock.advance(50);
    expect((await node.run(actor.read())).context.price).toBe(5);
  });

  it('[RA1] an ask that the other refuses ends in onError, with its code', async () => {
    const node = await solo([Shop, Buyer]);
    const actor = node.runtime.actor(Buyer, 'a');
    await node.run(actor.tell({ type: 'count' }));
    await node.clock.advance(50);
    expect((await node.run(actor.read())).context.problem).toBe('UNHANDLED_EVENT');
  });

  it('[RA2] one under way is asked again by the next owner as the same message, which is applied once', async () => {
    let held = true;
    const node = await solo([Shop, Buyer], {
      // The shop has committed and the buyer never hears of it, until the restart.
      fault: (commits) =>
        held && commits.some(({ id, basis }) => id.startsWith('buyer') && basis > 0) ? 'not-applied' : 'none',
    });
    await node.run(node.runtime.actor(Buyer, 'a').tell({ type: 'go' }));
    await node.clock.advance(200);
    expect((await node.run(node.runtime.actor(Shop, 'corner').peek()))?.context.asked).toBe(1);
    held = false;
    await node.restart();
    const actor = node.runtime.actor(Buyer, 'a');
    await node.run(actor.read());
    await node.clock.advance(200);
    expect((await node.run(actor.read())).context.price).toBe(5);
    expect((await node.run(node.runtime.actor(Shop, 'corner').read())).context.asked).toBe(1);
  });
});
