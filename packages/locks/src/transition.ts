// Transition
//
// Every change of a lease record, decided purely: (record, command, moment) to (record', reply,
// events, offers). The memory store runs it; the Redis script says the same in Lua, and the
// differential test holds the two equal.
//
//   A transition first settles what time alone has done: a lapsed lease is recorded as ended,
//   and the resource offered to the first live waiter. No command sees a lapsed lease.

import { unreachable } from './invariant.ts';
import { type Ended, type EndedHow, type FencingToken, fenceOf } from './lease.ts';
import type { CommandOf, LeaseCommand, Offer, OwnView, Replies, Reply } from './lease-command.ts';
import {
  type CurrentLease,
  ENDED_WINDOW_MS,
  type EndedLease,
  emptyRecord,
  forgetAllMs,
  freeViewOf,
  type LeaseRecord,
  MAX_ENDED,
  MAX_WAITERS,
  OFFER_MS,
  viewOf,
  type Waiter,
} from './lease-record.ts';
import type { LockEventType, LoggedLockEvent } from './lock-event.ts';

/** The store's time at a transition, and its bucket's ever-rising count in microseconds. */
export interface Moment {
  readonly ms: number;
  mint(): number;
}

/** An event before its bucket's log has linked it. */
export type NewEvent = Omit<LoggedLockEvent, 'prev'>;

export interface Transition<R extends Reply = Reply> {
  readonly record: LeaseRecord;
  readonly reply: R;
  readonly events: readonly NewEvent[];
  readonly offers: readonly (Offer & { readonly listener: string })[];
}

export function transition(before: LeaseRecord | undefined, command: LeaseCommand, moment: Moment): Transition {
  const draft = new Draft(before ?? emptyRecord(command.resource), moment);
  draft.settle();
  return draft.done(decide(draft, command));
}

/** What time alone has done to a record. */
export function settle(before: LeaseRecord, moment: Moment): Omit<Transition, 'reply'> {
  const draft = new Draft(before, moment);
  draft.settle();
  draft.forget();
  return draft.done({ kind: 'left' });
}

function decide(draft: Draft, command: LeaseCommand): Reply {
  switch (command.kind) {
    case 'request':
      return request(draft, command);
    case 'renew':
      return renew(draft, command);
    case 'attach':
      return attach(draft, command);
    case 'away':
      return away(draft, command);
    case 'release':
      return release(draft, command);
    case 'cancel':
      return cancel(draft, command);
    case 'inspect':
      return {
        kind: 'view',
        view: draft.current === undefined ? freeViewOf(draft.record, draft.moment.ms) : draft.view(draft.current),
      };
    default:
      return unreachable(command);
  }
}

function request(draft: Draft, command: CommandOf<'request'>): Replies['request'] {
  const ended = draft.endedRequest(command.requestId);
  if (ended !== undefined) return { kind: 'gone', how: ended.how };
  const current = draft.current;
  if (current === undefined) {
    // Settling has offered the resource to any live waiter: whoever finds it free is first in line.
    const fence = draft.grant(command, { offered: false, untilMs: draft.moment.ms + command.ttlMs });
    return { kind: 'granted', fence, untilMs: draft.moment.ms + command.ttlMs, serverMs: draft.moment.ms };
  }
  if (current.requestId === command.requestId || isParty(current, command)) {
    draft.unqueue(command.requestId);
    // The waiter asks again: it is alive, which is all that an offer wants to know.
    return { kind: 'held', view: draft.view(draft.confirm(current)) };
  }
  return enqueue(draft, current, command);
}

function enqueue(draft: Draft, current: CurrentLease, command: CommandOf<'request'>): Replies['request'] {
  const at = draft.waiters.findIndex((waiter) => waiter.requestId === command.requestId);
  if (command.waitMs === 0) {
    if (at >= 0) draft.unqueue(command.requestId);
    return {
      kind: 'busy',
      position: at >= 0 ? at + 1 : draft.waiters.length + 1,
      view: draft.view(current),
      full: false,
    };
  }
  const deadMs = draft.moment.ms + command.waitMs;
  if (at >= 0) {
    draft.waiters = draft.waiters.map((waiter, index) =>
      index === at ? { ...waiter, listener: command.listener, deadMs } : waiter,
    );
    return { kind: 'queued', position: at + 1, view: draft.view(current) };
  }
  if (draft.waiters.length >= MAX_WAITERS)
    return { kind: 'busy', position: draft.waiters.length + 1, view: draft.view(current), full: true };
  const { requestId, leaseId, holder, instance, ttlMs, meta, listener } = command;
  draft.waiters = [...draft.waiters, { requestId, leaseId, holder, instance, ttlMs, meta, listener, deadMs }];
  return { kind: 'queued', position: draft.waiters.length, view: draft.view(current) };
}

function renew(draft: Draft, command: CommandOf<'renew'>): Replies['renew'] {
  const current = draft.current;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);
  const isStale = command.gen !== undefined && (command.gen !== current.gen || current.link.kind !== 'attached');
  if (isStale) return { kind: 'renewed', view: draft.view(current) };
  const ttlMs = command.ttlMs ?? current.ttlMs;
  const confirmed = draft.confirm({ ...current, ttlMs });
  const isBack = current.link.kind === 'away';
  const next = draft.put({
    ...confirmed,
    untilMs: draft.moment.ms + ttlMs,
    link: isBack ? { kind: 'none' } : current.link,
  });
  if (isBack) draft.log('back', next);
  return { kind: 'renewed', view: draft.view(next) };
}

function attach(draft: Draft, command: CommandOf<'attach'>): Replies['attach'] {
  const current = draft.current;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);
  const { link } = current;
  const { node, conn, instance } = command;
  if (link.kind === 'attached' && current.instance !== instance) return { kind: 'busy', instance: current.instance };
  const isRepeat = link.kind === 'attached' && link.node === node && link.conn === conn;
  const confirmed = draft.confirm(current);
  const next = draft.put({
    ...confirmed,
    instance,
    gen: isRepeat ? current.gen : current.gen + 1,
    link: { kind: 'attached', node, conn },
    untilMs: draft.moment.ms + current.ttlMs,
  });
  if (link.kind === 'away') draft.log('back', next);
  const displaced = link.kind === 'attached' && !isRepeat ? { node: link.node, conn: link.conn } : undefined;
  return { kind: 'attached', view: draft.view(next), displaced };
}

function away(draft: Draft, command: CommandOf<'away'>): Replies['away'] {
  const current = draft.current;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);
  if (command.gen !== undefined && command.gen !== current.gen) return { kind: 'stale', gen: current.gen };
  if (current.link.kind === 'away') return { kind: 'away', view: draft.view(current) };
  const confirmed = draft.confirm(current);
  const next = draft.put({ ...confirmed, link: { kind: 'away' }, untilMs: draft.moment.ms + command.graceMs });
  draft.log('away', next);
  return { kind: 'away', view: draft.view(next) };
}

function release(draft: Draft, command: CommandOf<'release'>): Replies['release'] {
  const current = draft.current;
  if (current?.leaseId === command.leaseId) {
    draft.end(current, command.how, command.reason);
    return { kind: 'released' };
  }
  const { how } = draft.ended(command.leaseId);
  return { kind: how === 'released' || how === 'revoked' ? 'already' : how };
}

function cancel(draft: Draft, command: CommandOf<'cancel'>): Replies['cancel'] {
  const ended = draft.endedRequest(command.requestId);
  if (ended !== undefined) return { kind: 'gone', how: ended.how };
  const current = draft.current;
  if (current?.requestId === command.requestId) {
    draft.end(current, 'cancelled', undefined);
    return { kind: 'returned' };
  }
  draft.unqueue(command.requestId);
  // The request may still be on its way; remembering its end keeps it from being granted.
  draft.remember({
    leaseId: '',
    requestId: command.requestId,
    fence: '',
    how: 'cancelled',
    atMs: draft.moment.ms,
    forgetMs: draft.moment.ms + ENDED_WINDOW_MS,
  });
  return { kind: 'left' };
}

function isParty(current: CurrentLease, command: CommandOf<'request'>): boolean {
  return current.holder.id === command.holder.id && current.instance === command.instance;
}

/** A record being changed within one transition. */
class Draft {
  readonly moment: Moment;
  record: LeaseRecord;
  readonly #events: NewEvent[] = [];
  readonly #offers: (Offer & { readonly listener: string })[] = [];

  constructor(record: LeaseRecord, moment: Moment) {
    this.record = record;
    this.moment = moment;
  }

  get current(): CurrentLease | undefined {
    return this.record.current;
  }

  get waiters(): readonly Waiter[] {
    return this.record.waiters;
  }

  set waiters(waiters: readonly Waiter[]) {
    this.record = { ...this.record, waiters };
  }

  settle(): void {
    const current = this.current;
    if (current !== undefined && current.untilMs <= this.moment.ms) this.end(current, 'expired', undefined);
    this.#dropDeadHeads();
  }

  /** Lets go of what is past its window. */
  forget(): void {
    if (forgetAllMs(this.record) <= this.moment.ms) this.record = { ...this.record, ended: [], last: undefined };
  }

  grant(
    to: Omit<Waiter, 'listener' | 'deadMs'>,
    term: { readonly offered: boolean; readonly untilMs: number },
  ): FencingToken {
    const count = this.moment.mint();
    const fence = fenceOf(count);
    const { leaseId, requestId, holder, instance, ttlMs, meta } = to;
    const current: CurrentLease = {
      leaseId,
      requestId,
      holder,
      instance,
      fence,
      ttlMs,
      grantedAtMs: this.moment.ms,
      ...term,
      gen: 1,
      link: { kind: 'none' },
      breaking: undefined,
      meta,
    };
    this.record = { ...this.record, current, fence };
    this.log(term.offered ? 'offered' : 'claimed', current, {}, fence);
    return fence;
  }

  /** An offer that its waiter has answered becomes an ordinary lease, for the full term. */
  confirm(current: CurrentLease): CurrentLease {
    if (!current.offered) return this.put(current);
    const confirmed = this.put({ ...current, offered: false, untilMs: this.moment.ms + current.ttlMs });
    this.log('claimed', confirmed);
    return confirmed;
  }

  put(current: CurrentLease): CurrentLease {
    this.record = { ...this.record, current };
    return current;
  }

  end(current: CurrentLease, how: EndedHow, reason: string | undefined): void {
    const { leaseId, requestId, fence } = current;
    const atMs = how === 'expired' ? current.untilMs : this.moment.ms;
    this.record = { ...this.record, current: undefined, last: { fence, how, atMs } };
    this.remember({
      leaseId,
      requestId,
      fence,
      how,
      atMs,
      forgetMs: this.moment.ms + Math.max(ENDED_WINDOW_MS, 2 * current.ttlMs),
    });
    const facts = {
      how: how === 'expired' && current.offered ? ('unconfirmed' as const) : how,
      ...(reason === undefined ? {} : { reason }),
    };
    this.log(how === 'expired' ? 'expired' : 'released', current, facts);
    this.#offerNext();
  }

  remember(ended: EndedLease): void {
    const { ended: before } = this.record;
    const kept = before.length < MAX_ENDED ? before : before.slice(MAX_ENDED / 2);
    this.record = { ...this.record, ended: [...kept, ended] };
  }

  unqueue(requestId: string): void {
    if (this.waiters.some((waiter) => waiter.requestId === requestId))
      this.waiters = this.waiters.filter((waiter) => waiter.requestId !== requestId);
  }

  endedRequest(requestId: string): EndedLease | undefined {
    return this.record.ended.find((ended) => ended.requestId === requestId && ended.forgetMs > this.moment.ms);
  }

  ended(leaseId: string): { readonly kind: 'ended'; readonly how: Ended | 'unknown' } {
    const ended = this.record.ended.find(
      (one) => one.leaseId === leaseId && one.leaseId !== '' && one.forgetMs > this.moment.ms,
    );
    if (ended === undefined) return { kind: 'ended', how: 'unknown' };
    if (ended.how === 'released' || ended.how === 'cancelled') return { kind: 'ended', how: 'released' };
    if (ended.how === 'revoked') return { kind: 'ended', how: 'revoked' };
    return { kind: 'ended', how: this.record.fence > ended.fence ? 'superseded' : 'expired' };
  }

  view(current: CurrentLease): OwnView {
    return viewOf(this.record, current, this.moment.ms);
  }

  log(
    type: LockEventType,
    lease: CurrentLease,
    facts: Pick<NewEvent, 'how' | 'reason'> = {},
    id: string = fenceOf(this.moment.mint()),
  ): void {
    const { leaseId, gen, holder, instance, fence, ttlMs, untilMs } = lease;
    this.#events.push({
      type,
      resource: this.record.resource,
      leaseId,
      gen,
      holder,
      instance,
      fence,
      atMs: this.moment.ms,
      ttlMs,
      untilMs,
      ...facts,
      id,
      prevOfResource: this.record.cursor,
    });
    this.record = { ...this.record, cursor: id };
  }

  done<R extends Reply>(reply: R): Transition<R> {
    return { record: this.record, reply, events: this.#events, offers: this.#offers };
  }

  #offerNext(): void {
    this.#dropDeadHeads();
    const [next, ...rest] = this.waiters;
    if (next === undefined) return;
    this.waiters = rest;
    const untilMs = this.moment.ms + OFFER_MS;
    const fence = this.grant(next, { offered: true, untilMs });
    this.#offers.push({
      resource: this.record.resource,
      leaseId: next.leaseId,
      requestId: next.requestId,
      fence,
      grantedAtMs: this.moment.ms,
      untilMs,
      listener: next.listener,
    });
  }

  /** Only the head matters to anyone; the dead behind it fall when they reach it, at no cost of time. */
  #dropDeadHeads(): void {
    const alive = this.waiters.findIndex((waiter) => waiter.deadMs > this.moment.ms);
    if (alive === 0 || this.waiters.length === 0) return;
    this.waiters = alive < 0 ? [] : this.waiters.slice(alive);
  }
}
