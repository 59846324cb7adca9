// Held lease
//
// A lease as its holder has it. The deadline is a point of this process's monotonic time, set
// when a reply confirms the term and counted from the moment that request was sent; nothing
// else moves it.
//
//   HL1  `valid` is computed at every reading; no timer has to fire for it to become false.
//   HL2  Loss is sticky: an answer that comes after the local deadline revives nothing.
//   HL3  `signal` aborts no later than the local deadline, whether or not the store answers.
//   HL4  Wall time that ran ahead of monotonic time means the machine slept: suspended, not
//        valid, until one round trip confirms the lease.
//   HL5  One renewal at a time, and none after the release was asked for.
//   HL8  A lease being given away is not valid from the call on; while it drains it ends with its
//        drain at the latest. Asked for, and silent, it is not valid from the time to answer on.
//   HL9  Automatic renewal ends with `maxHoldMs`, or when `isAlive` says no.
import type { Alarm, Alarms } from './alarms.ts';
import type { Clock, Unsubscribe } from './clock.ts';
import type { Entropy } from './entropy.ts';
import { CoordinationError, LeaseLostError } from './errors.ts';
import type {
  AnswerOutcome,
  Breaking,
  Ended,
  FencingToken,
  HandedOver,
  HandOff,
  HandOffOutcome,
  Holder,
  JsonObject,
  Lease,
  LeaseState,
  LossReason,
  ReleaseOutcome,
  RenewOutcome,
  TakeoverAnswer,
} from './lease.ts';
import type { EndedNotice, OwnView } from './lease-command.ts';
import { watchfulAbort } from './lease-signal.ts';
import type { LeaseStore } from './lease-store.ts';
import type { LogId } from './lock-event.ts';
import type { Upkeep } from './lock-manager.ts';
import type { LockMetrics } from './lock-metrics.ts';
import { PassingOn } from './passing-on.ts';
import { allowanceMs, DRAINING_PACE_MS, renewalDelayMs, retryDelayMs, together } from './renewal.ts';
import { SharedLease } from './shared-lease.ts';
import type { Sleeps } from './sleeps.ts';

export type { Upkeep };

/** What a held lease needs of the manager that made it. */
export interface LeaseHome {
  readonly store: Pick<LeaseStore, 'submit'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly alarms: Alarms;
  readonly sleeps: Sleeps;
  readonly metrics: LockMetrics;
  /** The lease is over here: lost or released. */
  forget(lease: HeldLease): void;
  /** What was forgotten is to be given back, and is remembered until it is; false where it is held anew. */
  recall(lease: HeldLease): boolean;
}

/** What is known of a grant, from which a lease is made. */
export type GrantFacts = Pick<
  Lease,
  | 'resource'
  | 'leaseId'
  | 'requestId'
  | 'holder'
  | 'instance'
  | 'fence'
  | 'ttlMs'
  | 'gen'
  | 'grantedAtMs'
  | 'untilMs'
  | 'meta'
> & {
  /** Still an offer: confirming it comes before anything else. */
  readonly offered: boolean;
  readonly handedOver?: HandedOver;
  readonly breaking?: Breaking;
  /** The store's clock when it told of them. */
  readonly serverMs?: number;
};

/** A term as a reply told it: what remained, when the request that asked for it was sent. */
export interface Term {
  readonly sentMs: number;
  readonly remainingMs: number;
  /** Wall minus monotonic time at the send, where it was noted: a sleep since then shows. */
  readonly wallLeadMs?: number;
}

interface LeaseAlarm extends Alarm {
  readonly lease: HeldLease;
}

function ring(this: LeaseAlarm): void {
  this.lease.wake();
}

export class HeldLease implements Lease {
  readonly resource: string;
  readonly leaseId: string;
  readonly requestId: string;
  readonly holder: Holder;
  readonly fence: FencingToken;
  readonly grantedAtMs: number;
  readonly meta: JsonObject | undefined;
  readonly handedOver: HandedOver | undefined;
  readonly #home: LeaseHome;
  readonly #alarm: LeaseAlarm;
  #instance: string;
  #ttlMs: number;
  #gen: number;
  #untilMs: number;
  #offered: boolean;
  /** Somebody stood in line when the store last told; or its own holder did, and is seldom the only one. */
  #isAwaited: boolean;
  #mode: 'auto' | 'manual';
  readonly #isAlive: Upkeep['isAlive'];
  readonly #begunMs: number;
  /** When automatic renewal has lasted long enough. */
  readonly #holdEndMs: number;
  #state: LeaseState = 'held';
  #lossReason: LossReason | undefined;
  #deadlineMs = 0;
  #renewAtMs = Number.POSITIVE_INFINITY;
  /** Wall minus monotonic time when the term was last confirmed. */
  #wallLeadMs = 0;
  /** How far wall time may run ahead of it before the machine must have slept. */
  #toleratedMs = 0;
  #abort: AbortController | undefined;
  #renewing: Promise<RenewOutcome> | undefined;
  #givingBack: Promise<unknown> | undefined;
  #releasing: Promise<ReleaseOutcome> | undefined;
  #left: Promise<ReleaseOutcome> | undefined;
  #parties = 1;
  /** None while nobody has ever asked for it. */
  #passing: PassingOn | undefined;
  #isProbing = false;

  constructor(home: LeaseHome, facts: GrantFacts, term: Term, upkeep: Upkeep) {
    this.#home = home;
    this.resource = facts.resource;
    this.leaseId = facts.leaseId;
    this.requestId = facts.requestId;
    this.holder = facts.holder;
    this.fence = facts.fence;
    this.grantedAtMs = facts.grantedAtMs;
    this.meta = facts.meta;
    this.#instance = facts.instance;
    this.#ttlMs = facts.ttlMs;
    this.#gen = facts.gen;
    this.#untilMs = facts.untilMs;
    this.#offered = facts.offered;
    this.#isAwaited = facts.offered;
    this.handedOver = facts.handedOver;
    if (facts.breaking !== undefined) this.#passingOn().see(facts.breaking, term.sentMs, facts.serverMs);
    this.#mode = upkeep.renew ?? 'auto';
    this.#isAlive = upkeep.isAlive;
    this.#begunMs = term.sentMs;
    this.#holdEndMs = upkeep.maxHoldMs === undefined ? Number.POSITIVE_INFINITY : term.sentMs + upkeep.maxHoldMs;
    this.#alarm = { dueMs: 0, place: -1, lease: this, ring };
    this.#begin(term);
    if (facts.offered) this.#confirmSoon();
  }

  get instance(): string {
    return this.#instance;
  }
  get ttlMs(): number {
    return this.#ttlMs;
  }
  get gen(): number {
    return this.#gen;
  }
  get untilMs(): number {
    return this.#untilMs;
  }
  get lossReason(): LossReason | undefined {
    return this.#lossReason;
  }
  get breaking(): Breaking | undefined {
    return this.#isOver() ? undefined : this.#passing?.breaking;
  }

  get state(): LeaseState {
    if (this.#isOver()) return this.#state;
    if (this.#home.clock.nowMs() >= this.#deadlineMs) return 'lost';
    return this.#slept() || this.#passing?.isSilent === true ? 'suspended' : this.#state;
  }

  get valid(): boolean {
    if (!this.isLive() || this.#passing?.isSilent === true) return false;
    if (!this.#slept()) return true;
    this.#suspend();
    return false;
  }

  remainingMs(): number {
    if (!this.valid) return 0;
    const endMs = Math.min(this.#deadlineMs, this.#passing?.silentAtMs ?? Number.POSITIVE_INFINITY);
    return Math.max(0, endMs - this.#home.clock.nowMs());
  }

  assertValid(): void {
    if (this.valid) return;
    if (!this.#isOver() && this.#home.clock.nowMs() >= this.#deadlineMs) this.#expire();
    throw new LeaseLostError(
      this,
      this.#lossReason ?? (this.#state === 'released' ? 'released-elsewhere' : 'suspended'),
    );
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = watchfulAbort(() => this.#look());
      if (this.#state === 'lost') this.#abort.abort(new LeaseLostError(this, this.#lossReason ?? 'expired'));
    }
    // After a stall, whoever asks is faster than the timer.
    this.#look();
    return this.#abort.signal;
  }

  renew(): Promise<RenewOutcome> {
    if (this.#isOver() || this.#releasing !== undefined) return Promise.resolve(this.#endedOutcome());
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  release(): Promise<ReleaseOutcome> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  renewal(mode: 'auto' | 'manual'): void {
    this.#mode = mode;
    if (this.#isOver()) return;
    this.#renewAtMs =
      mode === 'auto'
        ? this.#home.clock.nowMs() + renewalDelayMs(this.#ttlMs, this.#home.entropy.random())
        : Number.POSITIVE_INFINITY;
    this.#setAlarm();
  }

  share(): Lease {
    this.#parties += 1;
    return new SharedLease(this, () => this.#leave());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  [Symbol.dispose](): void {
    void this.release();
  }

  /** Neither lost nor being let go of. */
  isLive(): boolean {
    return (
      !this.#isOver() &&
      this.#releasing === undefined &&
      this.#passing?.isUnderway !== true &&
      this.#home.clock.nowMs() < this.#deadlineMs
    );
  }

  /** While its release is on the way: what the store answered before that says nothing any more. */
  get leaving(): Promise<unknown> | undefined {
    return this.#releasing ?? this.#givingBack ?? this.#passing?.underway;
  }

  onTakeover(listener: (takeover: Breaking | undefined) => void): Unsubscribe {
    return this.#passingOn().onTakeover(listener);
  }

  answerTakeover(answer: TakeoverAnswer, takeoverId?: LogId): Promise<AnswerOutcome> {
    return this.#passingOn().answer(answer, takeoverId);
  }

  handOff(handOff: HandOff): Promise<HandOffOutcome> {
    return this.#passingOn().handOff(handOff);
  }

  /** Something was decided about it: asks the store what, and extends nothing. */
  async look(): Promise<void> {
    await this.#passingOn().look();
  }

  /** Ends it here without telling the store: another process carries it on, or it is known to be over. */
  abandon(reason: LossReason): void {
    this.#lose(reason);
  }

  /** Somebody else ended it at the store. */
  endedElsewhere(how: EndedNotice['how']): void {
    // What its own release is answered says more.
    if (this.#releasing === undefined)
      this.#lose(how === 'revoked' || how === 'handed-over' ? how : 'released-elsewhere');
  }

  /** Gives it back on behalf of all its parties, whose work is aborted. */
  end(reason: LossReason): Promise<ReleaseOutcome> {
    this.#parties = 0;
    this.#releasing ??= this.#releaseOnce();
    this.#lose(reason);
    return this.#releasing;
  }

  /** A reply about this lease that some other call got: its term counts from that call's send. */
  confirm(view: OwnView, sentMs: number, wallLead?: number): void {
    // An answer that does not say how the clocks stood when it was asked for ends no suspicion.
    const wallLeadMs = wallLead ?? (this.#slept() ? this.#wallLeadMs : undefined);
    if (this.#isOver()) return;
    if (this.#home.clock.nowMs() >= this.#deadlineMs) {
      this.#expire();
      return;
    }
    this.#instance = view.instance;
    this.#ttlMs = view.ttlMs;
    this.#gen = view.gen;
    this.#untilMs = view.untilMs;
    this.#offered = view.offered;
    if (view.queue > 0) this.#isAwaited = true;
    if (view.breaking !== undefined || this.#passing !== undefined)
      this.#passingOn().see(view.breaking, sentMs, view.serverMs);
    this.#begin({ sentMs, remainingMs: view.remainingMs, ...(wallLeadMs === undefined ? {} : { wallLeadMs }) });
    if (view.link.kind !== 'away') return;
    // Whose connection is gone is given its grace and no more: renewing would bring it back.
    this.#renewAtMs = Number.POSITIVE_INFINITY;
    this.#setAlarm();
  }

  /** One party has done; the last one to go releases. */
  #leave(): Promise<ReleaseOutcome> {
    this.#parties -= 1;
    if (this.#parties > 0) return Promise.resolve({ kind: 'released' });
    this.#releasing ??= this.#releaseOnce();
    return this.#releasing;
  }

  #begin(term: Term): void {
    const { clock, entropy } = this.#home;
    const endMs = term.sentMs + term.remainingMs - allowanceMs(term.remainingMs);
    const isLastTerm = endMs >= this.#holdEndMs;
    this.#deadlineMs = isLastTerm ? this.#holdEndMs : endMs;
    // What drains, is offered or is away stands for less than its ttl: a sleep hides in no more than the deadline allows.
    this.#toleratedMs = allowanceMs(Math.min(this.#ttlMs, term.remainingMs));
    // Over a sleep since it was asked for, nobody knows what is left of it: one round trip tells.
    const isUnsure = term.wallLeadMs === undefined && this.#home.sleeps.since(term.sentMs);
    this.#wallLeadMs = isUnsure ? Number.NEGATIVE_INFINITY : (term.wallLeadMs ?? clock.wallMs() - clock.nowMs());
    this.#state = 'held';
    if (this.#mode === 'auto' && !isLastTerm) {
      const delayMs = renewalDelayMs(Math.min(this.#ttlMs, term.remainingMs), entropy.random());
      // What drains is not extended; it only hears soon enough that it need not drain after all.
      const isDraining = this.#passing?.breaking?.state === 'draining';
      this.#renewAtMs = together(
        term.sentMs + (isDraining ? Math.max(DRAINING_PACE_MS, delayMs) : delayMs),
        term.remainingMs,
      );
    } else this.#renewAtMs = Number.POSITIVE_INFINITY;
    this.#setAlarm();
  }

  /** Whoever waited has it first; that they do is told with the tick. */
  #confirmSoon(): void {
    this.#home.clock.soon(() => void this.renew());
  }

  #endBy(deadlineMs: number): void {
    if (deadlineMs >= this.#deadlineMs) return;
    this.#deadlineMs = deadlineMs;
    this.#setAlarm();
  }

  #setAlarm(): void {
    // The answer to a renewal that the release overtook must not leave an alarm behind.
    if (this.#releasing !== undefined) return;
    const wakeMs = Math.min(this.#deadlineMs, this.#renewAtMs);
    const passing = this.#passing;
    this.#home.alarms.set(this.#alarm, passing === undefined ? wakeMs : Math.min(wakeMs, passing.lookAtMs));
  }

  /** Its alarm rings. */
  wake(): void {
    if (this.#isOver()) return;
    const nowMs = this.#home.clock.nowMs();
    this.#home.metrics.woke(nowMs - this.#alarm.dueMs);
    if (nowMs >= this.#deadlineMs) this.#expire();
    else {
      const isDue = nowMs >= this.#renewAtMs;
      // Its answer says when to wake next, also where a renewal is on its way already.
      if (isDue) this.#renewAtMs = Number.POSITIVE_INFINITY;
      const isSuspended = this.#slept();
      if (isSuspended) this.#suspend();
      if (this.#passing !== undefined && nowMs >= this.#passing.lookAtMs) void this.#askIfPassed(this.#passing);
      if (isDue) {
        if (isSuspended || this.#isAlive === undefined || this.#mode === 'manual') void this.renew();
        else void this.#renewIfAlive(this.#isAlive);
      }
      this.#setAlarm();
    }
  }

  async #renewIfAlive(isAlive: NonNullable<Upkeep['isAlive']>): Promise<void> {
    // A probe that never answers has answered at the deadline.
    this.#renewAtMs = Number.POSITIVE_INFINITY;
    this.#isProbing = true;
    // A probe that throws does not say that the work is alive.
    const answer = await Promise.resolve()
      .then(() => isAlive(this))
      .catch(() => false);
    this.#isProbing = false;
    if (this.#isOver() || this.#releasing !== undefined) return;
    if (answer) await this.renew();
    else this.#lose('not-alive');
  }

  #slept(): boolean {
    const { clock } = this.#home;
    return clock.wallMs() - clock.nowMs() - this.#wallLeadMs > this.#toleratedMs;
  }

  #suspend(): void {
    // Wall time set back afterwards does not undo what was seen; a round trip does.
    this.#wallLeadMs = Number.NEGATIVE_INFINITY;
    if (this.#state === 'suspended') return;
    this.#state = 'suspended';
    void this.renew();
  }

  async #renewOnce(): Promise<RenewOutcome> {
    const { clock, store } = this.#home;
    const sentMs = clock.nowMs();
    const wallLeadMs = clock.wallMs() - sentMs;
    // Until this settles, the deadline is the only thing to wake for.
    this.#renewAtMs = Number.POSITIVE_INFINITY;
    // What confirms an offer that stands longer than the term ends it with the term, answered or not.
    this.#endBy(sentMs + this.#ttlMs - allowanceMs(this.#ttlMs));
    try {
      const reply = await store.submit<'renew'>({
        kind: 'renew',
        resource: this.resource,
        leaseId: this.leaseId,
        ttlMs: undefined,
        gen: undefined,
      });
      const nowMs = clock.nowMs();
      this.#home.metrics.renewed(nowMs - sentMs, this.#deadlineMs - nowMs);
      if (reply.kind === 'ended') return { kind: 'ended', how: this.#endedAs(reply.how) };
      this.confirm(reply.view, sentMs, wallLeadMs);
      // The store extended what is over here: give it back, so that nobody waits for the term.
      if (this.#isOver() && this.leaving === undefined && this.#home.recall(this)) this.#givingBack = this.#giveBack();
      return this.#isOver() ? this.#endedOutcome() : { kind: 'renewed', view: reply.view };
    } catch (fault) {
      if (!(fault instanceof CoordinationError)) throw fault;
      if (!this.#isOver()) {
        this.#state = 'suspended';
        if (this.#mode === 'auto' || this.#offered)
          this.#renewAtMs = clock.nowMs() + retryDelayMs(this.#ttlMs, this.#home.entropy.random());
        this.#setAlarm();
      }
      return { kind: 'unavailable', cause: fault };
    }
  }

  #releaseOnce(): Promise<ReleaseOutcome> {
    this.#home.alarms.clear(this.#alarm);
    // A renewal in flight was submitted before, so the store takes it first; it cannot revive
    // what this releases.
    return this.#home.store
      .submit<'release'>({
        kind: 'release',
        resource: this.resource,
        leaseId: this.leaseId,
        how: 'released',
        reason: undefined,
        isAwaited: this.#isAwaited,
      })
      .then(
        (reply) => this.#released(reply),
        (fault: unknown) => {
          const outcome = this.#released({ kind: 'unknown', cause: fault as CoordinationError });
          if (!(fault instanceof CoordinationError)) throw fault;
          return outcome;
        },
      );
  }

  #released(outcome: ReleaseOutcome): ReleaseOutcome {
    this.#home.metrics.released(outcome.kind);
    if (!this.#isOver()) {
      this.#state = 'released';
      this.#home.metrics.held(this.#home.clock.nowMs() - this.#begunMs);
    }
    this.#home.forget(this);
    return outcome;
  }

  #look(): void {
    if (this.#releasing === undefined && this.#home.clock.nowMs() >= this.#deadlineMs) this.#expire();
  }

  #expire(): void {
    if (this.#isOver()) return;
    const byItself = this.#endOfItself();
    if (byItself !== undefined) {
      this.#lose(byItself);
      return;
    }
    const isUnreachable = this.#state === 'suspended' || this.#renewing !== undefined;
    if (isUnreachable) this.#loseAndGiveBack(this.#slept() ? 'suspended' : 'unreachable');
    else this.#lose('expired');
  }

  /** Why it ends at its deadline, where that was to be. */
  #endOfItself(): LossReason | undefined {
    if (this.#deadlineMs === this.#holdEndMs) return 'max-hold';
    if (this.#isProbing) return 'not-alive';
    return this.#passing?.breaking?.state === 'draining' ? 'handed-over' : undefined;
  }

  async #askIfPassed(passing: PassingOn): Promise<void> {
    await passing.lookWhenSilent();
    if (!this.#isOver()) this.#setAlarm();
  }

  #passingOn(): PassingOn {
    this.#passing ??= new PassingOn({
      resource: this.resource,
      leaseId: this.leaseId,
      home: this.#home,
      isOver: () => this.#isOver() || this.#releasing !== undefined,
      endedHow: () => this.#endedHow(),
      confirm: (view, sentMs) => this.confirm(view, sentMs),
      endedAs: (how) => this.#endedAs(how),
      lose: (reason) => this.#lose(reason),
      loseAndGiveBack: (reason) => this.#loseAndGiveBack(reason),
      endBy: (deadlineMs) => this.#endBy(deadlineMs),
    });
    return this.#passing;
  }

  /** The store says that it has ended. */
  #endedAs(told: Ended | 'unknown'): Ended {
    const how = told === 'unknown' ? 'expired' : told;
    const isDrained = how === 'superseded' && this.#passing?.breaking?.state === 'draining';
    this.#lose(isDrained ? 'handed-over' : how === 'released' ? 'released-elsewhere' : how);
    return how;
  }

  /** A renewal on its way may yet extend what is over here; nobody should wait for that term. */
  #giveBack(): Promise<unknown> {
    return this.#home.store
      .submit<'release'>({
        kind: 'release',
        resource: this.resource,
        leaseId: this.leaseId,
        how: 'released',
        reason: 'lost',
      })
      .catch(() => undefined)
      .finally(() => this.#home.forget(this));
  }

  #loseAndGiveBack(reason: LossReason): void {
    this.#givingBack = this.#giveBack();
    this.#lose(reason);
  }

  #lose(reason: LossReason): void {
    if (this.#isOver()) return;
    this.#state = 'lost';
    this.#lossReason = reason;
    this.#home.metrics.lost(reason);
    this.#home.metrics.held(this.#home.clock.nowMs() - this.#begunMs);
    this.#home.alarms.clear(this.#alarm);
    if (this.#releasing === undefined && this.#givingBack === undefined) this.#home.forget(this);
    this.#abort?.abort(new LeaseLostError(this, reason));
  }

  #isOver(): boolean {
    return this.#state === 'lost' || this.#state === 'released';
  }

  #endedOutcome(): RenewOutcome {
    return { kind: 'ended', how: this.#endedHow() };
  }

  #endedHow(): Ended {
    const reason = this.#lossReason;
    if (reason === 'superseded' || reason === 'revoked') return reason;
    if (reason === 'handed-over') return 'superseded';
    return this.#state === 'lost' && reason !== 'released-elsewhere' ? 'expired' : 'released';
  }
}
