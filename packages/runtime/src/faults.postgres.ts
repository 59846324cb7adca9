// What PostgreSQL, its client and the network say, as the faults of a store.
import { CoordinationError } from '@devmentor/locks';
import { DatabaseError } from 'pg';
import { idRejected, StoreFault } from './store-faults.ts';

/** SQLSTATEs of our own: raised in the functions of the schema. */
export const sqlStates = {
  /** What a commit was decided on has changed since; nothing was written. */
  moved: 'DM001',
  /** The schema was written by a newer release; the message is its version. */
  newer: 'DM002',
} as const;

const serializationFailure = '40001';
const deadlockDetected = '40P01';

/** The server undid the statement for a reason that another try may not meet. */
export function isRetriable(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === serializationFailure || error.code === deadlockDetected);
}

export function isMoved(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === sqlStates.moved;
}

/** Whether the server is through with this connection, or it is not known what it still does. */
export function endsConnection(error: unknown): boolean {
  return !(error instanceof DatabaseError) || error.severity === 'FATAL' || error.severity === 'PANIC';
}

/**
 * Not the statement's fault: disk, memory or connections are used up (53), a lock or time limit
 * (55P03, 57014), a replica (25006), the tables are gone (3F, 42P01, 42883), damage (58, XX).
 */
const unavailable = /^(08|53|58|XX|3F|25006|42P01|42883|55P03|57)/;

/**
 * The fault that an error is to a caller; the error itself where only a wrong statement brings it.
 *
 * A statement is a transaction, so one that the server refused with an error left nothing behind.
 * Without its answer, or when the server ended the connection, what a write did is not known.
 */
export function storeFault(error: unknown, at: string, kind: 'read' | 'write'): unknown {
  if (error instanceof DatabaseError && !endsConnection(error)) {
    const code = error.code ?? '';
    if (code.startsWith('22')) return idRejected(`or a text beside it cannot be held by PostgreSQL: ${error.message}`);
    if (unavailable.test(code) || isRetriable(error)) return storeUnavailable(at, `refused: ${error.message}`, error);
    return error;
  }
  const why = sentence(error);
  if (kind === 'read' || isNotSent(error)) return storeUnavailable(at, `does not answer: ${why}`, error);
  return new CoordinationError('REPLY_LOST', `PostgreSQL at ${at}: the answer is lost: ${why}`, {
    applied: 'unknown',
    cause: error,
  });
}

/** The client's words for a statement that it did not write. There is no code to tell it by. */
function isNotSent(error: unknown): boolean {
  return error instanceof Error && error.message.endsWith('is not queryable');
}

export function storeUnavailable(at: string, why: string, cause?: unknown): CoordinationError {
  return new CoordinationError('STORE_UNAVAILABLE', `PostgreSQL at ${at} ${why}`, { applied: 'no', cause });
}

/** No connection could be made: `STORE_CONFIG` where the next try would end the same way. */
export function connectFault(error: unknown, at: string): CoordinationError {
  // Wrong user or password (28), no such database (3D000), no right to it (42501), a name that is
  // the server's own (42939).
  if (error instanceof DatabaseError && /^(28|3D000|42501|42939)/.test(error.code ?? ''))
    return new StoreFault('STORE_CONFIG', `PostgreSQL at ${at} refused: ${error.message}`, {
      applied: 'no',
      cause: error,
    });
  return storeUnavailable(at, `cannot be reached: ${sentence(error)}`, error);
}

function sentence(error: unknown): string {
  // A host with several addresses fails with one error for each.
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  return first instanceof Error ? first.message : String(first);
}
