import { describe, expect, it } from 'vitest';
import { assign, createActor, setup, toPromise } from 'xstate';
import { defineActor } from '../src/define-actor.ts';
import { durable } from '../src/durable.ts';
import { publish, reply, tell } from '../src/effect.ts';

const Tally = defineActor('tally', {
  machine: setup({ types: { events: {} as { type: 'add'; by: number } } }).createMachine({}),
});

const counter = setup({
  types: {
    context: {} as { n: number },
    events: {} as { type: 'add'; by: number } | { type: 'read' },
    input: {} as { key: string },
  },
  actions: { answer: reply(({ context }) => ({ n: context.n })) },
}).createMachine({
  context: { n: 0 },
  on: {
    add: {
      actions: [
        assign({ n: ({ context, event }) => context.n + event.by }),
        publish('added', ({ context, event }) => ({ n: context.n, by: event.by })),
        reply(({ context, event }) => ({ n: context.n, type: event.type, by: event.by })),
        'answer',
      ],
    },
    read: {
      actions: [
        reply({ fixed: true }),
        publish('read'),
        tell('audit', 'all', { type: 'seen' }),
        tell(
          Tally,
          ({ context }) => `c${context.n}`,
          ({ event }) => ({ type: 'add', by: event.type.length }),
        ),
        // @ts-expect-error the receiver takes no such event
        tell(Tally, 'all', { type: 'subtract', by: 1 }),
        // @ts-expect-error the event lacks a part
        tell(Tally, 'all', { type: 'add' }),
        // @ts-expect-error the context has no such part
        reply(({ context }) => context.missing),
      ],
    },
  },
});

describe('effect actions', () => {
  it('[EF4] in a live XState actor they do nothing', () => {
    const live = createActor(counter, { input: { key: 'k' } }).start();
    live.send({ type: 'add', by: 2 });
    live.send({ type: 'read' });
    expect(live.getSnapshot().context.n).toBe(2);
    live.stop();
  });

  it('[EF4] in a live XState actor durable work is an ordinary promise', async () => {
    const double = durable<{ n: number }, number>('double', async ({ input, idempotencyKey }) => {
      expect(idempotencyKey).toBe('double');
      return input.n * 2;
    });
    const live = createActor(double, { input: { n: 21 } }).start();
    expect(await toPromise(live)).toBe(42);
  });
});
