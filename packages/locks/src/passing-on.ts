// Passing on
//
// A held lease that somebody asks for, or that its holder gives away. Made for a lease when it is
// first needed: of most leases nobody ever asks.

import { checkAnswer, checkHandOff } from './claim-arguments.ts';
import type { Clock, Unsubscribe } from './clock.ts';
import type { Entropy } from './entropy.ts';
import { CoordinationError } from './errors.ts';
import type { AnswerOutcome, Breaking, Ended, HandOff, HandOffOutcome, LossReason, TakeoverAnswer } from './lease.ts';
import type { AnswerCommand, HandOffCommand, OwnView } from './lease-command.ts';
import { RETRY_DENIED_MS } from './lease-draft.ts';
import type { LeaseStore } from './lease-store.ts';
import type { LogId } from './lock-event.ts';
import { allowanceMs, DRAINING_PACE_MS } from './renewal.ts';

interface LeaseName {
  readonly resource: string;
  readonly leaseId: string;
}

/** A held lease, as far as it is passed on. */
export interface Passable extends LeaseName {
  readonly home: { readonly store: Pick<LeaseStore, 'submit'>; readonly clock: Clock; readonly entropy: Entropy };
  isOver(): boolean;
  /** How it ended, once it is over. */
  endedHow(): Ended;
  confirm(view: OwnView, sentMs: number): void;
  /** The store says that it has ended. */
  endedAs(how: Ended | 'unknown'): Ended;
  lose(reason: LossReason): void;
  loseAndGiveBack(reason: LossReason): void;
  /** Its term ends then at the latest, as far as anybody here knows. */
  endBy(deadlineMs: number): void;
}

type Fault = { readonly kind: 'unavailable'; readonly cause: Error };
type EndedReply = { readonly kind: 'ended'; readonly how: Ended | 'unknown' };
type EndedOutcome = { readonly kind: 'ended'; readonly how: Ended };

/** How long a hand-off stands for the party it is for, unless the holder says otherwise. */
const HAND_OFF_MS = 10_000;

export class PassingOn {
  readonly #lease: Passable;
  readonly #listeners = new Set<(takeover: Breaking | undefined) => void>();
  #breaking: Breaking | undefined;
  /** When silence grants it, by the local clock at the earliest. */
  #silentAtMs = Number.POSITIVE_INFINITY;
  #lookAtMs = Number.POSITIVE_INFINITY;
  /** How many calls may be giving the lease away at this moment. */
  #underway = 0;
  #latest: Promise<unknown> | undefined;

  constructor(lease: Passable) {
    this.#lease = lease;
  }

  /** Who asks, as last heard. */
  get breaking(): Breaking | undefined {
    return this.#breaking;
  }

  /** It may be another's by now: not valid until the store says that it is not. */
  get isUnderway(): boolean {
    return this.#underway > 0;
  }

  /** Until the store has answered whether it is another's. */
  get underway(): Promise<unknown> | undefined {
    return this.isUnderway ? this.#latest : undefined;
  }

  /** The time to answer is over, and silence grants: it may be another's until the store says that it is not. */
  get isSilent(): boolean {
    return this.#lease.home.clock.nowMs() >= this.#silentAtMs;
  }

  get silentAtMs(): number {
    return this.#silentAtMs;
  }

  /** When to ask the store whether silence has granted it. */
  get lookAtMs(): number {
    return this.#lookAtMs;
  }

  /** What the store told of who asks, at `serverMs` of its clock, when it was asked at `sentMs`. */
  see(breaking: Breaking | undefined, sentMs: number, serverMs: number | undefined): void {
    const before = this.#breaking;
    this.#breaking = breaking;
    this.#silentAtMs = silentAtMs(breaking, sentMs, serverMs);
    this.#lookAtMs = this.#silentAtMs;
    if (before?.takeoverId === breaking?.takeoverId && before?.state === breaking?.state) return;
    for (const listener of this.#listeners) this.#lease.home.clock.soon(() => listener(breaking));
  }

  onTakeover(listener: (takeover: Breaking | undefined) => void): Unsubscribe {
    this.#listeners.add(listener);
    const breaking = this.#breaking;
    if (breaking !== undefined) this.#lease.home.clock.soon(() => listener(breaking));
    return () => void this.#listeners.delete(listener);
  }

  /** Answers this takeover, or the one that is asked for. */
  async answer(answer: TakeoverAnswer, named?: LogId): Promise<AnswerOutcome> {
    checkAnswer(answer);
    if (this.#breaking === undefined && named === undefined) await this.look();
    const takeoverId = named ?? this.#breaking?.takeoverId ?? '';
    const { clock, store } = this.#lease.home;
    const drainMs = answer.answer === 'grant' ? (answer.drainMs ?? 0) : 0;
    return await this.#pass(answer.answer === 'grant' && drainMs === 0, async () => {
      const sentMs = clock.nowMs();
      // Should the reply be lost, the term may end this soon.
      if (drainMs > 0) this.#lease.endBy(sentMs + drainMs - allowanceMs(drainMs));
      const reply = await store.submit<'answer'>(answerCommand(this.#lease, takeoverId, answer));
      if ('view' in reply) this.#lease.confirm(reply.view, sentMs);
      return reply;
    });
  }

  async handOff(handOff: HandOff): Promise<HandOffOutcome> {
    checkHandOff(handOff);
    const { entropy, store } = this.#lease.home;
    const names = { nextLeaseId: entropy.id(), nextRequestId: entropy.id() };
    return await this.#pass(true, () => store.submit<'hand-off'>(handOffCommand(this.#lease, handOff, names)));
  }

  /** Asks whether silence has granted it. Who is not told that it has not, has it no longer. */
  async lookWhenSilent(): Promise<void> {
    this.#lookAtMs = Number.POSITIVE_INFINITY;
    const isAnswered = await this.look();
    if (this.#lease.isOver() || !this.isSilent) return;
    if (isAnswered) this.#lookAtMs = this.#lease.home.clock.nowMs() + DRAINING_PACE_MS;
    else this.#lease.loseAndGiveBack('unreachable');
  }

  /** Something was decided about the lease: asks the store what, and extends nothing. */
  async look(): Promise<boolean> {
    if (this.#lease.isOver()) return false;
    const { resource, leaseId, home } = this.#lease;
    const sentMs = home.clock.nowMs();
    try {
      // On behalf of a connection that never was.
      const reply = await home.store.submit<'renew'>({ kind: 'renew', resource, leaseId, ttlMs: undefined, gen: 0 });
      if (reply.kind === 'renewed') this.#lease.confirm(reply.view, sentMs);
      else this.#lease.endedAs(reply.how);
      return true;
    } catch (fault) {
      if (!(fault instanceof CoordinationError)) throw fault;
      return false;
    }
  }

  /** Runs what may give the lease to another. If nobody can say whether it did, it is over here. */
  async #pass<R extends { readonly kind: string }>(
    isAtOnce: boolean,
    pass: () => Promise<R | EndedReply>,
  ): Promise<R | EndedOutcome | Fault> {
    if (this.#lease.isOver()) return { kind: 'ended', how: this.#lease.endedHow() };
    if (isAtOnce) this.#underway += 1;
    try {
      const passing = pass();
      if (isAtOnce) this.#latest = passing.catch(() => undefined);
      const reply = await passing;
      if (isEnded(reply)) return { kind: 'ended', how: this.#lease.endedAs(reply.how) };
      if (reply.kind === 'handed-over' || reply.kind === 'handed-off') this.#lease.lose('handed-over');
      return reply;
    } catch (fault) {
      if (!(fault instanceof CoordinationError)) throw fault;
      if (isAtOnce && fault.applied === 'unknown' && !this.#lease.isOver()) this.#lease.loseAndGiveBack('handed-over');
      return { kind: 'unavailable', cause: fault };
    } finally {
      if (isAtOnce) this.#underway -= 1;
    }
  }
}

export function answerCommand(
  { resource, leaseId }: LeaseName,
  takeoverId: LogId,
  answer: TakeoverAnswer,
): AnswerCommand {
  const isGrant = answer.answer === 'grant';
  return {
    kind: 'answer',
    resource,
    leaseId,
    takeoverId,
    answer: answer.answer,
    drainMs: isGrant ? (answer.drainMs ?? 0) : 0,
    pointer: isGrant ? answer.pointer : undefined,
    reason: isGrant ? undefined : answer.reason,
    retryAfterMs: isGrant ? 0 : (answer.retryAfterMs ?? RETRY_DENIED_MS),
  };
}

export function handOffCommand(
  { resource, leaseId }: LeaseName,
  { to, instance = 'default', pointer, offerMs = HAND_OFF_MS }: HandOff,
  names: Pick<HandOffCommand, 'nextLeaseId' | 'nextRequestId'>,
): HandOffCommand {
  return { kind: 'hand-off', resource, leaseId, to, instance, pointer, offerMs, ...names };
}

function silentAtMs(breaking: Breaking | undefined, sentMs: number, serverMs: number | undefined): number {
  if (breaking?.state !== 'asked' || breaking.onSilence !== 'grant' || serverMs === undefined)
    return Number.POSITIVE_INFINITY;
  const leftMs = Math.max(0, breaking.answerByMs - serverMs);
  return sentMs + leftMs - allowanceMs(leftMs);
}

function isEnded(reply: { readonly kind: string }): reply is EndedReply {
  return reply.kind === 'ended';
}
