import { compareNames } from './id-codec.ts';
import type { FencingToken, Holder, JsonObject } from './lease.ts';
import type { EndedLease, Waiter } from './lease-record.ts';
import type { PermitHolding, PermitView, PoolView } from './permit-command.ts';

/** Most permits of a pool. */
export const MAX_PERMITS = 1_000_000;
/** Most leases on one pool at a time, whatever they weigh. */
export const MAX_HOLDERS = 1_024;
/** Most holders, and most waiters, that a view shows. */
export const MAX_SHOWN = 256;

export interface PermitHolder {
  readonly leaseId: string;
  readonly requestId: string;
  readonly holder: Holder;
  readonly instance: string;
  readonly meta: JsonObject | undefined;
  readonly weight: number;
  readonly fence: FencingToken;
  readonly ttlMs: number;
  readonly grantedAtMs: number;
  readonly untilMs: number;
  readonly offered: boolean;
}

export interface PermitWaiter extends Waiter {
  readonly weight: number;
}

export interface EndedPermit extends EndedLease {
  /** The pool's latest fence at that moment: a greater one now means that others were granted since. */
  readonly poolFence: FencingToken | '';
}

/** All that is known of one pool. */
export interface PoolRecord {
  readonly resource: string;
  /** Fixed while anybody holds or waits. */
  readonly capacity: number;
  /** At most `MAX_HOLDERS`, in no promised order. */
  readonly holders: readonly PermitHolder[];
  /** In order of their tickets; at most `MAX_WAITERS`. */
  readonly waiters: readonly PermitWaiter[];
  /** Fence of the latest grant. */
  readonly fence: FencingToken | '';
  /** Oldest first; at most `MAX_ENDED`. */
  readonly ended: readonly EndedPermit[];
}

export function emptyPool(resource: string, fence: FencingToken | ''): PoolRecord {
  return { resource, capacity: 0, holders: [], waiters: [], fence, ended: [] };
}

/** Nobody holds or waits. */
export function isIdle(record: PoolRecord): boolean {
  return record.holders.length === 0 && record.waiters.length === 0;
}

/** Nothing left to answer for. */
export function isSpentPool(record: PoolRecord): boolean {
  return isIdle(record) && record.ended.length === 0;
}

export function weightOf(record: PoolRecord): number {
  return record.holders.reduce((sum, holder) => sum + holder.weight, 0);
}

/** When time alone next changes the pool: a lapse, the death of the head, or the end of what is remembered. */
export function nextPoolDueMs(record: PoolRecord): number | undefined {
  if (isIdle(record)) return record.ended.length === 0 ? undefined : forgetPoolMs(record);
  const lapse = record.holders.reduce((first, { untilMs }) => Math.min(first, untilMs), Number.POSITIVE_INFINITY);
  return Math.min(lapse, record.waiters[0]?.deadMs ?? lapse);
}

export function forgetPoolMs(record: PoolRecord): number {
  return record.ended.reduce((latest, ended) => Math.max(latest, ended.forgetMs), 0);
}

/** Soonest first; leases that lapse together go by their ids, as the script's sorted set has them. */
export function byLapse(a: PermitHolder, b: PermitHolder): number {
  return a.untilMs - b.untilMs || (a.leaseId < b.leaseId ? -1 : 1);
}

export function permitViewOf(record: PoolRecord, one: PermitHolder, serverMs: number): PermitView {
  return {
    kind: 'held',
    resource: record.resource,
    holder: one.holder,
    instance: one.instance,
    fence: one.fence,
    gen: 1,
    ttlMs: one.ttlMs,
    grantedAtMs: one.grantedAtMs,
    untilMs: one.untilMs,
    remainingMs: Math.max(0, one.untilMs - serverMs),
    serverMs,
    link: { kind: 'none' },
    offered: one.offered,
    queue: record.waiters.length,
    ...(one.meta === undefined ? {} : { meta: one.meta }),
    cursor: '',
    leaseId: one.leaseId,
    requestId: one.requestId,
    weight: one.weight,
  };
}

export function poolViewOf(record: PoolRecord, serverMs: number): PoolView {
  const permits = isIdle(record) ? 0 : record.capacity;
  return {
    resource: record.resource,
    permits,
    free: permits - weightOf(record),
    held: record.holders.length,
    queue: record.waiters.length,
    holders: [...record.holders]
      .sort(byLapse)
      .slice(0, MAX_SHOWN)
      .map((one) => holdingOf(one, serverMs)),
    waiters: record.waiters.slice(0, MAX_SHOWN).map(({ holder, instance, weight }) => ({ holder, instance, weight })),
    serverMs,
  };
}

/** A page of the pools that are in use. Names are ordered by their bytes. */
export function pageOfPools(
  pools: readonly PoolView[],
  { prefix, after, limit }: { readonly prefix: string; readonly after: string; readonly limit: number },
): { readonly views: readonly PoolView[]; readonly next: string | undefined } {
  const found = pools
    .filter(({ resource, permits }) => permits > 0 && resource.startsWith(prefix) && compareNames(resource, after) > 0)
    .sort((one, other) => compareNames(one.resource, other.resource));
  const views = found.slice(0, limit);
  return { views, next: found.length > limit ? views.at(-1)?.resource : undefined };
}

function holdingOf(one: PermitHolder, serverMs: number): PermitHolding {
  const { holder, instance, meta, weight, fence, ttlMs, grantedAtMs, untilMs, offered, leaseId } = one;
  const remainingMs = Math.max(0, untilMs - serverMs);
  const shown = { holder, instance, weight, fence, ttlMs, grantedAtMs, untilMs, remainingMs, offered, leaseId };
  return meta === undefined ? shown : { ...shown, meta };
}
