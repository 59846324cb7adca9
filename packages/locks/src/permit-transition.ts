// Permit transition
//
// Every change of a pool of permits, decided purely: (record, command, moment) to (record',
// reply, offers). A read/write lock is a pool in which a reader weighs 1 and a writer all of it;
// a semaphore, one in which a claim weighs what it asks for.
//
//   A transition first settles what time alone has done: lapsed holders are ended, dead heads of
//   the queue dropped, and what is free offered in order. The head that does not fit yet keeps
//   everybody behind it waiting, or a writer would starve among readers.

import { assert, unreachable } from './invariant.ts';
import { type Ended, type EndedHow, type FencingToken, fenceOf } from './lease.ts';
import type { EndedNotice, Offer, Replies } from './lease-command.ts';
import { ENDED_WINDOW_MS, MAX_ENDED, MAX_WAITERS, OFFER_MS } from './lease-record.ts';
import type { LockEvent } from './lock-event.ts';
import type {
  PermitCommand,
  PermitCommandOf,
  PermitReplies,
  PermitReply,
  PermitRequest,
  PermitView,
} from './permit-command.ts';
import {
  byLapse,
  type EndedPermit,
  forgetPoolMs,
  isIdle,
  MAX_HOLDERS,
  type PermitHolder,
  type PermitWaiter,
  type PoolRecord,
  permitViewOf,
  poolViewOf,
  weightOf,
} from './permit-record.ts';

export interface PermitTransition {
  readonly record: PoolRecord;
  readonly reply: PermitReply;
  readonly offers: readonly (Offer & { readonly listener: string })[];
  readonly events: readonly LockEvent[];
  /** For everybody: somebody else than its holder ended it. */
  readonly told: readonly EndedNotice[];
}

/** @param us the store's clock, in microseconds */
export function permitTransition(before: PoolRecord, command: PermitCommand, us: number): PermitTransition {
  const draft = new PoolDraft(before, us);
  draft.settle();
  const reply = decide(draft, command);
  return { record: draft.record, reply, offers: draft.offers, events: draft.events, told: draft.told };
}

function decide(draft: PoolDraft, command: PermitCommand): PermitReply {
  switch (command.kind) {
    case 'request':
      return request(draft, command);
    case 'renew':
      return renew(draft, command);
    case 'reweigh':
      return reweigh(draft, command);
    case 'release':
      return release(draft, command);
    case 'cancel':
      return cancel(draft, command);
    case 'inspect':
      return { kind: 'pool', view: poolViewOf(draft.record, draft.ms) };
    case 'settle':
      draft.forget();
      return { kind: 'settled' };
    default:
      return unreachable(command);
  }
}

function request(draft: PoolDraft, command: PermitRequest): PermitReplies['request'] {
  const known = draft.known(command.requestId);
  if (known !== undefined) return known;
  const { capacity } = command;
  assert(command.weight <= capacity, 'a claim fits its pool');
  if (isIdle(draft.record)) draft.record = { ...draft.record, capacity };
  if (draft.record.capacity !== capacity) return { kind: 'capacity', stored: draft.record.capacity };
  // Settling has offered what it could: whoever still waits does not fit, and is not passed.
  if (draft.waiters.length === 0 && draft.fits(command.weight)) return draft.grantNow(command);
  return enqueue(draft, command);
}

function enqueue(draft: PoolDraft, command: PermitRequest): PermitReplies['request'] {
  const at = draft.waiters.findIndex((waiter) => waiter.requestId === command.requestId);
  const position = at >= 0 ? at + 1 : draft.waiters.length + 1;
  if (command.waitMs === 0) {
    if (at >= 0) draft.unqueue(command.requestId);
    return { kind: 'busy', position, view: draft.firstToLapse(), full: false };
  }
  const deadMs = draft.ms + command.waitMs;
  if (at >= 0) {
    draft.waiters = draft.waiters.map((waiter, index) =>
      index === at ? { ...waiter, listener: command.listener, deadMs } : waiter,
    );
    return { kind: 'queued', position, view: draft.firstToLapse() };
  }
  if (draft.waiters.length >= MAX_WAITERS) return { kind: 'busy', position, view: draft.firstToLapse(), full: true };
  const { requestId, leaseId, holder, instance, ttlMs, meta, listener, weight } = command;
  draft.waiters = [...draft.waiters, { requestId, leaseId, holder, instance, ttlMs, meta, listener, weight, deadMs }];
  return { kind: 'queued', position, view: draft.firstToLapse() };
}

function renew(draft: PoolDraft, command: PermitCommandOf<'renew'>): PermitReplies['renew'] {
  const holder = draft.holder(command.leaseId);
  if (holder === undefined) return draft.ended(command.leaseId);
  const ttlMs = command.ttlMs ?? holder.ttlMs;
  const next = draft.put({ ...holder, ttlMs, offered: false, untilMs: draft.ms + ttlMs });
  return { kind: 'renewed', view: draft.view(next) };
}

function reweigh(draft: PoolDraft, command: PermitCommandOf<'reweigh'>): PermitReplies['reweigh'] {
  const { leaseId, weight, next } = command;
  const known = draft.known(next.requestId);
  if (known !== undefined) return known;
  const holder = draft.holder(leaseId);
  if (holder === undefined) return draft.ended(leaseId);
  if (weight <= holder.weight) {
    const lowered = draft.put({ ...draft.confirm(holder), weight });
    draft.offerNext();
    return { kind: 'lowered', view: draft.view(lowered) };
  }
  const others = draft.record.holders.length - 1;
  if (others > 0) return { kind: 'shared', others };
  // Who waits could not have had these permits while this holder stays: nobody is passed.
  draft.end(holder, 'released');
  return draft.grantNow({ ...holder, ...next, weight: Math.min(weight, draft.record.capacity) });
}

function release(draft: PoolDraft, command: PermitCommandOf<'release'>): Replies['release'] {
  const holder = draft.holder(command.leaseId);
  if (holder !== undefined) {
    draft.end(holder, command.how);
    const { resource, leaseId, how } = command;
    if (command.isByOther === true) draft.told.push({ kind: 'ended', resource, leaseId, how });
    draft.offerNext();
    return { kind: 'released' };
  }
  const { how } = draft.ended(command.leaseId);
  return { kind: how === 'released' || how === 'revoked' ? 'already' : how };
}

function cancel(draft: PoolDraft, command: PermitCommandOf<'cancel'>): Replies['cancel'] {
  const ended = draft.endedRequest(command.requestId);
  if (ended !== undefined) return { kind: 'gone', how: ended.how };
  const holder = draft.record.holders.find((one) => one.requestId === command.requestId);
  if (holder !== undefined) {
    draft.end(holder, 'cancelled');
    draft.offerNext();
    return { kind: 'returned' };
  }
  // The request may still be on its way; remembering its end keeps it from being granted.
  draft.remember({
    leaseId: '',
    requestId: command.requestId,
    fence: '',
    how: 'cancelled',
    atMs: draft.ms,
    forgetMs: draft.ms + ENDED_WINDOW_MS,
    poolFence: draft.record.fence,
  });
  draft.unqueue(command.requestId);
  return { kind: 'left' };
}

type Claim = Omit<PermitWaiter, 'listener' | 'deadMs'>;

/** A pool being changed within one transition. */
class PoolDraft {
  readonly us: number;
  readonly ms: number;
  readonly offers: (Offer & { readonly listener: string })[] = [];
  readonly told: EndedNotice[] = [];
  readonly events: LockEvent[] = [];
  record: PoolRecord;

  constructor(record: PoolRecord, us: number) {
    this.record = record;
    this.us = us;
    this.ms = Math.floor(us / 1_000);
  }

  get waiters(): readonly PermitWaiter[] {
    return this.record.waiters;
  }

  set waiters(waiters: readonly PermitWaiter[]) {
    this.record = { ...this.record, waiters };
  }

  settle(): void {
    const lapsed = this.record.holders.filter((one) => one.untilMs <= this.ms).sort(byLapse);
    for (const holder of lapsed) this.end(holder, 'expired');
    this.offerNext();
  }

  /** Lets go of what is past its window. */
  forget(): void {
    if (forgetPoolMs(this.record) <= this.ms) this.record = { ...this.record, ended: [] };
  }

  holder(leaseId: string): PermitHolder | undefined {
    return this.record.holders.find((one) => one.leaseId === leaseId);
  }

  /** The answer to a request that was granted before, ended or not. */
  known(requestId: string): Extract<PermitReplies['request'], { readonly kind: 'gone' | 'held' }> | undefined {
    const ended = this.endedRequest(requestId);
    if (ended !== undefined) return { kind: 'gone', how: ended.how };
    const holder = this.record.holders.find((one) => one.requestId === requestId);
    // Who asks again is alive, which is all that an offer wants to know.
    return holder === undefined ? undefined : { kind: 'held', view: this.view(this.confirm(holder)) };
  }

  fits(weight: number): boolean {
    const { holders, capacity } = this.record;
    return holders.length < MAX_HOLDERS && weightOf(this.record) + weight <= capacity;
  }

  grantNow(claim: Claim): Extract<PermitReplies['request'], { readonly kind: 'granted' }> {
    const untilMs = this.ms + claim.ttlMs;
    const { fence } = this.#grant(claim, { offered: false, untilMs });
    return { kind: 'granted', fence, untilMs, serverMs: this.ms };
  }

  /** An offer that its waiter has answered becomes an ordinary lease, for the full term. */
  confirm(holder: PermitHolder): PermitHolder {
    if (!holder.offered) return holder;
    return this.put({ ...holder, offered: false, untilMs: this.ms + holder.ttlMs });
  }

  put(holder: PermitHolder): PermitHolder {
    const holders = this.record.holders.map((one) => (one.leaseId === holder.leaseId ? holder : one));
    this.record = { ...this.record, holders };
    return holder;
  }

  end(holder: PermitHolder, how: EndedHow): void {
    const { leaseId, requestId, fence, ttlMs, untilMs } = holder;
    this.#log(holder, how === 'expired' ? 'expired' : 'released', how);
    this.record = { ...this.record, holders: this.record.holders.filter((one) => one !== holder) };
    this.remember({
      leaseId,
      requestId,
      fence,
      how,
      atMs: how === 'expired' ? untilMs : this.ms,
      forgetMs: this.ms + Math.max(ENDED_WINDOW_MS, 2 * ttlMs),
      poolFence: this.record.fence,
    });
  }

  remember(ended: EndedPermit): void {
    this.record = { ...this.record, ended: [...this.record.ended, ended].slice(-MAX_ENDED) };
  }

  unqueue(requestId: string): void {
    this.waiters = this.waiters.filter((waiter) => waiter.requestId !== requestId);
    // Whoever stood behind may fit where this one did not.
    this.offerNext();
  }

  endedRequest(requestId: string): EndedPermit | undefined {
    return this.record.ended.find((ended) => ended.requestId === requestId && ended.forgetMs > this.ms);
  }

  ended(leaseId: string): { readonly kind: 'ended'; readonly how: Ended | 'unknown' } {
    const ended = this.record.ended.find(
      (one) => one.leaseId === leaseId && one.leaseId !== '' && one.forgetMs > this.ms,
    );
    if (ended === undefined) return { kind: 'ended', how: 'unknown' };
    if (ended.how === 'released' || ended.how === 'cancelled') return { kind: 'ended', how: 'released' };
    if (ended.how === 'revoked') return { kind: 'ended', how: 'revoked' };
    return { kind: 'ended', how: this.record.fence > ended.poolFence ? 'superseded' : 'expired' };
  }

  view(holder: PermitHolder): PermitView {
    return permitViewOf(this.record, holder, this.ms);
  }

  /** Who waits waits for somebody: there is a holder. */
  firstToLapse(): PermitView {
    return this.view(this.record.holders.reduce((first, one) => (byLapse(one, first) < 0 ? one : first)));
  }

  /** Offers what is free to those in line, in order, up to the first that does not fit. */
  offerNext(): void {
    for (let next = this.waiters[0]; next !== undefined; next = this.waiters[0]) {
      const isAlive = next.deadMs > this.ms;
      if (isAlive && !this.fits(next.weight)) return;
      this.waiters = this.waiters.slice(1);
      if (isAlive) this.#offer(next);
    }
  }

  #log(one: PermitHolder, type: LockEvent['type'], how?: EndedHow): void {
    const { leaseId, holder, instance, fence, ttlMs, untilMs, weight } = one;
    const { resource } = this.record;
    const atMs = how === 'expired' ? untilMs : this.ms;
    const facts = { type, resource, leaseId, gen: 1, holder, instance, fence, atMs, ttlMs, untilMs, permits: weight };
    this.events.push(how === undefined ? facts : { ...facts, how });
  }

  #offer(waiter: PermitWaiter): void {
    const { leaseId, requestId, listener } = waiter;
    const untilMs = this.ms + OFFER_MS;
    const { fence } = this.#grant(waiter, { offered: true, untilMs });
    const { resource } = this.record;
    this.offers.push({ resource, leaseId, requestId, fence, grantedAtMs: this.ms, untilMs, listener });
  }

  #grant(claim: Claim, term: { readonly offered: boolean; readonly untilMs: number }): { fence: FencingToken } {
    const fence = fenceOf(Math.max(Number(this.record.fence) + 1, this.us));
    const { leaseId, requestId, holder, instance, meta, weight, ttlMs } = claim;
    const granted = { leaseId, requestId, holder, instance, meta, weight, fence, ttlMs, grantedAtMs: this.ms, ...term };
    this.record = { ...this.record, fence, holders: [...this.record.holders, granted] };
    this.#log(granted, term.offered ? 'offered' : 'claimed');
    return { fence };
  }
}
