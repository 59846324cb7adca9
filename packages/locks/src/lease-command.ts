import type { Ended, EndedHow, FencingToken, HeldView, Holder, JsonObject, LeaseView } from './lease.ts';

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
}

export type LeaseCommand =
  | RequestCommand
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
    }
  | { readonly kind: 'cancel'; readonly resource: string; readonly requestId: string }
  | { readonly kind: 'inspect'; readonly resource: string };

export type CommandKind = LeaseCommand['kind'];
export type CommandOf<K extends CommandKind> = Extract<LeaseCommand, { readonly kind: K }>;

/** A held record as its own holder may see it. */
export interface OwnView extends HeldView {
  readonly leaseId: string;
  readonly requestId: string;
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
  readonly inspect: { readonly kind: 'view'; readonly view: OwnView | Exclude<LeaseView, HeldView> };
}
export type Reply = Replies[CommandKind];

/** Tells a waiter that it owns the resource until it confirms, or `untilMs` passes. */
export interface Offer {
  readonly resource: string;
  readonly leaseId: string;
  readonly requestId: string;
  readonly fence: FencingToken;
  readonly grantedAtMs: number;
  readonly untilMs: number;
}
