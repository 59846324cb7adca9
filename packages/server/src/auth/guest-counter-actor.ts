import { defineActor, reply, returns } from '@devmentor/runtime';
import { assign, setup } from 'xstate';
import { takesTheNext } from '../supervision.ts';

const machine = setup({
  types: {} as { context: { readonly arrived: number }; events: { readonly type: 'arrive' } },
}).createMachine({
  id: 'guests',
  context: { arrived: 0 },
  on: {
    arrive: {
      actions: [
        assign({ arrived: ({ context }) => context.arrived + 1 }),
        reply(({ context }) => ({ number: context.arrived })),
      ],
    },
  },
});

/** `guests:counter`: numbers the guests in order of arrival, over all nodes. */
export const GuestCounter = defineActor('guests', {
  machine,
  supervise: takesTheNext,
  replies: { arrive: returns<{ readonly number: number }>() },
});
