import { fromPromise, not, setup } from 'xstate';
import { defineActor, publish, reply, returns, tell } from '../src/index.ts';
import { Counter } from './counter.fixture.ts';

/** Asks guards, some of them twice, and has effects of most kinds. */
export const Door = defineActor('door', {
  machine: setup({
    types: {} as { events: { type: 'knock'; name: string } | { type: 'shut' } },
    actors: { greeting: fromPromise(() => new Promise<void>(() => {})) },
    guards: {
      isFriend: ({ event }) => event.type === 'knock' && event.name === 'ada',
      isStranger: not('isFriend'),
      isKnown: ({ event }) => event.type === 'knock' && event.name !== '',
    },
  }).createMachine({
    id: 'door',
    initial: 'closed',
    states: {
      closed: {
        on: {
          knock: [
            {
              guard: 'isFriend',
              target: 'open',
              actions: [
                tell(Counter, 'guests', { type: 'add', by: 1 }),
                publish('entered', { who: 'ada' }),
                reply('in'),
              ],
            },
            { guard: { type: 'isKnown' }, target: 'ajar' },
          ],
        },
      },
      ajar: { on: { knock: { guard: 'isFriend', target: 'open' } } },
      open: {
        invoke: { src: 'greeting', onDone: 'closed', onError: 'closed' },
        after: { 60000: 'closed' },
        on: { shut: 'closed' },
      },
    },
  }),
  replies: { knock: returns<string>() },
});

export const Keeper = defineActor('keeper', {
  machine: setup({ types: {} as { events: { type: 'keep' } } }).createMachine({ on: { keep: { actions: () => {} } } }),
  lint: { silence: ['inline-action'] },
});
