// What a board shows of itself.
import type { Json } from '@devmentor/runtime';
import type { Board, Counts, Spent, Standing } from './board.ts';
import type { BoardStatus } from './board-status.ts';
import { cursorOf } from './cursor.ts';
import type { Contribution, Entry } from './entry.ts';
import { byFocus } from './focus.ts';
import type { Budget } from './problem.ts';

export interface AgendaItem {
  readonly id: string;
  readonly source: string;
  readonly triggeredBy: number;
  readonly rating: number;
  readonly state: 'pending' | 'running';
}

export interface BoardView {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  readonly status: BoardStatus;
  readonly ended: boolean;
  /** `name@version` of the knowledge sources that work on it. */
  readonly sources: readonly string[];
  readonly counts: Counts;
  /** What is to run and runs, by rating; the first 100. */
  readonly agenda: readonly AgendaItem[];
  readonly budget: Budget;
  readonly spent: Spent;
  readonly deadlineAtMs?: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly revision: number;
  readonly cursor: string;
  readonly solutionId?: string;
  readonly meta?: Json;
}

/** A contribution with its place in the log. */
export interface PlacedContribution extends Contribution {
  readonly revision: number;
  readonly cursor: string;
  readonly atMs: number;
}

const MOST_SHOWN = 100;

export function viewOf(board: Board): BoardView {
  const { budget, deadlineMs, meta, sources } = board.settings;
  const shown = [...board.active()].sort(byFocus).slice(0, MOST_SHOWN);
  return {
    id: board.id,
    title: board.problem.title,
    description: board.problem.description,
    files: board.problem.files,
    status: board.status,
    ended: board.ended,
    sources,
    counts: board.counts,
    agenda: shown.map(({ activation: { key, source, triggeredBy, rating }, place }) => ({
      id: key,
      source,
      triggeredBy,
      rating,
      state: place === 'running' ? 'running' : 'pending',
    })),
    budget,
    spent: board.spent,
    createdAtMs: board.createdAtMs,
    updatedAtMs: board.updatedAtMs,
    revision: board.rev,
    cursor: cursorOf(board.rev),
    ...(deadlineMs === undefined ? {} : { deadlineAtMs: board.createdAtMs + deadlineMs }),
    ...(board.solution === undefined ? {} : { solutionId: board.solution.id }),
    ...(meta === undefined ? {} : { meta }),
  };
}

export function placed(entry: Extract<Entry, { readonly kind: 'contribution' }>): PlacedContribution {
  return { ...entry.contribution, revision: entry.rev, cursor: cursorOf(entry.rev), atMs: entry.atMs };
}

export function placedStanding({ contribution, rev, atMs }: Standing): PlacedContribution {
  return { ...contribution, revision: rev, cursor: cursorOf(rev), atMs };
}
