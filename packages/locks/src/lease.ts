import type { LogId } from './lock-event.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

declare const fencingToken: unique symbol;
/** 16-digit decimal text that rises with every grant of a resource; compares as text. */
export type FencingToken = string & { readonly [fencingToken]: true };

/** Reads a token that came from outside; anything but 16 digits is a `RangeError`. */
export function parseFence(text: string): FencingToken {
  if (!/^\d{16}$/.test(text)) throw new RangeError('a fencing token is 16 decimal digits');
  return text as FencingToken;
}

/** Formats a count as a token. */
export function fenceOf(value: number): FencingToken {
  return value.toFixed(0).padStart(16, '0') as FencingToken;
}

/** Who holds or waits; shown to others. */
export interface Holder {
  readonly id: string;
  readonly name?: string;
}

/** Whose connection keeps the lease: a socket's, nobody's for a grace time, or none was ever attached. */
export type Link =
  | { readonly kind: 'attached'; readonly node: string; readonly conn: string }
  | { readonly kind: 'away' }
  | { readonly kind: 'none' };

/** How a lease ended, as its record remembers it. `cancelled` also names a request that never got one. */
export type EndedHow = 'released' | 'expired' | 'revoked' | 'cancelled';

/** How a lease ended, as its former holder is told: `superseded` when a later grant exists. */
export type Ended = 'released' | 'expired' | 'superseded' | 'revoked';

/** A takeover that was asked for; recorded with the lease. */
export interface Breaking {
  readonly by: Holder;
  readonly requestId: string;
  readonly atMs: number;
}

/** What anyone may know about a held resource. Times are the store's wall clock. */
export interface HeldView {
  readonly kind: 'held';
  readonly resource: string;
  readonly holder: Holder;
  readonly instance: string;
  readonly fence: FencingToken;
  /** Rises with every change of the connection that keeps the lease. */
  readonly gen: number;
  readonly ttlMs: number;
  readonly grantedAtMs: number;
  readonly untilMs: number;
  readonly remainingMs: number;
  /** The store's clock when it answered. */
  readonly serverMs: number;
  readonly link: Link;
  /** Granted from the queue and not yet confirmed by the holder. */
  readonly offered: boolean;
  /** How many wait. */
  readonly queue: number;
  readonly breaking?: Breaking;
  readonly meta?: JsonObject;
  readonly cursor: LogId | '';
  /** The lease's secret name; only where it was asked for with `withLeaseId`. */
  readonly leaseId?: string;
}

export interface FreeView {
  readonly kind: 'free';
  readonly resource: string;
  readonly cursor: LogId | '';
  readonly queue: number;
  readonly serverMs: number;
  /** The lease before, while it is remembered. */
  readonly last?: { readonly fence: FencingToken; readonly how: EndedHow; readonly atMs: number };
}

export type LeaseView = HeldView | FreeView;

/** Why a lease was lost while its holder still wanted it. */
export type LossReason =
  | 'expired'
  | 'superseded'
  | 'revoked'
  | 'released-elsewhere'
  | 'unreachable'
  | 'suspended'
  | 'shutdown';

/**
 * `held`; `suspended`: unsure until a round trip confirms it (`valid` still answers from the
 * clock); `released`; `lost`, with `lossReason`. The last two are final.
 */
export type LeaseState = 'held' | 'suspended' | 'released' | 'lost';

export type ReleaseOutcome =
  | { readonly kind: 'released' }
  /** Released before, by this call's twin or another. */
  | { readonly kind: 'already' }
  | { readonly kind: 'expired' }
  /** Ended, and granted to another since. */
  | { readonly kind: 'superseded' }
  /** The store remembers no such lease; or, with `cause`, could not be asked. */
  | { readonly kind: 'unknown'; readonly cause?: Error };

export type RenewOutcome =
  | { readonly kind: 'renewed'; readonly view: HeldView }
  | { readonly kind: 'ended'; readonly how: Ended }
  | { readonly kind: 'unavailable'; readonly cause: Error };

/**
 * A right to a resource for a time, as its holder has it.
 *
 * `valid` is computed from clocks, never remembered: it is false in the first statement after
 * a stall that outlasted the lease, and a late answer never makes it true again. It cannot
 * stop a write that is already on its way; pass `fence` with the write for that.
 */
export interface Lease extends AsyncDisposable {
  readonly resource: string;
  readonly leaseId: string;
  readonly requestId: string;
  readonly holder: Holder;
  readonly instance: string;
  readonly fence: FencingToken;
  readonly ttlMs: number;
  readonly gen: number;
  readonly grantedAtMs: number;
  /** End of the term by the store's clock, for display. */
  readonly untilMs: number;
  readonly meta: JsonObject | undefined;

  readonly state: LeaseState;
  readonly lossReason: LossReason | undefined;
  /** True while no other holder can have been granted the resource, as far as clocks can tell. */
  readonly valid: boolean;
  /** Milliseconds left by the local clock, less the allowance for drift; 0 when not valid. */
  remainingMs(): number;
  /** Throws the `LeaseLostError` when not valid. */
  assertValid(): void;
  /** Aborts with a `LeaseLostError` when the lease is lost, at the latest at the local deadline. Not on release. */
  readonly signal: AbortSignal;

  /** Extends the term, counted from the send of this request. Concurrent calls share one. */
  renew(): Promise<RenewOutcome>;
  /** Gives the lease back. Never throws; concurrent and later calls get the first call's answer. */
  release(): Promise<ReleaseOutcome>;
  /** Stops or starts automatic renewal. */
  renewal(mode: 'auto' | 'manual'): void;
  /** Another party of the same holder: the lease is released when the last one has released. */
  share(): Lease;
  /** Releases; never rejects, so it never masks the error of the body. */
  [Symbol.asyncDispose](): Promise<void>;
}
