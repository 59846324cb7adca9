// Solution: what a board has to say, and why each sentence of it may be believed.
import type { Evidence } from './evidence.ts';

/** Why a board came to its Solution. */
export type Reason =
  /** Somebody contributed on the level `solution`, and no work was left. */
  | 'solved'
  /** No knowledge source had anything to add. */
  | 'quiescent'
  | 'budget'
  | 'deadline'
  | 'cancelled'
  /** Knowledge sources died and none committed. */
  | 'failed'
  /** Asked for while the board was at work. */
  | 'asked';

export interface Statement {
  readonly text: string;
  readonly level: string;
  readonly kind: string;
  readonly confidence: number;
  /** The contribution that says it, then those it follows from; never empty. */
  readonly contributions: readonly string[];
  /** `opinion`: nothing that can be looked up in a file stands behind it. */
  readonly basis: 'evidence' | 'opinion';
  readonly evidence: readonly Evidence[];
}

export interface Solution {
  /** Made of what it says: the same Solution has the same id. */
  readonly id: string;
  readonly board: string;
  readonly reason: Reason;
  /** `partial`: work was left undone, which `unmet` names. */
  readonly completeness: 'complete' | 'partial';
  readonly summary: string;
  readonly statements: readonly Statement[];
  readonly unmet: readonly string[];
  /** What of the log it was made from. */
  readonly revision: number;
  readonly atMs: number;
}
