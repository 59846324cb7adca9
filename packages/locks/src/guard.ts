// Guard
//
// The receiving side of a fence: what a resource does with the token that comes with a write.
// It reads no clock and asks no lock, so a holder that slept past the end of its lease is
// turned away however late it wakes.
//
//   GD1  A write is admitted iff its fence is at least the highest admitted there before.
//   GD2  An equal fence is the same lease: one grant may write many times.
//   GD3  The fence is recorded in the same atomic step as the write that it admits.
//   GD4  A refused write changes nothing, and is told the fence that turned it away.
//   GD5  Anything but 16 digits is refused before anything is read or written.
//
// Asking first and writing after is a race, not a guard: hence the adapters beside this file,
// each of which puts the comparison into the write itself.
import { CoordinationError } from './errors.ts';
import { type FencingToken, parseFence } from './lease.ts';

/** A newer grant has written here; nothing was changed. */
export interface StaleFence {
  readonly kind: 'stale';
  readonly resource: string;
  readonly fence: FencingToken;
  /** The highest fence admitted there. */
  readonly seen: FencingToken;
}

export type Admission = { readonly kind: 'admitted' } | StaleFence;

export type Guarded<T> = { readonly kind: 'written'; readonly result: T } | StaleFence;

/** Told of every write that a guard turns away: the `metrics` of a lock manager, or a counter of yours. */
export interface StaleCounts {
  staleWrite(): void;
}

/** The exception for those who want one: inside a transaction, it rolls back. */
export class StaleFenceError extends CoordinationError<'STALE_FENCE'> {
  override readonly name = 'StaleFenceError';
  readonly resource: string;
  readonly fence: FencingToken;
  readonly seen: FencingToken;

  constructor(stale: StaleFence) {
    super('STALE_FENCE', `${stale.resource} was written under fence ${stale.seen}; ${stale.fence} is stale`, {
      applied: 'no',
    });
    this.resource = stale.resource;
    this.fence = stale.fence;
    this.seen = stale.seen;
  }
}

/** Throws a `StaleFenceError` if that is the outcome, so that an outcome nobody looks at cannot pass for leave to write. */
export function throwIfStale<T extends { readonly kind: string }>(
  outcome: T,
): asserts outcome is Exclude<T, StaleFence> {
  if (outcome.kind === 'stale') throw new StaleFenceError(outcome as T & StaleFence);
}

/**
 * The guard of resources that live in this process. Holds one fence per resource, for good:
 * a forgotten one would let the oldest writer in.
 */
export class MemoryGuard {
  readonly #seen = new Map<string, FencingToken>();
  readonly #metrics: StaleCounts | undefined;

  constructor(options: { readonly metrics?: StaleCounts } = {}) {
    this.#metrics = options.metrics;
  }

  /** Atomic with whatever the caller does before it next awaits. */
  admit(resource: string, fence: string): Admission {
    const token = parseFence(fence);
    const seen = this.#seen.get(resource);
    if (seen !== undefined && token < seen) {
      this.#metrics?.staleWrite();
      return { kind: 'stale', resource, fence: token, seen };
    }
    this.#seen.set(resource, token);
    return { kind: 'admitted' };
  }

  /** The highest fence admitted for the resource. */
  seen(resource: string): FencingToken | undefined {
    return this.#seen.get(resource);
  }
}
