import type { EndedHow, FencingToken, Holder, JsonObject } from './lease.ts';
import type { CommandOf, EndedNotice, Offer, OwnView, Replies, RequestCommand } from './lease-command.ts';

/** A request for `weight` permits of a pool of `capacity`. Repeating it never makes a second grant. */
export interface PermitRequest extends RequestCommand {
  readonly capacity: number;
  readonly weight: number;
}

export type PermitCommand =
  | PermitRequest
  /** Extends a holder's term and confirms an offer. */
  | {
      readonly kind: 'renew';
      readonly resource: string;
      readonly leaseId: string;
      readonly ttlMs: number | undefined;
    }
  /** Fewer permits: the same lease. More: a new lease in its place, and only for who holds alone. */
  | {
      readonly kind: 'reweigh';
      readonly resource: string;
      readonly leaseId: string;
      readonly weight: number;
      /** Names the lease that takes its place, should one be granted. */
      readonly next: { readonly leaseId: string; readonly requestId: string };
    }
  | CommandOf<'release'>
  | CommandOf<'cancel'>
  | { readonly kind: 'inspect'; readonly resource: string }
  /** What time alone has done; a sweep sends it. */
  | { readonly kind: 'settle'; readonly resource: string };

export type PermitCommandKind = PermitCommand['kind'];
export type PermitCommandOf<K extends PermitCommandKind> = Extract<PermitCommand, { readonly kind: K }>;

/** What processes that use pools tell each other beside the replies. */
export type PermitNotice = Offer | EndedNotice;

/** One holder of a pool, as it may see itself. */
export interface PermitView extends OwnView {
  readonly weight: number;
}

/** A holder of a pool, as others see it. */
export interface PermitHolding {
  readonly holder: Holder;
  readonly instance: string;
  readonly meta?: JsonObject;
  /** How many permits. */
  readonly weight: number;
  readonly fence: FencingToken;
  readonly ttlMs: number;
  readonly grantedAtMs: number;
  readonly untilMs: number;
  readonly remainingMs: number;
  /** Granted from the queue and not yet confirmed by the holder. */
  readonly offered: boolean;
  /** The lease's secret name; only where it was asked for with `withLeaseId`. */
  readonly leaseId?: string;
}

export interface PermitQueuer {
  readonly holder: Holder;
  readonly instance: string;
  readonly weight: number;
}

/** Where a pool stands. Times are the store's wall clock. */
export interface PoolView {
  readonly resource: string;
  /** How many permits there are; 0 in a pool that nobody uses. */
  readonly permits: number;
  readonly free: number;
  /** How many hold. */
  readonly held: number;
  /** How many wait. */
  readonly queue: number;
  /** At most the first 256 to lapse. */
  readonly holders: readonly PermitHolding[];
  /** At most the first 256 in line. */
  readonly waiters: readonly PermitQueuer[];
  readonly serverMs: number;
}

type Granted = {
  readonly kind: 'granted';
  readonly fence: FencingToken;
  readonly untilMs: number;
  readonly serverMs: number;
};
type Gone = { readonly kind: 'gone'; readonly how: EndedHow };
type Ended = Extract<Replies['renew'], { readonly kind: 'ended' }>;

/** What each command answers. The view of `queued` and `busy` is of the holder that lapses first. */
export interface PermitReplies {
  readonly request:
    | Granted
    | { readonly kind: 'held'; readonly view: PermitView }
    | { readonly kind: 'queued'; readonly position: number; readonly view: PermitView }
    | { readonly kind: 'busy'; readonly position: number; readonly view: PermitView; readonly full: boolean }
    | Gone
    /** The pool is in use with another number of permits. */
    | { readonly kind: 'capacity'; readonly stored: number };
  readonly renew: { readonly kind: 'renewed'; readonly view: PermitView } | Ended;
  readonly reweigh:
    | { readonly kind: 'lowered'; readonly view: PermitView }
    | Granted
    | { readonly kind: 'held'; readonly view: PermitView }
    /** Others hold as well. */
    | { readonly kind: 'shared'; readonly others: number }
    | Gone
    | Ended;
  readonly release: Replies['release'];
  readonly cancel: Replies['cancel'];
  readonly inspect: { readonly kind: 'pool'; readonly view: PoolView };
  readonly settle: { readonly kind: 'settled' };
}
export type PermitReply = PermitReplies[PermitCommandKind];
