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
import { type Alarm, type Alarms, Alarm as LeaseAlarm } from './alarms.ts';
import type { Clock } from './clock.ts';
import type { Entropy } from './entropy.ts';
import { CoordinationError, LeaseLostError } from './errors.ts';
import type {
  Ended,
  FencingToken,
  Holder,
  JsonObject,
  Lease,
  LeaseState,
  LossReason,
  ReleaseOutcome,
  RenewOutcome,
} from './lease.ts';
import type { OwnView } from './lease-command.ts';
import type { LeaseStore } from './lease-store.ts';
import { allowanceMs, renewalDelayMs, retryDelayMs, together } from './renewal.ts';
import { SharedLease } from './shared-lease.ts';

/** What a held lease needs of the manager that made it. */
export interface LeaseHome {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly alarms: Alarms;
  /** The lease is over here: lost or released. */
  forget(lease: HeldLease): void;
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
};

/** A term as a reply told it: what remained, when the request that asked for it was sent. */
export interface Term {
  readonly sentMs: number;
  readonly remainingMs: number;
}

export class HeldLease implements Lease {
  readonly resource: string;
  readonly leaseId: string;
  readonly requestId: string;
  readonly holder: Holder;
  readonly fence: FencingToken;
  readonly grantedAtMs: number;
  readonly meta: JsonObject | undefined;
  readonly #home: LeaseHome;
  readonly #alarm: Alarm;
  #instance: string;
  #ttlMs: number;
  #gen: number;
  #untilMs: number;
  #offered: boolean;
  #mode: 'auto' | 'manual';
  #state: LeaseState = 'held';
  #lossReason: LossReason | undefined;
  #deadlineMs = 0;
  #renewAtMs = Number.POSITIVE_INFINITY;
  /** Wall minus monotonic time when the term was last confirmed. */
  #wallLeadMs = 0;
  #abort: AbortController | undefined;
  #renewing: Promise<RenewOutcome> | undefined;
  #releasing: Promise<ReleaseOutcome> | undefined;
  #left: Promise<ReleaseOutcome> | undefined;
  #parties = 1;

  constructor(home: LeaseHome, facts: GrantFacts, term: Term, mode: 'auto' | 'manual') {
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
    this.#mode = mode;
    this.#alarm = new LeaseAlarm(() => this.#wake());
    this.#begin(term);
    if (facts.offered) void this.renew();
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

  get state(): LeaseState {
    if (this.#isOver()) return this.#state;
    if (this.#home.clock.nowMs() >= this.#deadlineMs) return 'lost';
    return this.#slept() ? 'suspended' : this.#state;
  }

  get valid(): boolean {
    if (this.#isOver() || this.#releasing !== undefined || this.#home.clock.nowMs() >= this.#deadlineMs) return false;
    if (!this.#slept()) return true;
    this.#suspend();
    return false;
  }

  remainingMs(): number {
    return this.valid ? Math.max(0, this.#deadlineMs - this.#home.clock.nowMs()) : 0;
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
      this.#abort = new AbortController();
      if (this.#state === 'lost') this.#abort.abort(new LeaseLostError(this, this.#lossReason ?? 'expired'));
    }
    // After a stall, whoever asks is faster than the timer.
    if (this.#releasing === undefined && this.#home.clock.nowMs() >= this.#deadlineMs) this.#expire();
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

  /** Neither lost nor being released. */
  isLive(): boolean {
    return !this.#isOver() && this.#releasing === undefined && this.#home.clock.nowMs() < this.#deadlineMs;
  }

  /** Ends it here without telling the store: another process carries it on, or it is known to be over. */
  abandon(reason: LossReason): void {
    this.#lose(reason);
  }

  /** Gives it back on behalf of all its parties, whose work is aborted. */
  end(reason: LossReason): Promise<ReleaseOutcome> {
    this.#parties = 0;
    this.#releasing ??= this.#releaseOnce();
    this.#lose(reason);
    return this.#releasing;
  }

  /** A reply about this lease that some other call got: its term counts from that call's send. */
  confirm(view: OwnView, sentMs: number): void {
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
    this.#begin({ sentMs, remainingMs: view.remainingMs });
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
    this.#deadlineMs = term.sentMs + term.remainingMs - allowanceMs(term.remainingMs);
    this.#wallLeadMs = clock.wallMs() - clock.nowMs();
    this.#state = 'held';
    this.#renewAtMs =
      this.#mode === 'auto'
        ? together(term.sentMs + renewalDelayMs(Math.min(this.#ttlMs, term.remainingMs), entropy.random()))
        : Number.POSITIVE_INFINITY;
    this.#setAlarm();
  }

  #setAlarm(): void {
    // The answer to a renewal that the release overtook must not leave an alarm behind.
    if (this.#releasing !== undefined) return;
    this.#home.alarms.set(this.#alarm, Math.min(this.#deadlineMs, this.#renewAtMs));
  }

  #wake(): void {
    if (this.#isOver()) return;
    const nowMs = this.#home.clock.nowMs();
    if (nowMs >= this.#deadlineMs) this.#expire();
    else {
      if (this.#slept()) this.#suspend();
      else if (nowMs >= this.#renewAtMs) void this.renew();
      this.#setAlarm();
    }
  }

  #slept(): boolean {
    const { clock } = this.#home;
    return clock.wallMs() - clock.nowMs() - this.#wallLeadMs > allowanceMs(this.#ttlMs);
  }

  #suspend(): void {
    if (this.#state === 'suspended') return;
    this.#state = 'suspended';
    void this.renew();
  }

  async #renewOnce(): Promise<RenewOutcome> {
    const { clock, store } = this.#home;
    const sentMs = clock.nowMs();
    // Until this settles, the deadline is the only thing to wake for.
    this.#renewAtMs = Number.POSITIVE_INFINITY;
    try {
      const reply = await store.submit<'renew'>({
        kind: 'renew',
        resource: this.resource,
        leaseId: this.leaseId,
        ttlMs: undefined,
        gen: undefined,
      });
      if (reply.kind === 'ended') {
        const how: Ended = reply.how === 'unknown' ? 'expired' : reply.how;
        this.#lose(how === 'released' ? 'released-elsewhere' : how);
        return { kind: 'ended', how };
      }
      this.confirm(reply.view, sentMs);
      // The store extended what is over here: give it back, so that nobody waits for the term.
      if (this.#isOver() && this.#releasing === undefined) this.#giveBack();
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

  async #releaseOnce(): Promise<ReleaseOutcome> {
    this.#home.alarms.clear(this.#alarm);
    // A renewal in flight was submitted before, so the store takes it first; it cannot revive
    // what this releases.
    try {
      const reply = await this.#home.store.submit<'release'>({
        kind: 'release',
        resource: this.resource,
        leaseId: this.leaseId,
        how: 'released',
        reason: undefined,
      });
      return reply;
    } catch (fault) {
      if (!(fault instanceof CoordinationError)) throw fault;
      return { kind: 'unknown', cause: fault };
    } finally {
      if (!this.#isOver()) this.#state = 'released';
      this.#home.forget(this);
    }
  }

  #expire(): void {
    if (this.#isOver()) return;
    const isUnreachable = this.#state === 'suspended' || this.#renewing !== undefined;
    this.#lose(isUnreachable ? (this.#slept() ? 'suspended' : 'unreachable') : 'expired');
    if (isUnreachable) this.#giveBack();
  }

  /** A renewal on its way may yet extend what is over here; nobody should wait for that term. */
  #giveBack(): void {
    void this.#home.store
      .submit<'release'>({
        kind: 'release',
        resource: this.resource,
        leaseId: this.leaseId,
        how: 'released',
        reason: 'lost',
      })
      .catch(() => undefined);
  }

  #lose(reason: LossReason): void {
    if (this.#isOver()) return;
    this.#state = 'lost';
    this.#lossReason = reason;
    this.#home.alarms.clear(this.#alarm);
    this.#home.forget(this);
    this.#abort?.abort(new LeaseLostError(this, reason));
  }

  #isOver(): boolean {
    return this.#state === 'lost' || this.#state === 'released';
  }

  #endedOutcome(): RenewOutcome {
    const reason = this.#lossReason;
    if (reason === 'superseded' || reason === 'revoked') return { kind: 'ended', how: reason };
    return { kind: 'ended', how: this.#state === 'lost' && reason !== 'released-elsewhere' ? 'expired' : 'released' };
  }
}
