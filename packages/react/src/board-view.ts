// BoardView
//
// What this client knows of one blackboard, and how an answer or an event changes it (pure).
//
//   BV1  Contributions stand in the order of their revisions, each once, however they came.
//   BV2  What an event said of a board is not undone by an older reading of it.
//   BV3  What was not changed is the same object as before.
import type { Blackboard, BlackboardStatus, Contribution, Solution, WireEvent } from '@devmentor/contracts';

/** A place in a file that something said rests on. */
export type Evidence = NonNullable<Contribution['evidence']>[number];

export interface BoardView {
  /** `missing`: there is none, or none for this user. */
  readonly kind: 'loading' | 'ready' | 'missing';
  readonly board?: Blackboard | undefined;
  /** Every version of every contribution, by revision. */
  readonly contributions: readonly Contribution[];
  /** The last one the board came to; a board that was woken again keeps it until the next. */
  readonly solution?: Solution | undefined;
  /** Why the board failed. */
  readonly failure?: string | undefined;
}

export const unreadBoard: BoardView = { kind: 'loading', contributions: [] };

const over: ReadonlySet<BlackboardStatus> = new Set(['solved', 'failed', 'cancelled']);

/** Whether a board does nothing more by itself. */
export function isOver(status: BlackboardStatus): boolean {
  return over.has(status);
}

/** The board as an answer shows it; ignored when an event has told of a later moment. */
export function withBoard(view: BoardView, board: Blackboard): BoardView {
  const isOlder = view.board !== undefined && board.updatedAt < view.board.updatedAt;
  return isOlder ? view : resetBoard(view, board);
}

/** The board as it is, whatever was known. */
export function resetBoard(view: BoardView, board: Blackboard): BoardView {
  return { ...view, kind: 'ready', board, failure: board.status === 'failed' ? view.failure : undefined };
}

export function withoutBoard(view: BoardView): BoardView {
  return view.kind === 'missing' ? view : { ...unreadBoard, kind: 'missing' };
}

export function withSolution(view: BoardView, solution: Solution): BoardView {
  return view.solution?.id === solution.id ? view : { ...view, solution };
}

/** Adds contributions, wherever in the order they belong. */
export function withContributions(view: BoardView, found: readonly Contribution[]): BoardView {
  const known = view.contributions;
  const last = known.at(-1)?.revision ?? 0;
  const isNext = found.every(({ revision }, i) => revision > (found[i - 1]?.revision ?? last));
  if (found.length === 0) return view;
  if (isNext) return { ...view, contributions: [...known, ...found] };
  const byRevision = new Map(known.map((contribution) => [contribution.revision, contribution]));
  for (const contribution of found) {
    if (!byRevision.has(contribution.revision)) byRevision.set(contribution.revision, contribution);
  }
  if (byRevision.size === known.length) return view;
  return { ...view, contributions: [...byRevision.values()].sort((a, b) => a.revision - b.revision) };
}

/** What events of the topic `blackboard:<id>` change, in their order. */
export function withBoardEvents(view: BoardView, events: readonly WireEvent[]): BoardView {
  const found = events.flatMap((event) => (event.type === 'blackboard.contribution' ? [event.data.contribution] : []));
  return events.reduce(withStatusEvent, withContributions(view, found));
}

function withStatusEvent(view: BoardView, event: WireEvent): BoardView {
  switch (event.type) {
    case 'blackboard.progress':
      return changed(view, event.at, { status: event.data.status, counts: event.data.counts });
    case 'blackboard.solved':
      return changed(view, event.at, { status: 'solved' });
    case 'blackboard.failed':
      return { ...changed(view, event.at, { status: 'failed' }), failure: event.data.reason };
    default:
      return view;
  }
}

function changed(view: BoardView, at: string, change: Partial<Blackboard>): BoardView {
  return view.board === undefined ? view : { ...view, board: { ...view.board, ...change, updatedAt: at } };
}

/** Whether an event says that the board came to something without saying to what. */
export function leavesToRead(event: WireEvent): boolean {
  if (event.type === 'blackboard.progress') return isOver(event.data.status);
  return event.type === 'blackboard.solved' || event.type === 'blackboard.failed';
}
