import { Histogram, type HistogramSnapshot } from './histogram.ts';
import type { LossReason, ReleaseOutcome } from './lease.ts';

/** What a manager has counted since it was made. Times are of this process's monotonic clock. */
export interface LockMetricsSnapshot {
  readonly claims: Readonly<Record<ClaimResult, number>>;
  readonly losses: Readonly<Record<LossReason, number>>;
  readonly releases: Readonly<Record<ReleaseOutcome['kind'], number>>;
  /** Writes that a guard turned away because their fence was too old. */
  readonly staleWrites: number;
  /** Leases held at this moment. */
  readonly holding: number;
  /** From the call to the lease, of claims that were granted after waiting. */
  readonly wait: HistogramSnapshot;
  /** From a grant to its release or loss. */
  readonly hold: HistogramSnapshot;
  /** From the send of a renewal to its answer. */
  readonly renew: HistogramSnapshot;
  /** What was left of a lease when its renewal was answered: the early warning, long before a loss. */
  readonly remainingAtRenew: HistogramSnapshot;
  /** How late this process's timers were: an event loop that stood still. */
  readonly stall: HistogramSnapshot;
}

export type ClaimResult = 'granted' | 'busy' | 'gone' | 'unavailable';

/** Counts of one manager, read with `snapshot`, or as text with `prometheusText`. */
export interface LockCounts {
  snapshot(): LockMetricsSnapshot;
  /** For the guard of a resource: it turned away a write whose fence was too old. */
  staleWrite(): void;
}

/** Lateness that any timer has is no stall. */
const STALL_MS = 20;

/** Every event is an addition to a field or to a place of an array. */
export class LockMetrics implements LockCounts {
  readonly #claims: Record<ClaimResult, number> = { granted: 0, busy: 0, gone: 0, unavailable: 0 };
  readonly #losses: Record<LossReason, number> = {
    expired: 0,
    superseded: 0,
    revoked: 0,
    'handed-over': 0,
    'released-elsewhere': 0,
    unreachable: 0,
    suspended: 0,
    'max-hold': 0,
    'not-alive': 0,
    shutdown: 0,
  };
  readonly #releases: Record<ReleaseOutcome['kind'], number> = {
    released: 0,
    already: 0,
    expired: 0,
    superseded: 0,
    unknown: 0,
  };
  readonly #wait = new Histogram();
  readonly #hold = new Histogram();
  readonly #renew = new Histogram();
  readonly #remainingAtRenew = new Histogram();
  readonly #stall = new Histogram();
  readonly #holding: () => number;
  #staleWrites = 0;

  constructor(holding: () => number) {
    this.#holding = holding;
  }

  claimed(result: ClaimResult): void {
    this.#claims[result] += 1;
  }
  waited(ms: number): void {
    this.#wait.add(ms);
  }
  held(ms: number): void {
    this.#hold.add(ms);
  }
  renewed(tookMs: number, remainingMs: number): void {
    this.#renew.add(tookMs);
    this.#remainingAtRenew.add(remainingMs);
  }
  lost(reason: LossReason): void {
    this.#losses[reason] += 1;
  }
  released(outcome: ReleaseOutcome['kind']): void {
    this.#releases[outcome] += 1;
  }
  /** A timer fired `lateMs` after it was due. */
  woke(lateMs: number): void {
    if (lateMs >= STALL_MS) this.#stall.add(lateMs);
  }
  staleWrite(): void {
    this.#staleWrites += 1;
  }

  snapshot(): LockMetricsSnapshot {
    return {
      claims: { ...this.#claims },
      losses: { ...this.#losses },
      releases: { ...this.#releases },
      staleWrites: this.#staleWrites,
      holding: this.#holding(),
      wait: this.#wait.snapshot(),
      hold: this.#hold.snapshot(),
      renew: this.#renew.snapshot(),
      remainingAtRenew: this.#remainingAtRenew.snapshot(),
      stall: this.#stall.snapshot(),
    };
  }
}
