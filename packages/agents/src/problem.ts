// A problem, and under which terms a board works on it.
import type { Json } from '@devmentor/runtime';
import { rejected } from './errors.ts';

/** A text that is part of the problem. */
export interface SourceFile {
  readonly path: string;
  readonly content: string;
}

/** What is to be solved. */
export interface Problem {
  readonly title: string;
  readonly description: string;
  readonly files?: readonly SourceFile[];
}

/** How much a board may do. What is set aside for running work counts as spent. */
export interface Budget {
  /** @default 20000 */
  readonly contributions: number;
  /** @default 10000 */
  readonly activations: number;
  /** Run time of all knowledge sources together. @default 600000 */
  readonly timeMs: number;
}

export const defaultBudget: Budget = { contributions: 20_000, activations: 10_000, timeMs: 600_000 };

/** Fixed when a board is opened. */
export interface BoardSettings {
  /** `name@version` of the knowledge sources that may work on it. */
  readonly sources: readonly string[];
  readonly budget: Budget;
  /** After this time, counted from the opening, the board ends with what it has. */
  readonly deadlineMs?: number;
  /** Activations in flight at one time. @default 32 */
  readonly concurrency: number;
  /** The opener's own; shown with the board. */
  readonly meta?: Json;
}

const LONGEST_TITLE = 500;
const LONGEST_DESCRIPTION = 10_000;
const MOST_FILES = 10_000;
const LONGEST_PATH = 1_024;
const MOST_BYTES = 64 * 1024 * 1024;

/** The problem itself, when a board can hold it; else KNOWLEDGE_REJECTED. */
export function checkProblem(problem: Problem): Problem {
  const files = problem.files ?? [];
  if (problem.title.length === 0 || problem.title.length > LONGEST_TITLE)
    throw rejected(`a title has 1 to ${LONGEST_TITLE} characters`);
  if (problem.description.length > LONGEST_DESCRIPTION)
    throw rejected(`a description has at most ${LONGEST_DESCRIPTION} characters`);
  if (files.length > MOST_FILES) throw rejected(`a problem has at most ${MOST_FILES} files`);
  let bytes = 0;
  const seen = new Set<string>();
  for (const { path, content } of files) {
    checkPath(path);
    if (seen.has(path)) throw rejected(`the file ${JSON.stringify(path)} is given twice`);
    seen.add(path);
    bytes += Buffer.byteLength(content);
  }
  if (bytes > MOST_BYTES) throw rejected(`the files have ${bytes} bytes; at most ${MOST_BYTES} are taken`);
  return problem;
}

/** Paths are relative, with forward slashes, and stay below their root. */
export function checkPath(path: string): string {
  const parts = path.split('/');
  const leaves = parts.some((part) => part === '' || part === '.' || part === '..');
  if (leaves || path.length > LONGEST_PATH || path.includes('\\') || path.includes('\0')) {
    throw rejected(`not a path of a file within a problem: ${JSON.stringify(path.slice(0, 80))}`);
  }
  return path;
}

export function checkBudget(budget: Partial<Budget>): Budget {
  const whole = { ...defaultBudget, ...budget };
  for (const [name, limit] of Object.entries(whole)) {
    if (!Number.isSafeInteger(limit) || limit < 0) throw rejected(`the budget's ${name} is not a whole number from 0`);
  }
  return whole;
}
