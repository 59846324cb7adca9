// Lease draft
//
// A record while one transition changes it, and the few changes that all of them are made of:
// grant, confirm, end, pass on. Nothing of it leaves before `done`.

import { EndedLeases } from './ended-leases.ts';
import { type Ended, type EndedHow, type FencingToken, fenceOf, type HandedOver } from './lease.ts';
import type { EndedNotice, Notice, OwnView, Reply } from './lease-command.ts';
import {
  type CurrentLease,
  ENDED_WINDOW_MS,
  type EndedLease,
  type LeaseRecord,
  OFFER_MS,
  pendingTakeover,
  type Takeover,
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

/** A notice to one listener, or to all. */
export interface Addressed {
  readonly to: string | 'all';
  readonly notice: Notice;
}

export interface Transition<R extends Reply = Reply> {
  readonly record: LeaseRecord;
  readonly reply: R;
  readonly events: readonly NewEvent[];
  readonly notices: readonly Addressed[];
}

/** How soon after a denial the same party may ask again, unless the holder says otherwise. */
export const RETRY_DENIED_MS = 5_000;

type EventFacts = Pick<NewEvent, 'how' | 'reason' | 'by' | 'from' | 'takeoverId'>;

export class LeaseDraft {
  readonly moment: Moment;
  record: LeaseRecord;
  readonly #events: NewEvent[] = [];
  readonly #notices: Addressed[] = [];

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

  /** What time alone has done: a takeover's turn, a lapse, places that died. */
  settle(): void {
    this.#settleTakeover();
    const { current } = this;
    if (current !== undefined && current.untilMs <= this.moment.ms) {
      const isDrained = pendingTakeover(current)?.stage.kind === 'draining' && current.untilMs === drainEndMs(current);
      this.end(current, isDrained ? 'handed-over' : 'expired');
    }
    this.#dropDeadHeads();
  }

  /** Lets go of what is past its window. */
  forget(): void {
    if (this.#isPastWindow()) this.record = { ...this.record, ended: EndedLeases.none, forgetMs: 0, last: undefined };
  }

  grant(
    to: Omit<Waiter, 'listener' | 'deadMs'>,
    term: { readonly offered: boolean; readonly untilMs: number },
    handedOver?: HandedOver,
  ): CurrentLease {
    const fence = fenceOf(this.moment.mint());
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
      takeover: undefined,
      handedOver,
      meta,
    };
    this.record = { ...this.record, current, fence };
    if (term.offered) this.log('offered', current, {}, fence);
    else this.#logBegun(current, fence);
    return current;
  }

  /** An offer that its waiter has answered becomes an ordinary lease, for the full term. */
  confirm(current: CurrentLease): CurrentLease {
    if (!current.offered) return this.put(current);
    const confirmed = this.put({ ...current, offered: false, untilMs: this.moment.ms + current.ttlMs });
    this.#logBegun(confirmed);
    return confirmed;
  }

  /** While a lease drains, nothing carries it beyond the drain. */
  put(current: CurrentLease): CurrentLease {
    const untilMs = Math.min(current.untilMs, drainEndMs(current));
    const put = untilMs === current.untilMs ? current : { ...current, untilMs };
    this.record = { ...this.record, current: put };
    return put;
  }

  /** Ends the lease and passes the resource on: to who asked for a takeover, else to the queue. */
  end(
    current: CurrentLease,
    how: EndedHow,
    facts: EventFacts = {},
    handed?: Pick<HandedOver, 'how' | 'pointer'>,
  ): void {
    this.close(current, how, facts);
    const takeover = pendingTakeover(current);
    if (takeover === undefined) {
      this.#offerNext();
      return;
    }
    const { waiter, reason, stage } = takeover;
    const pointer = stage.kind === 'draining' ? stage.pointer : undefined;
    this.#offer(waiter, OFFER_MS, {
      from: current.holder,
      ...(reason === undefined ? {} : { reason }),
      ...(handed ?? {
        how: stage.kind === 'draining' ? 'granted' : 'left',
        ...(pointer === undefined ? {} : { pointer }),
      }),
    });
  }

  /** Ends the lease; what becomes of the resource is for the caller to say, within this transition. */
  close(current: CurrentLease, how: EndedHow, facts: EventFacts = {}): void {
    const { leaseId, requestId, fence } = current;
    const isByTime = how === 'expired' || (how === 'handed-over' && current.untilMs <= this.moment.ms);
    const atMs = isByTime ? current.untilMs : this.moment.ms;
    const isUnconfirmed = how === 'expired' && current.offered;
    this.record = { ...this.record, current: undefined, last: { fence, how, atMs } };
    this.remember({
      leaseId,
      requestId,
      fence,
      how,
      atMs,
      heldMs: isUnconfirmed || how === 'cancelled' ? undefined : Math.max(0, atMs - current.grantedAtMs),
      forgetMs: this.moment.ms + Math.max(ENDED_WINDOW_MS, 2 * current.ttlMs),
    });
    const told = isUnconfirmed ? ('unconfirmed' as const) : how;
    this.log(how === 'expired' ? 'expired' : 'released', { ...current, untilMs: atMs }, { ...facts, how: told });
    if (how === 'revoked' || how === 'handed-over' || how === 'cancelled') this.tellEnded(current, how);
  }

  /** Its holder may not know yet, wherever that is. */
  tellEnded({ leaseId }: CurrentLease, how: EndedNotice['how']): void {
    const { resource } = this.record;
    this.#notices.push({ to: 'all', notice: { kind: 'ended', resource, leaseId, how } });
  }

  /** Offers the resource past the queue, and takes the party out of it. */
  offerTo(waiter: Waiter, standsMs: number, handedOver: HandedOver): CurrentLease {
    this.unqueue(waiter.requestId);
    return this.#offer(waiter, standsMs, handedOver);
  }

  /** The takeover is over without a grant; whoever asked is told why when they ask again. */
  deny(
    current: CurrentLease,
    takeover: Takeover,
    facts: {
      readonly how: 'denied' | 'unanswered';
      readonly reason: string | undefined;
      readonly retryAfterMs: number;
    },
  ): CurrentLease {
    const { reason } = facts;
    const againMs = this.moment.ms + facts.retryAfterMs;
    const next = this.put({ ...current, takeover: { ...takeover, stage: { kind: 'denied', reason, againMs } } });
    this.rememberRequest(takeover.waiter.requestId, 'denied');
    this.#logOver(next, takeover, { how: facts.how, ...(reason === undefined ? {} : { reason }) });
    return this.current ?? next;
  }

  /** Whoever asked no longer does, or no longer can. */
  dismiss(current: CurrentLease, takeover: Takeover, how: 'withdrawn' | 'lapsed'): void {
    const next = this.put({ ...current, takeover: undefined });
    if (how === 'withdrawn') this.rememberRequest(takeover.waiter.requestId, 'cancelled');
    this.#logOver(next, takeover, { how });
  }

  remember(ended: EndedLease): void {
    const isPast = this.#isPastWindow();
    const before = isPast ? EndedLeases.none : this.record.ended;
    const forgetMs = isPast ? ended.forgetMs : Math.max(this.record.forgetMs, ended.forgetMs);
    this.record = { ...this.record, ended: before.remember(ended), forgetMs };
  }

  /** Remembers the end of a request that never got a lease. */
  rememberRequest(requestId: string, how: 'cancelled' | 'denied'): void {
    const { ms } = this.moment;
    if (this.current === undefined && this.#isPastWindow()) this.record = { ...this.record, last: undefined };
    this.remember({ leaseId: '', requestId, fence: '', how, atMs: ms, forgetMs: ms + ENDED_WINDOW_MS });
  }

  unqueue(requestId: string): void {
    if (this.waiters.some((waiter) => waiter.requestId === requestId))
      this.waiters = this.waiters.filter((waiter) => waiter.requestId !== requestId);
  }

  /** How long it was held of late, while that is remembered. */
  get usualHoldMs(): number | undefined {
    return this.#isPastWindow() ? undefined : this.record.ended.usualHoldMs;
  }

  endedRequest(requestId: string): EndedLease | undefined {
    if (this.#isPastWindow()) return undefined;
    return this.record.ended.ofRequest(requestId);
  }

  ended(leaseId: string): { readonly kind: 'ended'; readonly how: Ended | 'unknown' } {
    const ended = this.record.ended.ofLease(leaseId);
    if (ended === undefined || this.#isPastWindow()) return { kind: 'ended', how: 'unknown' };
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
    facts: EventFacts = {},
    id: string = fenceOf(this.moment.mint()),
  ): string {
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
    return id;
  }

  /** That there is something to look at: for a takeover's asker, or for whoever holds. */
  notify(whom: Waiter | 'all'): void {
    const { resource } = this.record;
    this.#notices.push(
      whom === 'all'
        ? { to: 'all', notice: { kind: 'look', resource } }
        : { to: whom.listener, notice: { kind: 'look', resource, requestId: whom.requestId } },
    );
  }

  done<R extends Reply>(reply: R): Transition<R> {
    return { record: this.record, reply, events: this.#events, notices: this.#notices };
  }

  /** All that has ended is due to be forgotten, though no sweep has come by. */
  #isPastWindow(): boolean {
    return this.record.forgetMs <= this.moment.ms;
  }

  #settleTakeover(): void {
    const { current } = this;
    const takeover = current === undefined ? undefined : pendingTakeover(current);
    if (current === undefined || takeover === undefined) return;
    const { ms } = this.moment;
    const { waiter, stage, answerByMs, onSilence, reason } = takeover;
    const isUnanswered = stage.kind === 'asked' && answerByMs <= ms && current.untilMs > ms;
    if (waiter.deadMs <= ms) this.dismiss(current, takeover, 'lapsed');
    else if (isUnanswered && onSilence === 'grant') {
      const told = { by: waiter.holder, ...(reason === undefined ? {} : { reason }) };
      this.end(current, 'revoked', told, { how: 'unanswered' });
    } else if (isUnanswered)
      this.deny(current, takeover, { how: 'unanswered', reason: undefined, retryAfterMs: RETRY_DENIED_MS });
  }

  #offerNext(): void {
    this.#dropDeadHeads();
    const [next, ...rest] = this.waiters;
    if (next === undefined) return;
    this.waiters = rest;
    this.#offer(next, OFFER_MS);
  }

  #offer(waiter: Waiter, standsMs: number, handedOver?: HandedOver): CurrentLease {
    const untilMs = this.moment.ms + standsMs;
    const current = this.grant(waiter, { offered: true, untilMs }, handedOver);
    const { leaseId, requestId, listener } = waiter;
    const { resource } = this.record;
    const { fence, grantedAtMs } = current;
    this.#notices.push({ to: listener, notice: { resource, leaseId, requestId, fence, grantedAtMs, untilMs } });
    return current;
  }

  #logBegun(current: CurrentLease, id?: FencingToken): void {
    const { handedOver } = current;
    if (handedOver === undefined) return void this.log('claimed', current, {}, id);
    const { from, how, reason } = handedOver;
    this.log('taken-over', current, { how, from, ...(reason === undefined ? {} : { reason }) }, id);
  }

  #logOver(current: CurrentLease, { takeoverId, waiter }: Takeover, facts: EventFacts): void {
    this.log('takeover-denied', current, { takeoverId, by: waiter.holder, ...facts });
    this.notify(waiter);
    this.notify('all');
  }

  /** Only the head matters to anyone; the dead behind it fall when they reach it, at no cost of time. */
  #dropDeadHeads(): void {
    const alive = this.waiters.findIndex((waiter) => waiter.deadMs > this.moment.ms);
    if (alive === 0 || this.waiters.length === 0) return;
    this.waiters = alive < 0 ? [] : this.waiters.slice(alive);
  }
}

function drainEndMs({ takeover }: CurrentLease): number {
  return takeover?.stage.kind === 'draining' ? takeover.stage.untilMs : Number.POSITIVE_INFINITY;
}
