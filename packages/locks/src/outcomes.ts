// What a store answered, or failed to answer, as the outcomes that callers are given.
import { CoordinationError } from './errors.ts';
import type { Ended } from './lease.ts';

export interface Unavailable {
  readonly kind: 'unavailable';
  readonly cause: Error;
}

/** A fault of the store's. What was asked wrongly, and what is a bug, is thrown on. */
export function unavailable(fault: unknown): Unavailable {
  if (fault instanceof CoordinationError && fault.code !== 'LOCK_CONFIG') return { kind: 'unavailable', cause: fault };
  throw fault;
}

/** It may have taken effect. */
export function isUncertain(fault: unknown): boolean {
  return fault instanceof CoordinationError && fault.applied === 'unknown';
}

/** What the store says takes longer to arrive than it holds. */
export function tooLate(resource: string): CoordinationError {
  return new CoordinationError(
    'STORE_UNAVAILABLE',
    `The store granted ${resource}, and twice its answer took longer than the term`,
    { applied: 'unknown' },
  );
}

export function noLog(): CoordinationError {
  return new CoordinationError(
    'LOCK_CONFIG',
    'This manager keeps no event log: leave out log: false, and every manager of the namespace with it',
    { applied: 'no' },
  );
}

/** Beyond the window a lease is not remembered; it has lapsed at the latest by then. */
export function ended(how: Ended | 'unknown'): { readonly kind: 'ended'; readonly how: Ended } {
  return { kind: 'ended', how: how === 'unknown' ? 'expired' : how };
}
