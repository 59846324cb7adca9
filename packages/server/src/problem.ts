// Problem
//
// Every refusal and every fault leaves the server as one shape (RFC 9457). This is the one place
// where the codes of the packages below become codes of the wire.
import { BoardError } from '@devmentor/agents';
import { type FieldError, type ProblemDetails, problemOf, type ProblemFacts as WireFacts } from '@devmentor/contracts';
import { type Code, codes } from '@devmentor/contracts/codes';
import { CoordinationError } from '@devmentor/locks';
import { HasherOverloaded } from './auth/password-hasher.argon2.ts';
import { DomainError } from './projects/domain-error.ts';

/** What one occurrence adds to what its code says; `headers` go beside the document. */
export interface ProblemFacts extends Omit<WireFacts, 'detail' | 'instance'> {
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A problem document on its way out: thrown by services, written by the HTTP and WebSocket shells. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: Code;
  readonly detail: string;
  readonly facts: ProblemFacts;

  /** The message begins with the code's title, so that in-process callers read what wire callers read. */
  constructor(code: Code, detail: string, facts: ProblemFacts = {}) {
    super(`${codes[code].title}: ${detail}`, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.detail = detail;
    this.facts = facts;
  }

  static invalid(errors: readonly FieldError[]): Problem {
    const [first] = errors;
    return new Problem(
      'VALIDATION_FAILED',
      first === undefined ? 'the request is not valid' : `${first.pointer || 'the body'} ${first.message}`,
      { errors: [...errors] },
    );
  }

  get status(): number {
    return codes[this.code].status;
  }

  /** The document itself; `instance` names the request it answers. */
  toDocument(instance: string): ProblemDetails {
    const { headers: _, cause: __, ...facts } = this.facts;
    return problemOf(this.code, { ...facts, detail: this.detail, instance });
  }
}

/** How long to wait before another try where nothing better is known. */
const RETRY_MS = 1_000;

/** Faults of the layers below, by code. What is missing here is a fault nobody foresaw. */
export const FAULTS: Readonly<Record<string, { readonly code: Code; readonly detail: string }>> = {
  STORE_UNAVAILABLE: { code: 'BACKEND_UNAVAILABLE', detail: 'the store cannot be reached' },
  REPLY_LOST: {
    code: 'BACKEND_UNAVAILABLE',
    detail: 'the store did not answer; the request may have been carried out',
  },
  LOCK_UNAVAILABLE: { code: 'BACKEND_UNAVAILABLE', detail: 'the lock store cannot be reached' },
  TRANSPORT_UNAVAILABLE: { code: 'BACKEND_UNAVAILABLE', detail: 'the nodes cannot reach each other' },
  NOT_DELIVERED: { code: 'BACKEND_UNAVAILABLE', detail: 'no node could take the request in time' },
  ACTOR_FAILED: { code: 'BACKEND_UNAVAILABLE', detail: 'the request failed and was not carried out' },
  ACTOR_STOPPED: { code: 'BACKEND_UNAVAILABLE', detail: 'what the request is about has been stopped' },
  DEADLINE: { code: 'UPSTREAM_TIMEOUT', detail: 'no answer in time; the request may have been carried out' },
  MAILBOX_FULL: { code: 'OVERLOADED', detail: 'too many requests are waiting for this' },
  OVERLOADED: { code: 'OVERLOADED', detail: 'too many requests are waiting for this' },
  ACTOR_QUARANTINED: { code: 'BACKEND_UNAVAILABLE', detail: 'what the request is about cannot be served now' },
  VERSION_UNSUPPORTED: { code: 'BACKEND_UNAVAILABLE', detail: 'a newer server has to answer this' },
  NOT_RUNNING: { code: 'SHUTTING_DOWN', detail: 'the server is starting or shutting down' },
  DRAINING: { code: 'SHUTTING_DOWN', detail: 'the server is shutting down' },
  LOCKS_CLOSED: { code: 'SHUTTING_DOWN', detail: 'the server is shutting down' },
  TOO_LARGE: { code: 'PAYLOAD_TOO_LARGE', detail: 'what would be stored is too large' },
  BOARD_NOT_FOUND: { code: 'NOT_FOUND', detail: 'no such blackboard' },
  BOARD_CLOSED: { code: 'FORBIDDEN', detail: 'the blackboard has ended and takes nothing more' },
  BOARD_STATE: { code: 'FORBIDDEN', detail: 'the blackboard is in no state for this' },
  BUDGET_EXCEEDED: { code: 'FORBIDDEN', detail: 'the budget of the blackboard has no room for this' },
  KNOWLEDGE_REJECTED: { code: 'VALIDATION_FAILED', detail: 'the blackboard does not take this' },
  SOURCE_UNKNOWN: { code: 'VALIDATION_FAILED', detail: 'no such knowledge source' },
  NOT_JSON: { code: 'VALIDATION_FAILED', detail: 'what would be stored is not plain JSON' },
};

/** What to answer for anything that was thrown. A bug becomes a 503 that says nothing; the log says the rest. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof DomainError) return new Problem(error.code, error.message, { cause: error });
  if (error instanceof HasherOverloaded)
    return new Problem('OVERLOADED', error.message, { retryAfterMs: RETRY_MS, cause: error });
  const fault = error instanceof CoordinationError ? FAULTS[error.code] : undefined;
  // What a board says of itself is meant for whoever asked.
  const said = error instanceof BoardError && fault !== undefined ? { code: fault.code, detail: error.message } : fault;
  const { code, detail } = said ?? { code: 'BACKEND_UNAVAILABLE', detail: 'the server failed to answer' };
  return new Problem(code, detail, { cause: error, ...(codes[code].status >= 503 && { retryAfterMs: RETRY_MS }) });
}

/** Whether the log should hear of it as something the operator must look at. */
export function isUnforeseen(error: unknown): boolean {
  if (error instanceof Problem) return error.facts.cause !== undefined && isUnforeseen(error.facts.cause);
  if (error instanceof CoordinationError) return FAULTS[error.code] === undefined;
  return !(error instanceof DomainError || error instanceof HasherOverloaded);
}
