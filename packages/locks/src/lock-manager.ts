import type {
  AnswerOutcome,
  Breaking,
  Ended,
  EndedHow,
  HandOff,
  HandOffOutcome,
  HeldView,
  Holder,
  JsonObject,
  Lease,
  LeaseView,
  ReleaseOutcome,
  RenewOutcome,
  TakeoverAnswer,
} from './lease.ts';
import type { AuditOptions, AuditRecord } from './lock-audit.ts';
import type { LockLog, LoggedLockEvent, LogId } from './lock-event.ts';
import type { LockCounts } from './lock-metrics.ts';
import type { MultiLease, MultiOptions, MultiOutcome } from './multi-lock.ts';
import type { PoolView } from './permit-command.ts';
import type { ReadWriteLock } from './read-write.ts';
import type { Semaphore } from './semaphore.ts';

/** How a lease is kept alive. */
export interface Upkeep {
  /** Length of the term, at most a day; at least 250 ms, or 50 with `renew: 'manual'`. Default 30,000. */
  readonly ttlMs?: number;
  /** Default `'auto'`. */
  readonly renew?: 'auto' | 'manual';
  /**
   * Longest time that automatic renewal keeps the lease, at least a term: then it is lost as
   * `max-hold`, and ends at the store with its last term unless it is released before.
   */
  readonly maxHoldMs?: number;
  /**
   * Asked before each automatic renewal. False, an error, or no answer until the deadline: not
   * renewed, and lost as `not-alive`.
   */
  readonly isAlive?: (lease: Lease) => boolean | Promise<boolean>;
}

export interface ClaimOptions extends Upkeep {
  /** Who claims; by default this manager itself. */
  readonly holder?: Holder;
  /**
   * Which of the holder's parties; default `'default'`. Holder and instance together are one
   * party: a second request of the same party is answered with the lease it already has.
   */
  readonly instance?: string;
  /** Names the request: repeating it never gets a second grant. Default: a fresh one. */
  readonly requestId?: string;
  /** How long to wait in the queue; default 0 for `tryAcquire` and `acquire`. */
  readonly waitMs?: number;
  /** Shown to others with the lease; at most 4 KiB of JSON. */
  readonly meta?: JsonObject;
  /** Ends the waiting; the queue is left, or a grant just made given back, before the call rejects. */
  readonly signal?: AbortSignal;
}

export type Granted = {
  readonly kind: 'granted';
  readonly lease: Lease;
  /** False when this party, or this request, had the lease already. */
  readonly fresh: boolean;
};

export type Busy = {
  readonly kind: 'busy';
  readonly holder: Holder;
  readonly current: HeldView;
  /** Place in the queue this request would have taken, or had when its wait ended; 1 is next. */
  readonly position: number;
  /**
   * Until the current term ends, which its holder may renew, and which others may wait for: no
   * estimate of a turn. Nobody knows how long a holder will work; a place in the queue (`waitMs`)
   * is told of its turn the moment it comes.
   */
  readonly retryAfterMs: number;
  /** `queue-full`: no place left to wait. `waited`: `waitMs` ran out. */
  readonly why: 'held' | 'queue-full' | 'waited';
};

export type ClaimOutcome =
  | Granted
  | Busy
  /** This request had a grant, or was cancelled; it never gets another. */
  | { readonly kind: 'gone'; readonly how: EndedHow }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export interface Connection {
  readonly node: string;
  readonly conn: string;
  readonly instance: string;
}

export interface LeaseRef {
  readonly resource: string;
  readonly leaseId: string;
}

export type ResumeOutcome =
  | {
      readonly kind: 'resumed';
      readonly lease: Lease;
      readonly displaced?: { readonly node: string; readonly conn: string };
    }
  | { readonly kind: 'ended'; readonly how: Ended }
  /** Attached to another instance's connection. */
  | { readonly kind: 'attached'; readonly by: { readonly instance: string } }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export type AttachOutcome =
  | {
      readonly kind: 'attached';
      readonly view: HeldView;
      readonly displaced?: { readonly node: string; readonly conn: string };
    }
  | { readonly kind: 'busy'; readonly by: { readonly instance: string } }
  | { readonly kind: 'ended'; readonly how: Ended }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export type AwayOutcome =
  | { readonly kind: 'away'; readonly view: HeldView }
  /** Somebody attached since `gen`; nothing was done. */
  | { readonly kind: 'stale'; readonly gen: number }
  | { readonly kind: 'ended'; readonly how: Ended }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export type CancelOutcome =
  /** Left the queue, or the request never arrived and never will. */
  | { readonly kind: 'left' }
  /** A grant had just been made; it was given back. */
  | { readonly kind: 'returned' }
  | { readonly kind: 'gone'; readonly how: EndedHow }
  | { readonly kind: 'unavailable'; readonly cause: Error };

/** Who takes a lease over, and how they keep it. */
export interface TakerOptions extends Upkeep {
  /** Who asks, and will hold it. */
  readonly by: Holder;
  /** Which of their parties; default `'default'`. */
  readonly instance?: string;
  /** Names the request: repeating it asks once and is granted once. Default: a fresh one. */
  readonly requestId?: string;
  readonly meta?: JsonObject;
}

export interface TakeoverOptions extends TakerOptions {
  /** Shown to the holder and kept in the log. */
  readonly reason?: string;
  /** How long the holder has to answer. */
  readonly graceMs: number;
  /** What silence means; default `'grant'`. */
  readonly onSilence?: 'grant' | 'deny';
  /** Withdraws: the call rejects once it is certain that no lease is left behind. */
  readonly signal?: AbortSignal;
  /** Told once the holder is asked: by when they have to answer, and under which name to withdraw. */
  readonly onAsked?: (takeover: Breaking) => void;
}

export interface ForceOptions extends TakerOptions {
  /** Shown to who held it, and kept in the log. */
  readonly reason: string;
}

export type TakeoverOutcome =
  | Granted
  /** `by` the holder, or by their silence. The same party may ask again after `retryAfterMs`. */
  | { readonly kind: 'denied'; readonly by?: Holder; readonly reason?: string; readonly retryAfterMs: number }
  /** Another asked before. */
  | { readonly kind: 'busy'; readonly by: Holder; readonly retryAfterMs: number }
  /** By `withdrawTakeover` or `cancel`. */
  | { readonly kind: 'withdrawn' }
  /** This request had a grant, which has ended. */
  | { readonly kind: 'gone'; readonly how: EndedHow }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export type ForceOutcome = Exclude<TakeoverOutcome, { readonly kind: 'denied' | 'busy' | 'withdrawn' }>;

/** Which asking is meant; `takeoverId` is in the lease's view and in its events. */
export interface TakeoverName {
  readonly resource: string;
  readonly takeoverId: LogId;
}

export type AnswerRequest = LeaseRef & TakeoverName & TakeoverAnswer;

export type WithdrawOutcome =
  | { readonly kind: 'withdrawn' | 'not-asked' }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export interface LeasePage {
  readonly items: readonly LeaseView[];
  readonly nextCursor?: string;
}

/**
 * Leases on named resources: who holds what, told by one store.
 *
 * A resource is 1 to 512 bytes of UTF-8 without control characters. Outcomes are returned;
 * contention is no exception. A store that cannot answer is `unavailable` with the fault as
 * `cause`, whose `applied` says whether the request may have taken effect.
 */
export interface LockManager {
  /** Checks the namespace's stored settings and starts the sweeps. Every other call opens by itself. */
  open(): Promise<void>;

  /** Claims, and with `waitMs` waits in the queue. Rejects only with `signal.reason` or for bad arguments. */
  tryAcquire(resource: string, options?: ClaimOptions): Promise<ClaimOutcome>;
  /** As `tryAcquire`, but throws a `LockAcquisitionError` when there is no lease. */
  acquire(resource: string, options?: ClaimOptions): Promise<Lease>;
  /**
   * Runs `work` under a lease and releases it. `work` gets the lease; its `signal` aborts when
   * the lease is lost. Without an `instance`, each call is a party of its own.
   */
  withLock<T>(resource: string, options: ClaimOptions, work: (lease: Lease) => Promise<T> | T): Promise<T>;
  /**
   * Claims several resources, all or none: asked for in one tick, and waited for in order of their
   * names. Each is a lease and a fence of its own; others may meanwhile see some of them held.
   */
  tryAcquireAll(resources: readonly string[], options?: MultiOptions): Promise<MultiOutcome>;
  /** As `tryAcquireAll`, but throws the error of the resource that could not be had. */
  acquireAll(resources: readonly string[], options?: MultiOptions): Promise<MultiLease>;
  /** Runs `work` under leases on all of them and releases them. */
  withLocks<T>(
    resources: readonly string[],
    options: MultiOptions,
    work: (lease: MultiLease) => Promise<T> | T,
  ): Promise<T>;
  /** A pool of permits; it has nothing to do with a lease of the same name. All its users give the same number. */
  semaphore(resource: string, options: { readonly permits: number }): Semaphore;
  /** Many readers or one writer; it has nothing to do with a lease of the same name. */
  readWrite(resource: string): ReadWriteLock;
  /** Continues a lease that another process was granted: extends it, or attaches a connection. */
  resume(
    request: LeaseRef & Pick<Upkeep, 'renew' | 'maxHoldMs' | 'isAlive'> & { readonly attach?: Connection },
  ): Promise<ResumeOutcome>;

  /** By id, for servers that keep no `Lease`. With `gen`, on behalf of that connection: does not extend when it is no longer the attached one. */
  renew(request: LeaseRef & { readonly ttlMs?: number; readonly gen?: number }): Promise<RenewOutcome>;
  /** Ends a lease by its id and offers the resource to the next in line. Never throws. */
  release(
    request: LeaseRef & {
      readonly how?: 'released' | 'revoked';
      readonly reason?: string;
      /** Who ends it, where that is not its holder. */
      readonly by?: Holder;
    },
  ): Promise<ReleaseOutcome>;
  /** Ties the lease to a connection. The same instance wins and displaces the older one (gen + 1). */
  attach(request: LeaseRef & Connection): Promise<AttachOutcome>;
  /** The connection is gone: the lease ends after `graceMs` unless somebody attaches or renews it. */
  away(request: LeaseRef & { readonly gen?: number; readonly graceMs: number }): Promise<AwayOutcome>;
  /** Leaves the queue, or gives a just-made grant back; the request never gets a lease after this. */
  cancel(request: { readonly resource: string; readonly requestId: string }): Promise<CancelOutcome>;

  /**
   * Asks the holder for its lease, and waits for the answer. Who asks comes before the queue, and
   * gets the lease too when it is released or lapses meanwhile; a free resource is granted at once.
   */
  requestTakeover(resource: string, options: TakeoverOptions): Promise<TakeoverOutcome>;
  /** Answers who asks for a lease, for servers that keep no `Lease`. */
  answerTakeover(request: AnswerRequest): Promise<AnswerOutcome>;
  /** No longer asks. What was granted already is released by its lease. */
  withdrawTakeover(request: TakeoverName): Promise<WithdrawOutcome>;
  /** Takes the lease from whoever holds it, who is told; it is granted anew in the same step. */
  force(resource: string, options: ForceOptions): Promise<ForceOutcome>;
  /** Gives a lease to a party by name, for servers that keep no `Lease`. */
  handOff(request: LeaseRef & HandOff): Promise<HandOffOutcome>;

  /** Throws `CoordinationError` when the store cannot answer. */
  inspect(resource: string, options?: { readonly withLeaseId?: boolean }): Promise<LeaseView>;
  /** Held resources by prefix, in order of their names; a page costs the store its own length. */
  list(query: { readonly prefix: string; readonly cursor?: string; readonly limit?: number }): Promise<LeasePage>;
  /** The same of pools that somebody holds or waits for. Every page looks at all pools: for people, not for loops. */
  listPools(query: {
    readonly prefix: string;
    readonly cursor?: string;
    readonly limit?: number;
  }): Promise<{ readonly items: readonly PoolView[]; readonly nextCursor?: string }>;
  /** Where the resource stands, and then every event of it. Yields a fresh view where events may have been missed. */
  watch(resource: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<LeaseChange>;
  readonly log: LockLog;
  /**
   * Every transition of every lease: who, by whom, when and why. In order within a bucket; goes on
   * for ever, from the oldest that is kept or from where `after` left off, and says what it missed.
   */
  audit(options?: AuditOptions): AsyncIterable<AuditRecord>;
  /** The same of pools: every grant and every end of permits, told within a second. */
  auditPools(options?: AuditOptions): AsyncIterable<AuditRecord>;
  /** What this manager has counted. */
  readonly metrics: LockCounts;

  /** Leaves every queue; releases the leases made here, or keeps them for another process to resume. */
  close(options?: { readonly leases?: 'release' | 'keep' }): Promise<void>;

  /** The short form: claims for this call alone, without waiting. Throws `LockAcquisitionError`. */
  acquireLock(resource: string, ttl?: number): Promise<Lock>;
  /** True when this call gave it back. */
  releaseLock(lock: Lock): Promise<boolean>;
}

/** What `watch` yields. */
export type LeaseChange =
  | { readonly kind: 'view'; readonly view: LeaseView }
  | { readonly kind: 'event'; readonly event: LoggedLockEvent };

/** The short form's lock. */
export interface Lock {
  readonly id: string;
  readonly resource: string;
  readonly ttl: number;
  readonly lease: Lease;
  startAutoRenewal(): void;
  stopAutoRenewal(): void;
}

/** The short form alone. */
export type ILockManager = Pick<LockManager, 'acquireLock' | 'releaseLock'>;
