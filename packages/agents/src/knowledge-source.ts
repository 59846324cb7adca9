// Knowledge source: somebody who can add to a board, and says what wakes them.
import { assert } from '@devmentor/locks';
import type { Board } from './board.ts';
import type { StoredProblem } from './board-store.ts';
import type { Activation, Contribution, Subject } from './entry.ts';
import type { Knowledge } from './knowledge.ts';

/** What wakes a knowledge source; data, so that it can be looked at and indexed. */
export type Trigger =
  /** Contributions of these levels and kinds; `each` says what one activation is about. */
  | {
      readonly on: 'entry';
      readonly level?: string | readonly string[];
      readonly kind?: string | readonly string[];
      readonly each: 'entry' | 'file' | 'board';
    }
  /** The board has come to rest; the last chance to add something. */
  | { readonly on: 'quiescence' };

export interface Limits {
  /** Longest run. @default 30000 */
  readonly timeoutMs: number;
  /** Failed runs of one activation after which it is dead. @default 3 */
  readonly attempts: number;
  /** Before the second attempt; doubles with each. @default 200 */
  readonly backoffMs: number;
  /** Activations of this source in flight on one board. @default 32 */
  readonly concurrency: number;
}

/** What a run is given. It may be given again after a crash: only its commit counts, once. */
export interface RunContext {
  readonly board: string;
  readonly problem: StoredProblem;
  readonly activation: Activation;
  /** The contributions it was woken for, as they are; the commit is refused when one has changed. */
  readonly inputs: readonly Contribution[];
  /** The text with this hash, from the board's files. */
  file(sha256: string): Promise<string>;
  /** Aborted when the run is over its time, lost its lease, or nobody wants it any more. */
  readonly signal: AbortSignal;
  /** The same for every attempt; for work that reaches outside. */
  readonly idempotencyKey: string;
}

/**
 * A contributor to boards. All its functions but `run` are pure and quick: they are asked
 * whenever the board changes.
 */
export interface IKnowledgeSource {
  readonly name: string;
  /** Rises when its answers change; part of every activation's key. */
  readonly version: number;
  readonly trigger: Trigger;
  /** Whether it can do something with these inputs on this board; asked again as the board grows, and when it runs. */
  precondition?(candidate: {
    readonly subject: Subject;
    readonly inputs: readonly Contribution[];
    readonly board: Board;
  }): boolean;
  /** How much it matters now, 0 to 1000. @default 500 */
  rate?(candidate: {
    readonly subject: Subject;
    readonly inputs: readonly Contribution[];
    readonly board: Board;
  }): number;
  run(context: RunContext): Promise<readonly Knowledge[]> | readonly Knowledge[];
  readonly limits?: Partial<Limits>;
}

/** Several knowledge sources that come as one. */
export interface Specialist {
  readonly name: string;
  readonly sources: readonly IKnowledgeSource[];
}

export const defaultLimits: Limits = { timeoutMs: 30_000, attempts: 3, backoffMs: 200, concurrency: 32 };

/** The source itself, checked. */
export function defineKnowledgeSource(source: IKnowledgeSource): IKnowledgeSource {
  assert(
    /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(source.name),
    'a knowledge source is named with 1 to 64 letters, digits, _ and -',
  );
  assert(Number.isSafeInteger(source.version) && source.version >= 1, 'a knowledge source has a version from 1');
  const { timeoutMs, attempts, backoffMs, concurrency } = limitsOf(source);
  for (const limit of [timeoutMs, attempts, concurrency])
    assert(Number.isSafeInteger(limit) && limit >= 1, 'a limit is a whole number from 1');
  assert(Number.isSafeInteger(backoffMs) && backoffMs >= 0, 'a backoff is a whole number from 0');
  return source;
}

/** `name@version`: who an activation is for, and the author of what it commits. */
export function authorOf(source: IKnowledgeSource): string {
  return `${source.name}@${source.version}`;
}

export function limitsOf(source: IKnowledgeSource): Limits {
  return { ...defaultLimits, ...source.limits };
}

/** A failure that trying again cannot mend: the activation is dead at once. */
export class PermanentFailure extends Error {
  override readonly name = 'PermanentFailure';
}
