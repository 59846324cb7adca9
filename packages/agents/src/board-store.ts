// BoardStore
//
// Boards: for each a few facts (the head) and an append-only log. Every write is one atomic
// transition: it is checked against the board as it is at that moment, and applied as a whole
// or not at all.
//
//   BD1  Revisions of a board are 1, 2, 3 … without gaps; an entry never changes.
//   BD2  An activation commits at most once, ever, whatever is asked and however often.
//   BD3  A controller of an older epoch writes nothing once a newer one has sealed the board.
//   BD4  A run writes only under the fence it was started with: once a newer run has started,
//        or its failure was recorded, the older one is `fenced`.
//   BD5  A commit whose inputs are no longer the current versions is `stale`; it writes nothing.
//   BD6  Under one id an equal body makes no new version and no entry; a changed one makes the
//        next version.
//   BD7  What a contribution follows from stands in the log before it.
//   BD8  A board never holds more contributions than its budget says.
//   BD9  A board that ended takes no entry. A solved one that did not end is woken by a contribution.
//   BD10 A write that names the revision it saw is refused when the board has moved on.
//   BD11 Nothing starts on a paused board; what runs may commit.
//   BD12 An activation starts only when time was reserved for it.
//   BD13 `create` under a known id changes nothing and answers with the board that is there.
//   BD14 A board that was removed is gone with its log, its files and its place in the lists.
//
// A call that throws a `CoordinationError` with `applied: 'unknown'` may be repeated as it is.
import type { FencingToken } from '@devmentor/locks';
import type { BoardStatus, Steering } from './board-status.ts';
import type { Activation, Entry, FailureClass, Usage, VersionRef } from './entry.ts';
import type { ContributionDraft } from './knowledge.ts';
import type { BoardSettings } from './problem.ts';
import type { Reason, Solution } from './solution.ts';

/** What a problem is to a store; its files are stored by their hash. */
export interface StoredProblem {
  readonly title: string;
  readonly description: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

export interface BoardHead {
  readonly id: string;
  readonly problem: StoredProblem;
  readonly settings: BoardSettings;
  readonly status: BoardStatus;
  /** Takes nothing more. */
  readonly ended: boolean;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly rev: number;
  /** Under which its present controller writes; `''` before the first. */
  readonly epoch: FencingToken | '';
}

/** Texts by their sha256. */
export type FileTexts = ReadonlyMap<string, string>;

export interface NewBoard {
  readonly id: string;
  readonly problem: StoredProblem;
  readonly settings: BoardSettings;
  readonly files: FileTexts;
  /** The first contributions: the files themselves. */
  readonly contributions: readonly ContributionDraft[];
}

/** What a controller writes. An entry about an activation that is not in a fitting state is left out. */
export type ControlEntry =
  | { readonly kind: 'scheduled'; readonly activation: Activation }
  | { readonly kind: 'reserved'; readonly key: string; readonly timeMs: number }
  | { readonly kind: 'obviated'; readonly key: string; readonly why: string }
  | { readonly kind: 'dead'; readonly key: string; readonly message: string }
  | {
      readonly kind: 'budget';
      readonly what: 'low' | 'exhausted';
      readonly of: 'contributions' | 'activations' | 'timeMs';
    }
  | { readonly kind: 'status'; readonly status: BoardStatus; readonly final: boolean; readonly why: string }
  | { readonly kind: 'solution'; readonly solution: Solution };

export type Missing = { readonly kind: 'missing' };
/** The board has ended. */
export type Closed = { readonly kind: 'closed'; readonly status: BoardStatus };
export type Written = { readonly kind: 'written'; readonly rev: number };
/** Revisions of the contributions in the order given; for an unchanged one the revision it has had. */
export type Contributed = {
  readonly kind: 'contributed';
  readonly rev: number;
  readonly contributions: readonly (VersionRef & { readonly rev: number; readonly fresh: boolean })[];
};
export type UnknownSupport = { readonly kind: 'unknown-support'; readonly id: string };
export type OverBudget = { readonly kind: 'over-budget' };

export type StartOutcome =
  | Written
  | Missing
  | Closed
  /** Committed before. */
  | { readonly kind: 'already' }
  | { readonly kind: 'fenced' }
  /** Nothing is reserved for it; it is dead, obviated, waiting or unknown. */
  | { readonly kind: 'not-reserved' }
  | { readonly kind: 'paused' };

export type CommitOutcome =
  | Contributed
  | Missing
  | Closed
  | UnknownSupport
  | OverBudget
  | { readonly kind: 'already' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'stale'; readonly id: string };

export interface Run {
  readonly key: string;
  readonly fence: FencingToken;
  readonly worker: string;
}

export interface BoardPage {
  readonly items: readonly BoardHead[];
  readonly next?: string;
}

export interface BoardStore {
  create(board: NewBoard): Promise<{ readonly kind: 'created' | 'exists'; readonly head: BoardHead }>;
  head(id: string): Promise<BoardHead | undefined>;
  /** Entries after a revision, with the store's clock. Nothing for a board that is not there. */
  read(
    id: string,
    afterRev: number,
    limit: number,
  ): Promise<{ readonly entries: readonly Entry[]; readonly nowMs: number }>;
  /** Texts of the board's files; a hash that is not among them is left out. */
  files(id: string, hashes: readonly string[]): Promise<FileTexts>;
  /** Boards by their opening, newest first. */
  list(query: { readonly after?: string; readonly limit: number }): Promise<BoardPage>;
  /** Ids of boards that a controller has something to do on. */
  open(limit: number): Promise<readonly string[]>;
  remove(id: string): Promise<boolean>;

  /** Contributions of people and programs. */
  contribute(
    id: string,
    contributions: readonly ContributionDraft[],
    files?: FileTexts,
  ): Promise<Contributed | Missing | Closed | UnknownSupport | OverBudget>;
  /** Pause, resume, cancel. */
  steer(
    id: string,
    what: Steering,
    why: string,
  ): Promise<Written | Missing | { readonly kind: 'refused'; readonly status: BoardStatus }>;

  /** Makes `epoch` the one under which the board is controlled; older ones are refused from now on. */
  seal(
    id: string,
    epoch: FencingToken,
  ): Promise<{ readonly kind: 'sealed'; readonly head: BoardHead } | Missing | { readonly kind: 'fenced' }>;
  /** What the controller decided. `seen`: refused as `moved` unless the board is at that revision. */
  record(
    id: string,
    entries: readonly ControlEntry[],
    under: { readonly epoch: FencingToken; readonly seen?: number },
  ): Promise<Written | Missing | Closed | { readonly kind: 'fenced' } | { readonly kind: 'moved' }>;

  /** A run begins under its fence, which must be above every fence of the activation before. */
  start(id: string, run: Run): Promise<StartOutcome>;
  commit(
    id: string,
    run: Run,
    result: {
      readonly reads: readonly VersionRef[];
      readonly contributions: readonly ContributionDraft[];
      readonly usage: Usage;
    },
  ): Promise<CommitOutcome>;
  /** The run ended without a result. By a controller under its `epoch` for a worker that is gone. */
  fail(
    id: string,
    run: Run,
    failure: {
      readonly failure: FailureClass;
      readonly message: string;
      readonly usage: Usage;
      readonly epoch?: FencingToken;
    },
  ): Promise<Written | Missing | Closed | { readonly kind: 'already' } | { readonly kind: 'fenced' }>;
  /** The run found that it is moot. */
  obviate(
    id: string,
    run: Run,
    why: { readonly why: string; readonly usage: Usage },
  ): Promise<Written | Missing | Closed | { readonly kind: 'already' } | { readonly kind: 'fenced' }>;
}

/** Reasons after which a board takes nothing more. */
export function endsBoard(reason: Reason): boolean {
  return reason !== 'quiescent' && reason !== 'solved' && reason !== 'asked';
}
