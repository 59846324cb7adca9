// An actor that remembers every note it was told: what a verifier of exactly-once asks for.
import { assign, setup } from 'xstate';
import { defineActor, reply, returns, tell } from '../src/index.ts';

type LedgerEvent = { type: 'note'; id: string } | { type: 'pass'; id: string; to: string } | { type: 'list' };

export const Ledger = defineActor('ledger', {
  machine: setup({ types: {} as { context: { notes: string[] }; events: LedgerEvent } }).createMachine({
    context: { notes: [] },
    on: {
      note: { actions: assign({ notes: ({ context, event }) => [...context.notes, event.id] }) },
      pass: {
        actions: tell(
          'ledger',
          ({ event }) => event.to,
          ({ event }) => ({ type: 'note', id: event.id }),
        ),
      },
      list: { actions: reply(({ context }) => context.notes) },
    },
  }),
  replies: { list: returns<string[]>() },
});
