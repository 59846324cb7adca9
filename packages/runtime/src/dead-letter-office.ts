// Dead letter office
//
// Keeps the dead letters of a sixteenth of all actors, and the names of those that stand suspended:
// the place to look when something went wrong somewhere. Part of every runtime.
//
//   DL1  At most 128 letters of together 128 KiB are kept, and 1,000 names; the oldest go first, and
//        are counted.
import { assign, setup } from 'xstate';
import { type BuriedLetter, DEAD_LETTERS } from './dead-letter.ts';
import { defineActor } from './define-actor.ts';

/** An actor that stands suspended. */
export interface SuspendedActor {
  readonly id: string;
  readonly why: string;
  readonly atMs: number;
}

interface OfficeContext {
  /** The oldest first. */
  readonly letters: readonly BuriedLetter[];
  readonly suspended: readonly SuspendedActor[];
  /** Letters that had to go. */
  readonly gone: number;
}

type OfficeEvent =
  | { readonly type: 'bury'; readonly letter: BuriedLetter }
  | { readonly type: 'forget'; readonly id: string }
  | { readonly type: 'suspended'; readonly id: string; readonly why: string; readonly atMs: number }
  | { readonly type: 'resumed'; readonly id: string };

const MOST_LETTERS = 128;
const MOST_BYTES = 128 * 1024;
const MOST_NAMES = 1_000;

const machine = setup({ types: {} as { context: OfficeContext; events: OfficeEvent } }).createMachine({
  id: DEAD_LETTERS,
  context: { letters: [], suspended: [], gone: 0 },
  on: {
    bury: {
      actions: assign(({ context, event }) => {
        const letters = kept([...context.letters, event.letter]);
        return { letters, gone: context.gone + context.letters.length + 1 - letters.length };
      }),
    },
    forget: {
      actions: assign({
        letters: ({ context, event }) => context.letters.filter(({ id }) => id !== event.id),
      }),
    },
    suspended: {
      actions: assign({
        suspended: ({ context, event: { id, why, atMs } }) =>
          [...context.suspended.filter((actor) => actor.id !== id), { id, why, atMs }].slice(-MOST_NAMES),
      }),
    },
    resumed: {
      actions: assign({
        suspended: ({ context, event }) => context.suspended.filter(({ id }) => id !== event.id),
      }),
    },
  },
});

export const DeadLetterOffice = defineActor(DEAD_LETTERS, { machine, supervise: { retries: 0, directive: 'resume' } });

/** The last of them that there is room for. */
function kept(letters: readonly BuriedLetter[]): readonly BuriedLetter[] {
  let first = Math.max(0, letters.length - MOST_LETTERS);
  let bytes = letters.slice(first).reduce((sum, letter) => sum + sizeOf(letter), 0);
  for (; bytes > MOST_BYTES && first < letters.length; first++) bytes -= sizeOf(letters[first]);
  return letters.slice(first);
}

function sizeOf(letter: BuriedLetter | undefined): number {
  return letter === undefined ? 0 : JSON.stringify(letter).length;
}
