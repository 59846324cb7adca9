// Machines below and above each other, for the parts of the MachineDriver contract.
import { assign, forwardTo, sendParent, sendTo, setup } from 'xstate';

/** Counts, gets tired after a while, tells its parent of both, and fails when asked to. */
export const counter = setup({
  types: {
    context: {} as { n: number },
    input: {} as { from: number },
    events: {} as { type: 'add' } | { type: 'finish' } | { type: 'boom' },
    output: {} as number,
  },
  actions: {
    explode: assign(() => {
      throw new RangeError('boom');
    }),
  },
}).createMachine({
  context: ({ input }) => ({ n: input.from }),
  initial: 'on',
  output: ({ context }) => context.n,
  states: {
    on: {
      after: { 50: { target: 'tired', actions: sendParent({ type: 'tired' }) } },
      on: {
        add: {
          actions: [
            assign({ n: ({ context }) => context.n + 1 }),
            sendParent(({ context }) => ({ type: 'counted', n: context.n })),
          ],
        },
        finish: 'end',
        boom: { actions: 'explode' },
      },
    },
    tired: { on: { finish: 'end' } },
    end: { type: 'final' },
  },
});

/** Invokes a counter, and takes up how it ends. */
export const parent = setup({
  types: {
    context: {} as { counted: readonly number[]; output: number | null; problem: string | null },
    events: {} as
      | { type: 'start' | 'add' | 'finish' | 'boom' | 'leave' | 'later' | 'tired' }
      | { type: 'counted'; n: number },
    children: {} as { kid: 'counter' },
  },
  actors: { counter },
}).createMachine({
  context: { counted: [], output: null, problem: null },
  initial: 'idle',
  on: { counted: { actions: assign({ counted: ({ context, event }) => [...context.counted, event.n] }) } },
  states: {
    idle: { on: { start: 'busy' } },
    busy: {
      invoke: {
        id: 'kid',
        src: 'counter',
        input: { from: 10 },
        onDone: { target: 'idle', actions: assign({ output: ({ event }) => event.output }) },
        onError: { target: 'idle', actions: assign({ problem: ({ event }) => (event.error as Error).message }) },
      },
      on: {
        add: { actions: [forwardTo('kid'), sendTo('kid', { type: 'add' })] },
        later: { actions: sendTo('kid', { type: 'add' }, { id: 'late', delay: 20 }) },
        finish: { actions: sendTo('kid', { type: 'finish' }) },
        boom: { actions: forwardTo('kid') },
        tired: 'resting',
        leave: 'idle',
      },
    },
    resting: {},
  },
});
