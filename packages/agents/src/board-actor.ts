// The actor of a board: who leads it, as a statechart of the runtime. It is volatile, because a
// board's truth is its log: whoever activates it next leads on from there.
import { defineActor } from '@devmentor/runtime';
import { fromPromise, setup } from 'xstate';

type Lead = (id: string, signal: AbortSignal) => Promise<string>;

const IDLE_MS = 60_000;

/** The actor type `board`; its key is the id of the blackboard. */
export function boardActor(lead: Lead) {
  const machine = setup({
    types: {
      context: {} as { id: string },
      input: {} as { id: string },
      events: {} as { type: 'wake' },
    },
    actors: { lead: fromPromise<string, { id: string }>(({ input, signal }) => lead(input.id, signal)) },
  }).createMachine({
    id: 'board',
    context: ({ input }) => ({ id: input.id }),
    initial: 'resting',
    states: {
      resting: { on: { wake: 'leading' } },
      leading: {
        // A wake while leading is news that the lead has by itself.
        on: { wake: {} },
        invoke: { src: 'lead', input: ({ context }) => ({ id: context.id }), onDone: 'resting', onError: 'resting' },
      },
    },
  });
  return defineActor('board', {
    machine,
    durable: false,
    passivate: { idleMs: IDLE_MS },
    input: (key) => ({ id: key }),
  });
}
