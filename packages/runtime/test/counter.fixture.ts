// A machine for tests: counts, answers, tells, waits, publishes, fails when asked to.
import { assign, emit, setup } from 'xstate';
import { defineActor, publish, reply, returns, tell } from '../src/index.ts';

type CounterEvent =
  | { type: 'add'; by: number }
  | { type: 'total' }
  | { type: 'mute' }
  | { type: 'boom' }
  | { type: 'spoil' }
  | { type: 'forward'; to: string; by: number }
  | { type: 'arm'; delayMs: number }
  | { type: 'disarm' }
  | { type: 'close' };

export const counterMachine = setup({
  types: {
    context: {} as { total: number; alarms: number; lateBy: number; spoilt: unknown },
    events: {} as CounterEvent,
    emitted: {} as { type: 'counted'; total: number },
    output: {} as number,
  },
  delays: { armed: ({ event }) => (event.type === 'arm' ? event.delayMs : 0) },
}).createMachine({
  id: 'counter',
  context: { total: 0, alarms: 0, lateBy: 0, spoilt: null },
  initial: 'open',
  output: ({ context }) => context.total,
  on: {
    add: {
      actions: [
        assign({ total: ({ context, event }) => context.total + event.by }),
        publish('added', ({ context }) => ({ total: context.total })),
        emit(({ context }) => ({ type: 'counted', total: context.total }) as const),
      ],
    },
    total: { actions: reply(({ context }) => ({ total: context.total })) },
    mute: { actions: assign({}) },
    boom: {
      actions: assign(() => {
        throw new Error('boom');
      }),
    },
    spoil: { actions: assign({ spoilt: () => new Map() }) },
    forward: {
      actions: tell(
        'counter',
        ({ event }) => (event as Extract<CounterEvent, { type: 'forward' }>).to,
        ({ event }) => ({ type: 'add', by: (event as Extract<CounterEvent, { type: 'forward' }>).by }),
      ),
    },
  },
  states: {
    open: { on: { arm: 'armed', close: 'closed' } },
    armed: {
      on: { disarm: 'open', arm: { target: 'armed', reenter: true } },
      after: {
        armed: {
          target: 'open',
          actions: assign({
            alarms: ({ context }) => context.alarms + 1,
            lateBy: ({ event }) => (event as { lateBy?: number }).lateBy ?? -1,
          }),
        },
      },
    },
    closed: { type: 'final' },
  },
});

export const Counter = defineActor('counter', {
  machine: counterMachine,
  replies: { total: returns<{ total: number }>(), mute: returns<never>() },
});
