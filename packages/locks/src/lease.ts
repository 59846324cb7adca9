import type { Unsubscribe } from './clock.ts';
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

/**
 * How a lease ended, as its record remembers it. `handed-over`: its holder gave it to another.
 * `cancelled` also names a request that never got one, and `denied` a takeover that was not granted.
 */
export type EndedHow = 'released' | 'expired' | 'revoked' | 'handed-over' | 'cancelled' | 'denied';

/** How a lease ended, as its former holder is told: `superseded` when a later grant exists. */
export type Ended = 'released' | 'expired' | 'superseded' | 'revoked';

/** A takeover that was asked for, as everybody may see it. Times are the store's wall clock. */
export interface Breaking {
  /** Names this asking; no secret. */
  readonly takeoverId: LogId;
  readonly by: Holder;
  readonly instance: string;
  readonly reason?: string;
  readonly atMs: number;
  /** `draining`: granted, and the holder has until `drainUntilMs` to finish. */
  readonly state: 'asked' | 'draining';
  /** When silence counts as the answer `onSilence`. */
  readonly answerByMs: number;
  readonly onSilence: 'grant' | 'deny';
  readonly drainUntilMs?: number;
}

/**
 * How a lease came to its holder from another: the other granted the takeover, did not answer,
 * was not asked, passed it on unasked, or had let go of it in the meantime.
 */
export type HandedHow = 'granted' | 'unanswered' | 'forced' | 'handed-off' | 'left';

/** Whom a lease was taken over from, as its new holder is told. */
export interface HandedOver {
  readonly from: Holder;
  readonly how: HandedHow;
  readonly reason?: string;
  /** What the one before left to the next: where its work stands. */
  readonly pointer?: Json;
}

/** A holder's answer to a takeover. */
export type TakeoverAnswer =
  | {
      readonly answer: 'grant';
      /** How long to go on before the lease passes; default 0, at once. Renewals do not reach beyond it. */
      readonly drainMs?: number;
      /** Given to the next holder; at most 1 KiB of JSON. */
      readonly pointer?: Json;
    }
  | {
      readonly answer: 'deny';
      readonly reason?: string;
      /** How soon the same party may ask again; default 5,000. */
      readonly retryAfterMs?: number;
    };

export type AnswerOutcome =
  /** Granted without a drain: the lease is the other's from now on. */
  | { readonly kind: 'handed-over' }
  | { readonly kind: 'draining'; readonly view: HeldView }
  | { readonly kind: 'denied'; readonly view: HeldView }
  /** Nobody asks, or not any more, or another than was answered. */
  | { readonly kind: 'not-asked'; readonly view: HeldView }
  | { readonly kind: 'ended'; readonly how: Ended }
  | { readonly kind: 'unavailable'; readonly cause: Error };

/** To whom a holder gives its lease, unasked. */
export interface HandOff {
  readonly to: Holder;
  /** Which of that holder's parties; default `'default'`. */
  readonly instance?: string;
  readonly pointer?: Json;
  /** How long it stands for them before it passes to the queue; default 10,000. */
  readonly offerMs?: number;
}

export type HandOffOutcome =
  /** It stands for them until `untilMs`: they claim it, or resume it by this `leaseId`. */
  | {
      readonly kind: 'handed-off';
      readonly leaseId: string;
      readonly fence: FencingToken;
      readonly untilMs: number;
    }
  /** Granted to who asked for it before. */
  | { readonly kind: 'promised'; readonly by: Holder }
  | { readonly kind: 'ended'; readonly how: Ended }
  | { readonly kind: 'unavailable'; readonly cause: Error };

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
  /**
   * How long it was held of late: the median of the last eight leases that somebody had, the shorter
   * of two in the middle, while they are remembered. Told by `inspect`, `list` and `watch`.
   */
  readonly usualHoldMs?: number;
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
  /** As of one that is held. */
  readonly usualHoldMs?: number;
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
  | 'handed-over'
  | 'released-elsewhere'
  | 'unreachable'
  | 'suspended'
  | 'max-hold'
  | 'not-alive'
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
export interface Lease extends AsyncDisposable, Disposable {
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

  /** Somebody asks for this lease, or it drains before it passes to them. */
  readonly breaking: Breaking | undefined;
  /** Whom this lease was taken over from, where it was. */
  readonly handedOver: HandedOver | undefined;
  /**
   * Told as soon as somebody asks for the lease, when it begins to drain, and, with `undefined`,
   * when they no longer ask; of what stands already, at once.
   */
  onTakeover(listener: (takeover: Breaking | undefined) => void): Unsubscribe;
  /** Answers who asks for it. A lease granted without a drain is not valid from this call on. */
  answerTakeover(answer: TakeoverAnswer): Promise<AnswerOutcome>;
  /** Gives the lease to a party by name, without a moment in which anybody else could claim it. */
  handOff(handOff: HandOff): Promise<HandOffOutcome>;
  /** Releases; never rejects, so it never masks the error of the body. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Begins to release and waits for nothing: for `using` where nothing may be awaited. */
  [Symbol.dispose](): void;
}
