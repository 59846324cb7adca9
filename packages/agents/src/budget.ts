// Budget: time and activations are set aside before a run and settled after it. Pure.
//
//   BU1  What is used and set aside never exceeds the budget.
//   BU2  Running low (80 %) is said once per kind, before it is used up.
import type { ActivationState, Board } from './board.ts';
import type { ControlEntry } from './board-store.ts';

/** A run shorter than this is not worth starting. */
const SHORTEST_RUN_MS = 1;

export interface Reservations {
  readonly entries: readonly ControlEntry[];
  /** Something could run, and the budget has no room for it. */
  readonly exhausted: 'contributions' | 'activations' | 'timeMs' | undefined;
}

/** Sets time aside for as many of these as the budget holds, in this order. */
export function reserve(board: Board, wanted: readonly ActivationState[]): Reservations {
  let { activations, timeMs } = board.left;
  const entries: ControlEntry[] = [];
  if (wanted.length > 0 && board.left.contributions <= 0) return { entries, exhausted: 'contributions' };
  for (const { activation, failures, losses } of wanted) {
    const isFirst = failures + losses === 0;
    if (isFirst && activations < 1) return { entries, exhausted: 'activations' };
    const ms = Math.min(activation.timeoutMs, timeMs);
    if (ms < SHORTEST_RUN_MS) return { entries, exhausted: 'timeMs' };
    if (isFirst) activations -= 1;
    timeMs -= ms;
    entries.push({ kind: 'reserved', key: activation.key, timeMs: ms });
  }
  return { entries, exhausted: undefined };
}

/** What is said about a budget that runs low. */
export function lowMarks(board: Board): readonly ControlEntry[] {
  const { budget } = board.settings;
  return (['contributions', 'activations', 'timeMs'] as const)
    .filter((of) => board.spent[of] >= budget[of] * 0.8 && !board.lowMarks.has(`low ${of}`))
    .map((of) => ({ kind: 'budget', what: 'low', of }));
}
