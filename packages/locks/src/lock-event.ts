import type { EndedHow, FencingToken, HandedHow, Holder } from './lease.ts';

/** 16-digit text that orders a bucket's events; compares as text. */
export type LogId = string;

export type LockEventType =
  | 'claimed'
  | 'offered'
  | 'away'
  | 'back'
  | 'released'
  | 'expired'
  | 'taken-over'
  | 'takeover-requested'
  | 'takeover-denied';

/**
 * How a lease ended; how it passed from one holder to another; or why a takeover was not granted:
 * `denied` by the holder, `unanswered`, `withdrawn` by who asked, `lapsed` with them.
 */
export type EventHow = EndedHow | HandedHow | 'unconfirmed' | 'withdrawn' | 'lapsed';

/** One transition of one lease, as its bucket's log keeps it. */
export interface LockEvent {
  readonly type: LockEventType;
  readonly resource: string;
  readonly leaseId: string;
  readonly gen: number;
  readonly holder: Holder;
  readonly instance: string;
  readonly fence: FencingToken;
  /** The store's wall clock, epoch milliseconds. */
  readonly atMs: number;
  /** Length of the lease's full term. */
  readonly ttlMs: number;
  /** When the lease ends or ended, on the store's wall clock, as this event left it. */
  readonly untilMs: number;
  readonly how?: EventHow;
  readonly reason?: string;
  /** Who asked for the takeover, or ended the lease of another. */
  readonly by?: Holder;
  /** Of a lease that was taken over: who had it before. */
  readonly from?: Holder;
  /** Of a lease on a pool: how many permits. */
  readonly permits?: number;
  /** Which takeover was asked for or denied. */
  readonly takeoverId?: LogId;
}

export interface LoggedLockEvent extends LockEvent {
  readonly id: LogId;
  /** The event before this one in the bucket's log; `''` for the first. */
  readonly prev: LogId | '';
  /** The event before this one of the same resource, as far as it is remembered. */
  readonly prevOfResource: LogId | '';
}

/** A reading of one bucket's log. */
export interface LogPage {
  readonly events: readonly LoggedLockEvent[];
  /** Where to read on. */
  readonly next: LogId | 'start';
  /** Events between `after` and the first of these are no longer kept. */
  readonly gap: boolean;
}

/** The bucket logs: every lock event, in order within a bucket, kept for minutes. */
export interface LockLog {
  readonly buckets: number;
  bucketOf(resource: string): number;
  read(bucket: number, after: LogId | 'start', limit: number): Promise<LogPage>;
  /** `wake` runs soon after a bucket's log grew. A hint may be lost; a read never lies. */
  onHint(bucket: number, wake: () => void): () => void;
}
