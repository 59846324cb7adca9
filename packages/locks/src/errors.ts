import type { FencingToken, HeldView, Holder, LossReason } from './lease.ts';

/** Codes of this package. Other packages bring their own closed tables. */
export const LOCK_CODES = [
  'RESOURCE_LOCKED',
  'LOCK_TIMEOUT',
  'LOCK_UNAVAILABLE',
  'LOCK_GONE',
  'LEASE_LOST',
  'STORE_UNAVAILABLE',
  'REPLY_LOST',
  'BUCKETS_MISMATCH',
  'LOCKS_CLOSED',
  'LOCK_CONFIG',
] as const;
export type LockCode = (typeof LOCK_CODES)[number];

/** Did the failed request take effect? `unknown` may be retried only with the same id, or after a read. */
export type Applied = 'no' | 'unknown';

export interface FaultFacts {
  readonly applied: Applied;
  readonly cause?: unknown;
}

/** A fault: the world failed. `code` is a closed set per package, `applied` says what a retry may do. */
export class CoordinationError<Code extends string = string> extends Error {
  override readonly name: string = 'CoordinationError';
  readonly code: Code;
  readonly applied: Applied;

  constructor(code: Code, message: string, facts: FaultFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.applied = facts.applied;
  }
}

export type AcquisitionCode = 'RESOURCE_LOCKED' | 'LOCK_TIMEOUT' | 'LOCK_UNAVAILABLE' | 'LOCK_GONE';

/** Thrown by `acquire`, `withLock` and `acquireLock` when there is no lease to hand out. */
export class LockAcquisitionError extends CoordinationError<AcquisitionCode> {
  override readonly name = 'LockAcquisitionError';
  readonly resource: string;
  /** Who holds it, where that is the reason. */
  readonly current: HeldView | undefined;
  readonly holder: Holder | undefined;
  /** The place in the queue that the claim would have taken, or had when its wait ended; 1 is next. */
  readonly position: number | undefined;

  constructor(
    code: AcquisitionCode,
    message: string,
    facts: FaultFacts & {
      readonly resource: string;
      readonly busy?: { readonly current: HeldView; readonly position: number };
    },
  ) {
    super(code, message, facts);
    this.resource = facts.resource;
    this.current = facts.busy?.current;
    this.holder = facts.busy?.current.holder;
    this.position = facts.busy?.position;
  }
}

/** Why a lease's work was aborted: `lease.signal.reason`, and what `assertValid` throws. */
export class LeaseLostError extends CoordinationError<'LEASE_LOST'> {
  override readonly name = 'LeaseLostError';
  readonly resource: string;
  readonly fence: FencingToken;
  readonly reason: LossReason;

  constructor(lease: { readonly resource: string; readonly fence: FencingToken }, reason: LossReason) {
    super('LEASE_LOST', `The lease on ${lease.resource} (fence ${lease.fence}) is lost: ${reason}`, { applied: 'no' });
    this.resource = lease.resource;
    this.fence = lease.fence;
    this.reason = reason;
  }
}

/** A pool is in use with another number of permits than it was asked for with. */
export class CapacityMismatchError extends CoordinationError<'LOCK_CONFIG'> {
  override readonly name = 'CapacityMismatchError';
  readonly resource: string;
  readonly stored: number;
  readonly asked: number;

  constructor(resource: string, stored: number, asked: number) {
    super(
      'LOCK_CONFIG',
      `${resource} is in use as a pool of ${stored} permits, not ${asked}: ask with ${stored}, or wait until nobody holds or waits for it`,
      { applied: 'no' },
    );
    this.resource = resource;
    this.stored = stored;
    this.asked = asked;
  }
}
