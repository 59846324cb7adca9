import type {
  Ended,
  EndedHow,
  FencingToken,
  HandedOver,
  HeldView,
  Holder,
  Json,
  JsonObject,
  LeaseView,
} from './lease.ts';
import type { LogId } from './lock-event.ts';

/** A request for a lease. Repeating it with the same `requestId` never makes a second grant. */
export interface RequestCommand {
  readonly kind: 'request';
  readonly resource: string;
  /** Name of the lease, should this request be granted. */
  readonly leaseId: string;
  readonly requestId: string;
  readonly holder: Holder;
  readonly instance: string;
  readonly ttlMs: number;
  readonly meta: JsonObject | undefined;
  /** How long a place in the queue stays alive without this being repeated; 0 takes or keeps none. */
  readonly waitMs: number;
  /** Process that is told of an offer. */
  readonly listener: string;
  /** The request id was made for this sending, so nothing can be known of it yet. */
  readonly isFirst?: boolean;
}

/**
 * Asks for a lease that another holds. A waiter like any other, but kept with the lease and ahead
 * of the queue; `force` takes it without asking. Repeating it with the same `requestId` asks once.
 */
export interface TakeoverCommand {
  readonly kind: 'takeover';
  readonly resource: string;
  readonly leaseId: string;
  readonly requestId: string;
  readonly holder: Holder;
  readonly instance: string;
  readonly ttlMs: number;
  readonly meta: JsonObject | undefined;
  readonly listener: string;
  /** How long the asking stays alive without this being repeated. */
  readonly waitMs: number;
  readonly reason: string | undefined;
  /** How long the holder has to answer, from the first asking on. */
  readonly graceMs: number;
  readonly onSilence: 'grant' | 'deny';
  readonly force: boolean;
}

/** The holder's answer. A drain asked for again can only become shorter. */
export interface AnswerCommand {
  readonly kind: 'answer';
  readonly resource: string;
  readonly leaseId: string;
  readonly takeoverId: LogId;
  readonly answer: 'grant' | 'deny';
  readonly drainMs: number;
  readonly pointer: Json | undefined;
  readonly reason: string | undefined;
  readonly retryAfterMs: number;
}

/** Gives a lease to a named party: an offer to them, or to their place in the queue. */
export interface HandOffCommand {
  readonly kind: 'hand-off';
  readonly resource: string;
  readonly leaseId: string;
  readonly to: Holder;
  readonly instance: string;
  readonly pointer: Json | undefined;
  readonly offerMs: number;
  /** Names of the lease to come, unless that party waits under names of its own. */
  readonly nextLeaseId: string;
  readonly nextRequestId: string;
}

export type LeaseCommand =
  | RequestCommand
  | TakeoverCommand
  | AnswerCommand
  | HandOffCommand
  | { readonly kind: 'withdraw'; readonly resource: string; readonly takeoverId: LogId }
  /** Extends a lease and confirms an offer. With `gen`: on behalf of that connection alone. */
  | {
      readonly kind: 'renew';
      readonly resource: string;
      readonly leaseId: string;
      readonly ttlMs: number | undefined;
      readonly gen: number | undefined;
    }
  | {
      readonly kind: 'attach';
      readonly resource: string;
      readonly leaseId: string;
      readonly instance: string;
      readonly node: string;
      readonly conn: string;
    }
  | {
      readonly kind: 'away';
      readonly resource: string;
      readonly leaseId: string;
      readonly gen: number | undefined;
      readonly graceMs: number;
    }
  | {
      readonly kind: 'release';
      readonly resource: string;
      readonly leaseId: string;
      readonly how: 'released' | 'revoked';
      readonly reason: string | undefined;
      /** Who ends it, where that is not its holder. */
      readonly by?: Holder | undefined;
      /** Somebody may stand in line: they are to hear of it before the reply. */
      readonly isAwaited?: boolean;
      /** Whoever sends it does not hold it: its holder is to hear of it. */
      readonly isByOther?: boolean;
    }
  | { readonly kind: 'cancel'; readonly resource: string; readonly requestId: string }
  | { readonly kind: 'inspect'; readonly resource: string };

export type CommandKind = LeaseCommand['kind'];
export type CommandOf<K extends CommandKind> = Extract<LeaseCommand, { readonly kind: K }>;

/** A held record as its own holder may see it. */
export interface OwnView extends HeldView {
  readonly leaseId: string;
  readonly requestId: string;
  readonly handedOver?: HandedOver;
}

type EndedReply = { readonly kind: 'ended'; readonly how: Ended | 'unknown' };

/** What each command answers. `serverMs` is the store's clock at the moment of the answer. */
export interface Replies {
  readonly request:
    | { readonly kind: 'granted'; readonly fence: FencingToken; readonly untilMs: number; readonly serverMs: number }
    /** This request, or this party, has it already. */
    | { readonly kind: 'held'; readonly view: OwnView }
    | { readonly kind: 'queued'; readonly position: number; readonly view: OwnView }
    | { readonly kind: 'busy'; readonly position: number; readonly view: OwnView; readonly full: boolean }
    | { readonly kind: 'gone'; readonly how: EndedHow };
  readonly renew: { readonly kind: 'renewed'; readonly view: OwnView } | EndedReply;
  readonly attach:
    | {
        readonly kind: 'attached';
        readonly view: OwnView;
        readonly displaced: { readonly node: string; readonly conn: string } | undefined;
      }
    | { readonly kind: 'busy'; readonly instance: string }
    | EndedReply;
  readonly away:
    | { readonly kind: 'away'; readonly view: OwnView }
    | { readonly kind: 'stale'; readonly gen: number }
    | EndedReply;
  readonly release: { readonly kind: 'released' | 'already' | 'expired' | 'superseded' | 'unknown' };
  readonly cancel: { readonly kind: 'left' | 'returned' } | { readonly kind: 'gone'; readonly how: EndedHow };
  readonly takeover:
    | { readonly kind: 'granted'; readonly view: OwnView }
    /** This request, or this party, has it. */
    | { readonly kind: 'held'; readonly view: OwnView }
    | { readonly kind: 'asked'; readonly view: OwnView }
    /** Another asked before. */
    | { readonly kind: 'busy'; readonly view: OwnView; readonly retryAfterMs: number }
    | {
        readonly kind: 'denied';
        readonly by: Holder;
        readonly reason: string | undefined;
        readonly retryAfterMs: number;
      }
    | { readonly kind: 'gone'; readonly how: EndedHow };
  readonly answer:
    | { readonly kind: 'handed-over' }
    | { readonly kind: 'draining' | 'denied' | 'not-asked'; readonly view: OwnView }
    | EndedReply;
  readonly 'hand-off':
    | {
        readonly kind: 'handed-off';
        readonly leaseId: string;
        readonly fence: FencingToken;
        readonly untilMs: number;
      }
    | { readonly kind: 'promised'; readonly by: Holder }
    | EndedReply;
  readonly withdraw: { readonly kind: 'withdrawn' | 'not-asked' };
  readonly inspect: { readonly kind: 'view'; readonly view: OwnView | Exclude<LeaseView, HeldView> };
}
export type Reply = Replies[CommandKind];

/** Tells a waiter that it owns the resource until it confirms, or `untilMs` passes. */
export interface Offer {
  readonly kind?: 'offer';
  readonly resource: string;
  readonly leaseId: string;
  readonly requestId: string;
  readonly fence: FencingToken;
  readonly grantedAtMs: number;
  readonly untilMs: number;
}

/** That something was decided about a lease: whom it concerns looks again. */
export interface Look {
  readonly kind: 'look';
  readonly resource: string;
  /** The takeover it concerns; none when it is the holder's to look. */
  readonly requestId?: string;
}

/** That a lease was ended by somebody else than its holder: over from this notice on. */
export interface EndedNotice {
  readonly kind: 'ended';
  readonly resource: string;
  readonly leaseId: string;
  readonly how: 'released' | 'revoked' | 'handed-over' | 'cancelled';
  readonly requestId?: undefined;
}

/** What processes tell each other beside the replies. Any of it may be lost; none is ever needed. */
export type Notice = Offer | Look | EndedNotice;
