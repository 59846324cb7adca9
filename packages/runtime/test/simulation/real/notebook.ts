// An actor that keeps every note in the order it took them, and answers how many it has.
import { assign, setup } from 'xstate';
import { defineActor, reply, returns } from '../../../src/index.ts';

type NotebookEvent = { type: 'note'; note: string } | { type: 'count'; note: string };

const take = ({ context, event }: { context: { notes: string[] }; event: NotebookEvent }) => ({
  notes: [...context.notes, event.note],
});

export const Notebook = defineActor('notebook', {
  machine: setup({ types: {} as { context: { notes: string[] }; events: NotebookEvent } }).createMachine({
    context: { notes: [] },
    on: {
      note: { actions: assign(take) },
      count: { actions: [assign(take), reply(({ context }) => context.notes.length)] },
    },
  }),
  replies: { count: returns<number>() },
});
