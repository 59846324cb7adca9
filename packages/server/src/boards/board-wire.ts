import type { Solution as BoardSolution, BoardView, PlacedContribution } from '@devmentor/agents';
import type { Blackboard, Contribution, Solution } from '@devmentor/contracts';
import { timeText } from '../projects/wire.ts';

/** What the server keeps with a board: whose it is, and which stored problem it was opened on. */
export type BoardMeta = { readonly ownerId: string; readonly problemId?: string };

export function boardToWire(view: BoardView): Blackboard {
  const { id, title, description, files, status, sources, counts, agenda, budget, spent, revision, cursor } = view;
  const { problemId } = metaOf(view.meta) ?? {};
  return {
    id,
    title,
    description,
    files: files.map(({ path, sha256 }) => ({ path, sha256 })),
    status,
    sources: [...sources],
    counts: { ...counts },
    agenda: agenda.map((item) => ({ ...item })),
    budget: { ...budget },
    spent: { ...spent, timeMs: Math.round(spent.timeMs) },
    revision,
    cursor,
    ...(problemId !== undefined && { problemId }),
    ...(view.solutionId !== undefined && { solutionId: view.solutionId }),
    createdAt: timeText(view.createdAtMs),
    updatedAt: timeText(view.updatedAtMs),
  };
}

export function contributionToWire(placed: PlacedContribution): Contribution {
  const { id, version, revision, cursor, author, kind, subject, level, value, confidence, supports, evidence } = placed;
  return {
    id,
    version,
    revision,
    cursor,
    source: author,
    kind,
    subject: { ...subject },
    knowledge: { level, value, confidence, links: supports.map((support) => support.id) },
    evidence: evidence.map((one) => ({ ...one })),
    at: timeText(placed.atMs),
  };
}

export function solutionToWire({ id, board, atMs, statements, ...said }: BoardSolution): Solution {
  return {
    id,
    blackboardId: board,
    reason: said.reason,
    completeness: said.completeness,
    summary: said.summary,
    statements: statements.map(({ contributions, evidence, ...statement }) => ({
      ...statement,
      contributions: [...contributions],
      evidence: evidence.map((one) => ({ ...one })),
    })),
    unmet: [...said.unmet],
    revision: said.revision,
    createdAt: timeText(atMs),
  };
}

/** Of a board that this server opened; others have none. */
export function metaOf(meta: unknown): BoardMeta | undefined {
  return typeof meta === 'object' && meta !== null && 'ownerId' in meta ? (meta as BoardMeta) : undefined;
}
