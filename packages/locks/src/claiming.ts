// Claiming
//
// A claim, from its first sending to its outcome: on a lease, or on permits of a pool.
import { grantOf } from './acquisition.ts';
import { Alarm, type Alarms } from './alarms.ts';
import type { Clock } from './clock.ts';
import type { Entropy } from './entropy.ts';
import { CoordinationError } from './errors.ts';
import type { GrantFacts, HeldLease, Term } from './held-lease.ts';
import type { HeldView } from './lease.ts';
import type { OwnView, Replies, RequestCommand } from './lease-command.ts';
import type { Busy, ClaimOptions, ClaimOutcome, Upkeep } from './lock-manager.ts';
import type { LockMetrics } from './lock-metrics.ts';
import { isUncertain, tooLate, unavailable } from './outcomes.ts';
import { isTermOver, retryDelayMs } from './renewal.ts';
import { renamed, Waiting } from './waiting.ts';

/** For whom claims are made: it holds what they are granted. */
export interface ClaimHome<C extends RequestCommand, R = Replies['request']> {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly alarms: Alarms;
  readonly metrics: LockMetrics;
  readonly isOpen: boolean;
  open(): Promise<void>;
  submit(command: C): Promise<R>;
  /** What its store answered, as a claim knows it; throws where it was asked wrongly. */
  understood(command: C, reply: R): Replies['request'];
  /** Leaves the queue, or gives back what was just granted. */
  leave(command: C): Promise<unknown>;
  /** While its end is on the way: what the store answered before that says nothing any more. */
  leaving(named: Pick<OwnView, 'leaseId' | 'requestId'>): Promise<unknown> | undefined;
  /** A lease that was just granted or offered. */
  begin(facts: GrantFacts, term: Term, upkeep: Upkeep): HeldLease;
  /** The lease of a view, as this process holds it. */
  adopt(view: OwnView, sentMs: number, upkeep: Upkeep): HeldLease;
}

export class Claiming<C extends RequestCommand, R = Replies['request']> {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly waiting: Waiting<C>;
  readonly #home: ClaimHome<C, R>;
  #isClosed = false;

  /** @param listener names this process to the store */
  constructor(home: ClaimHome<C, R>, listener: string) {
    this.#home = home;
    this.clock = home.clock;
    this.entropy = home.entropy;
    this.waiting = new Waiting(this, listener);
  }

  async claim(command: C, options: ClaimOptions): Promise<ClaimOutcome> {
    const { signal, waitMs = 0 } = options;
    const home = this.#home;
    signal?.throwIfAborted();
    let outcome: ClaimOutcome;
    try {
      if (!home.isOpen) await home.open();
      outcome = waitMs > 0 ? await this.#inTurn(command, waitMs, options) : await this.#atOnce(command, options);
    } catch (fault) {
      // The caller's own reason is rethrown untouched, even where it is one of ours.
      if (signal?.aborted === true) throw signal.reason;
      outcome = unavailable(fault);
    }
    home.metrics.claimed(outcome.kind);
    return outcome;
  }

  async ask(command: C): Promise<Replies['request']> {
    return this.#afterLeaving(command, this.#home.understood(command, await this.#home.submit(command)));
  }

  leave(command: C): Promise<unknown> {
    return this.#home.leave(command);
  }

  begin(facts: GrantFacts, term: Term, upkeep: Upkeep): HeldLease {
    return this.#home.begin(facts, term, upkeep);
  }

  /** What a reply to a request means to its caller; `late` is a lease that was over here before its answer came. */
  settled(
    command: C,
    reply: Replies['request'],
    sentMs: number,
    options: ClaimOptions,
  ): ClaimOutcome | 'queued' | 'late' {
    switch (reply.kind) {
      case 'granted': {
        const [facts, term] = grantOf(command, reply, sentMs);
        if (isTermOver(term, this.clock.nowMs())) return 'late';
        return { kind: 'granted', lease: this.begin(facts, term, options), fresh: true };
      }
      case 'held':
        if (isTermOver({ sentMs, remainingMs: reply.view.remainingMs }, this.clock.nowMs())) return 'late';
        return {
          kind: 'granted',
          lease: this.#home.adopt(reply.view, sentMs, options),
          fresh: reply.view.leaseId === command.leaseId,
        };
      case 'busy':
        return {
          kind: 'busy',
          holder: reply.view.holder,
          current: publicView(reply.view),
          position: reply.position,
          retryAfterMs: reply.view.remainingMs,
          why: reply.full ? 'queue-full' : 'held',
        } satisfies Busy;
      case 'gone':
        return reply;
      case 'queued':
        return 'queued';
    }
  }

  /** Every claim ends as unavailable; resolves when the places are left. */
  async close(fault: CoordinationError): Promise<void> {
    this.#isClosed = true;
    await this.waiting.close(fault);
  }

  async #inTurn(command: C, waitMs: number, options: ClaimOptions): Promise<ClaimOutcome> {
    const sinceMs = this.clock.nowMs();
    const outcome = await this.waiting.claim(command, waitMs, options);
    if (outcome.kind === 'granted') this.#home.metrics.waited(this.clock.nowMs() - sinceMs);
    return outcome;
  }

  /** The one request of a claim that does not wait; a lost reply is asked for again, once, under the same id. */
  #atOnce(command: C, options: ClaimOptions, isLast = false): Promise<ClaimOutcome> {
    const sentMs = this.clock.nowMs();
    // The release of what this is answered with may be next to be answered: no more waits than it has.
    return this.#home.submit(command).then(
      (reply) => this.#answered(command, this.#home.understood(command, reply), sentMs, options, isLast),
      (fault: unknown) => {
        if (!isUncertain(fault)) throw fault;
        return this.#again(command, options, isLast);
      },
    );
  }

  /** The store may hold what this process knows nothing of, or too late: what is left of it is counted from here. */
  async #again(command: C, options: ClaimOptions, isLast = false): Promise<ClaimOutcome> {
    const sentMs = this.clock.nowMs();
    const answer = await this.#home.submit({ ...command, isFirst: false }).catch((second: unknown) => {
      this.takeBack(command, options);
      throw second;
    });
    const reply = this.#home.understood(command, answer);
    // Granted, and lapsed before anybody knew: nobody else knows the request's name either.
    if (reply.kind === 'gone' && reply.how === 'expired' && options.requestId === undefined) {
      if (isLast) throw tooLate(command.resource);
      return this.#atOnce(renamed(command, this.entropy), options, true);
    }
    return this.#answered(command, reply, sentMs, options, true);
  }

  /** Most claims are answered with a grant that nobody has a word to say about. */
  #answered(
    command: C,
    reply: Replies['request'],
    sentMs: number,
    options: ClaimOptions,
    isLast = false,
  ): ClaimOutcome | Promise<ClaimOutcome> {
    if (this.#leavingOf(command, reply) === undefined) return this.#concluded(command, reply, sentMs, options, isLast);
    return this.#afterLeaving(command, reply).then((last) => this.#concluded(command, last, sentMs, options, isLast));
  }

  #concluded(
    command: C,
    reply: Replies['request'],
    sentMs: number,
    options: ClaimOptions,
    isLast: boolean,
  ): ClaimOutcome | Promise<ClaimOutcome> {
    const { signal } = options;
    if (signal?.aborted === true) {
      // What its party held before, it goes on holding.
      const isFresh = reply.kind === 'granted' || (reply.kind === 'held' && reply.view.leaseId === command.leaseId);
      if (!isFresh) throw signal.reason;
      const rethrow = (): never => {
        throw signal.reason;
      };
      return this.leave(command).then(rethrow, rethrow);
    }
    const outcome = this.settled(command, reply, sentMs, options);
    if (outcome === 'late') {
      if (!isLast) return this.#again(command, options);
      this.takeBack(command, options);
      throw tooLate(command.resource);
    }
    if (outcome !== 'queued') return outcome;
    throw new CoordinationError('STORE_UNAVAILABLE', 'The store queued a claim that does not wait', {
      applied: 'unknown',
    });
  }

  #leavingOf(command: C, reply: Replies['request']): Promise<unknown> | undefined {
    if (reply.kind === 'granted') return this.#home.leaving(command);
    return reply.kind === 'held' ? this.#home.leaving(reply.view) : undefined;
  }

  /** Answered with a lease whose end is on the way: asked again once that is over. */
  async #afterLeaving(command: C, reply: Replies['request']): Promise<Replies['request']> {
    const leaving = this.#leavingOf(command, reply);
    if (leaving === undefined) return reply;
    await leaving;
    return this.ask({ ...command, isFirst: false });
  }

  /**
   * A grant may have been made that nobody knows of. Whoever chose the id may ask again; else
   * nobody can, and it is given back as soon as the store hears of it.
   */
  takeBack(command: C, options: ClaimOptions): void {
    if (options.requestId !== undefined || this.#isClosed) return;
    const { alarms } = this.#home;
    const endMs = this.clock.nowMs() + command.ttlMs;
    const alarm = new Alarm(() => void attempt());
    const attempt = async (): Promise<void> => {
      try {
        await this.#home.leave(command);
      } catch {
        const nextMs = this.clock.nowMs() + retryDelayMs(command.ttlMs, this.entropy.random());
        // After its end it has lapsed by itself.
        if (!this.#isClosed && nextMs < endMs) alarms.set(alarm, nextMs);
      }
    };
    void attempt();
  }
}

/** A view without its lease's and request's secret names, and what was left to its holder alone. */
export function publicView(view: OwnView): HeldView {
  const { leaseId: _leaseId, requestId: _requestId, handedOver: _handedOver, ...shown } = view;
  return shown;
}
