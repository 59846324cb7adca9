// Errors
//
// What a caller may do next is in two facts: the `code`, from one closed set, and
// `applied`, whether the server may have done it all the same. Only `applied: 'no'` may be
// tried again blindly; `'unknown'` only under the same idempotency key or after a look.
import type { ProblemDetails, SeenHolder } from '@devmentor/contracts';
import { type Code, codes, isCode } from '@devmentor/contracts/codes';

/** What can go wrong before an answer of the server is there. */
export const clientCodes = {
  UNREACHABLE: 'The server cannot be reached',
  TIMEOUT: 'The server did not answer in time',
  MALFORMED_ANSWER: 'The answer does not match the contract',
  NOT_CONNECTED: 'There is no live connection',
  CONNECTION_LOST: 'The live connection was lost',
  QUEUE_FULL: 'Too many requests wait for an answer',
} as const;

export type ClientCode = Code | keyof typeof clientCodes;

/** Whether what was asked for has happened on the server. */
export type Applied = 'no' | 'unknown';

interface Facts {
  readonly applied: Applied;
  readonly detail?: string | undefined;
  readonly problem?: ProblemDetails | undefined;
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
}

/** A request that failed. `message` begins with the constant title of the code. */
export class CoordinationError extends Error {
  override readonly name = 'CoordinationError';
  readonly code: ClientCode;
  readonly applied: Applied;
  /** The server's own words, when it said any. */
  readonly problem: ProblemDetails | undefined;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ClientCode, facts: Facts) {
    super(messageOf(code, facts.detail), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.applied = facts.applied;
    this.problem = facts.problem;
    this.retryAfterMs = facts.retryAfterMs ?? facts.problem?.retryAfterMs;
  }

  /** With RESOURCE_LOCKED: who holds it, for callers that may know. */
  get holder(): SeenHolder | undefined {
    return this.problem?.holder;
  }
}

/**
 * Whether something thrown is a {@link CoordinationError}. By shape: two copies of this
 * package on one page still understand each other.
 */
export function isCoordinationError(thrown: unknown): thrown is CoordinationError {
  return thrown instanceof Error && thrown.name === 'CoordinationError' && 'code' in thrown && 'applied' in thrown;
}

/** The error that a problem document stands for. */
export function errorOfProblem(problem: ProblemDetails, retryAfterMs?: number): CoordinationError {
  return new CoordinationError(problem.code, {
    applied: unsettled.has(problem.code) ? 'unknown' : 'no',
    detail: problem.detail,
    problem,
    retryAfterMs,
  });
}

/** Reads a body as a problem document; `undefined` when it is something else. */
export function readProblem(body: unknown): ProblemDetails | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  return 'code' in body && isCode(body.code) && 'title' in body ? (body as ProblemDetails) : undefined;
}

// These are said by a server that had already passed the request on.
const unsettled: ReadonlySet<Code> = new Set(['BACKEND_UNAVAILABLE', 'UPSTREAM_TIMEOUT']);

function messageOf(code: ClientCode, detail: string | undefined): string {
  const title = isCode(code) ? codes[code].title : clientCodes[code];
  return detail === undefined || detail === '' || detail === title ? title : `${title}: ${detail}`;
}
