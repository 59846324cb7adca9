import { EndedLeases } from './ended-leases.ts';
import type {
  Breaking,
  EndedHow,
  FencingToken,
  FreeView,
  HandedOver,
  Holder,
  Json,
  JsonObject,
  Link,
} from './lease.ts';
import type { OwnView } from './lease-command.ts';
import type { LogId } from './lock-event.ts';

export { type EndedLease, MAX_ENDED } from './ended-leases.ts';

/** How long an offer stands before it passes to the next in line. */
export const OFFER_MS = 2_000;
/** Shortest time that an ended lease stays answerable. */
export const ENDED_WINDOW_MS = 600_000;
export const MAX_WAITERS = 1_024;

export interface CurrentLease {
  readonly leaseId: string;
  readonly requestId: string;
  readonly holder: Holder;
  readonly instance: string;
  readonly fence: FencingToken;
  readonly ttlMs: number;
  readonly grantedAtMs: number;
  readonly untilMs: number;
  readonly offered: boolean;
  readonly gen: number;
  readonly link: Link;
  readonly takeover: Takeover | undefined;
  readonly handedOver: HandedOver | undefined;
  readonly meta: JsonObject | undefined;
}

/** A takeover: who asks is a waiter with precedence over the queue, kept with the lease it asks for. */
export interface Takeover {
  readonly takeoverId: LogId;
  readonly waiter: Waiter;
  readonly reason: string | undefined;
  readonly atMs: number;
  readonly answerByMs: number;
  readonly onSilence: 'grant' | 'deny';
  readonly stage: TakeoverStage;
}

export type TakeoverStage =
  | { readonly kind: 'asked' }
  /** Granted: the term ends at `untilMs` at the latest. */
  | { readonly kind: 'draining'; readonly untilMs: number; readonly pointer: Json | undefined }
  /** Over; kept to answer whoever asks again. */
  | { readonly kind: 'denied'; readonly reason: string | undefined; readonly againMs: number };

export interface Waiter {
  readonly requestId: string;
  readonly leaseId: string;
  readonly holder: Holder;
  readonly instance: string;
  readonly ttlMs: number;
  readonly meta: JsonObject | undefined;
  readonly listener: string;
  /** The place is dead from here on unless the request is repeated. */
  readonly deadMs: number;
}

/** All that is known of one resource. */
export interface LeaseRecord {
  readonly v: 1;
  readonly resource: string;
  readonly current: CurrentLease | undefined;
  /** Fence of the latest grant, ended or not. */
  readonly fence: FencingToken | '';
  readonly cursor: LogId | '';
  /** At most `MAX_ENDED`. All are remembered until the last of them is past its window. */
  readonly ended: EndedLeases;
  /** When all that ended is past its window. */
  readonly forgetMs: number;
  /** The latest lease that ended, while any is remembered. */
  readonly last: { readonly fence: FencingToken; readonly how: EndedHow; readonly atMs: number } | undefined;
  /** In order of their tickets; at most `MAX_WAITERS`. */
  readonly waiters: readonly Waiter[];
}

export function emptyRecord(resource: string): LeaseRecord {
  const nothing = {
    current: undefined,
    fence: '',
    cursor: '',
    ended: EndedLeases.none,
    forgetMs: 0,
    last: undefined,
  } as const;
  return { v: 1, resource, ...nothing, waiters: [] };
}

/** Nothing left to answer for. */
export function isSpent(record: LeaseRecord): boolean {
  return record.current === undefined && record.ended.isEmpty && record.waiters.length === 0;
}

/** When the record next changes by time alone: a lapse, a takeover's turn, or the end of what is remembered. */
export function nextDueMs(record: LeaseRecord): number | undefined {
  const { current } = record;
  if (current !== undefined) {
    const pending = pendingTakeover(current);
    if (pending === undefined) return current.untilMs;
    const { waiter, stage, answerByMs } = pending;
    return Math.min(current.untilMs, waiter.deadMs, stage.kind === 'asked' ? answerByMs : Number.POSITIVE_INFINITY);
  }
  return record.ended.isEmpty ? undefined : record.forgetMs;
}

/** The takeover that is asked for or drained for. */
export function pendingTakeover(current: CurrentLease): Takeover | undefined {
  return current.takeover?.stage.kind === 'denied' ? undefined : current.takeover;
}

function breakingOf({ takeoverId, waiter, reason, atMs, answerByMs, onSilence, stage }: Takeover): Breaking {
  return {
    takeoverId,
    by: waiter.holder,
    instance: waiter.instance,
    ...(reason === undefined ? {} : { reason }),
    atMs,
    state: stage.kind === 'draining' ? 'draining' : 'asked',
    answerByMs,
    onSilence,
    ...(stage.kind === 'draining' ? { drainUntilMs: stage.untilMs } : {}),
  };
}

export function viewOf(record: LeaseRecord, current: CurrentLease, serverMs: number): OwnView {
  const takeover = pendingTakeover(current);
  return {
    kind: 'held',
    resource: record.resource,
    holder: current.holder,
    instance: current.instance,
    fence: current.fence,
    gen: current.gen,
    ttlMs: current.ttlMs,
    grantedAtMs: current.grantedAtMs,
    untilMs: current.untilMs,
    remainingMs: Math.max(0, current.untilMs - serverMs),
    serverMs,
    link: current.link,
    offered: current.offered,
    queue: record.waiters.length,
    ...(takeover === undefined ? {} : { breaking: breakingOf(takeover) }),
    ...(current.handedOver === undefined ? {} : { handedOver: current.handedOver }),
    ...(current.meta === undefined ? {} : { meta: current.meta }),
    cursor: record.cursor,
    leaseId: current.leaseId,
    requestId: current.requestId,
  };
}

export function freeViewOf(record: LeaseRecord, serverMs: number): FreeView {
  return {
    kind: 'free',
    resource: record.resource,
    cursor: record.cursor,
    queue: record.waiters.length,
    serverMs,
    ...(record.last === undefined ? {} : { last: record.last }),
  };
}
