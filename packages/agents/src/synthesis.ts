// Synthesis: from a board to its Solution. Pure.
//
//   SY1  Every statement names at least one contribution, the one that says it first.
//   SY2  Evidence of a statement is that of the contributions it names; without any it is an opinion.
//   SY3  What rests on a version that was superseded says nothing any more.
//   SY4  Equal contributions make an equal Solution, in whatever order they came.
import type { Json } from '@devmentor/runtime';
import type { Board } from './board.ts';
import { canonicalText, nameOf } from './canonical.ts';
import { type Contribution, rankOf } from './entry.ts';
import type { Evidence } from './evidence.ts';
import type { Reason, Solution, Statement } from './solution.ts';

const MOST_STATEMENTS = 500;
const MOST_BEHIND = 64;
const MOST_EVIDENCE = 64;
const LONGEST_TEXT = 2_000;
/** From findings up; sources and facts are what statements rest on. */
const LOWEST_RANK = rankOf('finding');

export function synthesize(board: Board, reason: Reason): Solution {
  const live = new LiveContributions(board);
  const said = [...board.standing()]
    .map(({ contribution }) => contribution)
    .filter((contribution) => rankOf(contribution.level) >= LOWEST_RANK && live.has(contribution));
  const ranked = said.sort(byWeight);
  const statements = ranked.slice(0, MOST_STATEMENTS).map((contribution) => statementOf(contribution, board));
  const unmet = unmetOf(board, said.length);
  const isWhole = unmet.length === 0 && (reason === 'quiescent' || reason === 'solved');
  const completeness: Solution['completeness'] = isWhole ? 'complete' : 'partial';
  const content = { reason, completeness, summary: summaryOf(board, statements, reason), unmet };
  const id = nameOf({ board: board.id, ...content, statements: statements.map(statementJson) });
  return { id, board: board.id, ...content, statements, revision: board.rev, atMs: board.updatedAtMs };
}

/** Why a board that has come to rest did so. */
export function restReason(board: Board): 'solved' | 'quiescent' | 'failed' {
  const { done, failed } = board.counts;
  if (failed > 0 && done === 0) return 'failed';
  for (const { contribution } of board.standing()) if (contribution.level === 'solution') return 'solved';
  return 'quiescent';
}

/** Contributions none of whose supports, near or far, has been superseded. */
class LiveContributions {
  readonly #board: Board;
  readonly #known = new Map<string, boolean>();

  constructor(board: Board) {
    this.#board = board;
  }

  has(contribution: Contribution): boolean {
    const known = this.#known.get(contribution.id);
    if (known !== undefined) return known;
    // Supports stand earlier in the log, so current ones cannot lead back here.
    const live = contribution.supports.every((support) => {
      const current = this.#board.current(support.id);
      return current?.version === support.version && this.has(current);
    });
    this.#known.set(contribution.id, live);
    return live;
  }
}

function byWeight(a: Contribution, b: Contribution): number {
  return (
    rankOf(b.level) - rankOf(a.level) ||
    b.confidence - a.confidence ||
    compare(a.kind, b.kind) ||
    compare(textOf(a), textOf(b)) ||
    compare(a.id, b.id)
  );
}

function statementOf(contribution: Contribution, board: Board): Statement {
  const behind = supportsOf(contribution, board);
  const evidence = evidenceOf(behind);
  return {
    text: textOf(contribution),
    level: contribution.level,
    kind: contribution.kind,
    confidence: contribution.confidence,
    contributions: behind.map(({ id }) => id),
    basis: evidence.length > 0 ? 'evidence' : 'opinion',
    evidence,
  };
}

/** The contribution, then what it follows from, nearest first. */
function supportsOf(contribution: Contribution, board: Board): readonly Contribution[] {
  const found = new Map([[contribution.id, contribution]]);
  for (const one of found.values()) {
    for (const support of [...one.supports].sort((a, b) => compare(a.id, b.id))) {
      const current = board.current(support.id);
      if (found.size < MOST_BEHIND && current !== undefined) found.set(current.id, current);
    }
  }
  return [...found.values()];
}

function evidenceOf(contributions: readonly Contribution[]): readonly Evidence[] {
  const places = new Map<string, Evidence>();
  for (const { evidence } of contributions) {
    for (const place of evidence) places.set(canonicalText(placeJson(place)), place);
  }
  return [...places.values()].slice(0, MOST_EVIDENCE);
}

/** The sentence of a contribution: its value's `text`, or the value itself. */
function textOf({ value, kind, subject }: Contribution): string {
  const said = typeof value === 'string' ? value : sayingOf(value);
  if (said !== undefined) return said.slice(0, LONGEST_TEXT);
  return `${kind} ${subject.file ?? ''} ${canonicalText(value)}`.slice(0, LONGEST_TEXT);
}

function sayingOf(value: Json): string | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const { text, message, summary } = value as { readonly [key: string]: Json };
  return [text, message, summary].find((said) => typeof said === 'string');
}

function unmetOf(board: Board, said: number): readonly string[] {
  const unmet: string[] = [];
  for (const { activation, place, message } of board.activations()) {
    const about = `${activation.source}${activation.subject.file === undefined ? '' : ` on ${activation.subject.file}`}`;
    if (place === 'dead') unmet.push(`${about} failed: ${message}`);
    else if (place !== 'committed' && place !== 'obviated') unmet.push(`${about} did not run to its end`);
  }
  if (said > MOST_STATEMENTS) unmet.push(`${said - MOST_STATEMENTS} further statements are on the board`);
  return unmet.sort().slice(0, MOST_STATEMENTS);
}

function summaryOf(board: Board, statements: readonly Statement[], reason: Reason): string {
  const kinds = new Map<string, number>();
  for (const { kind } of statements) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const tally = [...kinds].sort(([a], [b]) => compare(a, b)).map(([kind, n]) => `${n} × ${kind}`);
  const found = tally.length === 0 ? 'nothing to report' : tally.join(', ');
  return `${board.problem.title}: ${found} (${ENDINGS[reason]}).`;
}

const ENDINGS: Record<Reason, string> = {
  solved: 'a solution was contributed',
  quiescent: 'every source has had its say',
  budget: 'the budget is used up',
  deadline: 'the time is over',
  cancelled: 'cancelled',
  failed: 'no source got through',
  asked: 'work goes on',
};

function statementJson({ text, level, kind, confidence, contributions, basis, evidence }: Statement): Json {
  return { text, level, kind, confidence, contributions, basis, evidence: evidence.map(placeJson) };
}

function placeJson({ file, sha256, span }: Evidence): Json {
  return { file, sha256, ...(span === undefined ? {} : { span: { ...span } }) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
