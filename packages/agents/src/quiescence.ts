// Quiescence: is there nothing left to do? Pure.
//
//   QU1  Not while anything is scheduled, waits, runs, or could be scheduled.
//   QU2  It takes two steps: the first is an entry that may wake sources once more; the second,
//        with nothing contributed in between, lets the board come to its Solution.
import type { Board } from './board.ts';

export type Quiescence = 'busy' | 'first' | 'second';

/** Of a board whose agenda was just worked off at this revision. */
export function quiescenceOf(board: Board): Quiescence {
  if (board.activeCount > 0) return 'busy';
  return board.status === 'quiescent' && !board.movedSinceQuiescence ? 'second' : 'first';
}
