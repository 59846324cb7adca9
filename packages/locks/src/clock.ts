/** Ends what it was returned for; calling it again does nothing. */
export type Cancel = () => void;
/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void;

/**
 * PORT: time. Durations are computed from `nowMs` alone; `wallMs` is for display, and for
 * noticing that the machine slept (wall time runs on while monotonic time stands still).
 */
export interface Clock {
  /** Monotonic milliseconds, fractional; the origin means nothing. */
  nowMs(): number;
  /** Wall time, epoch milliseconds. May jump either way. */
  wallMs(): number;
  /** Wakes once after `delayMs` of any length, and keeps the process alive until then. */
  after(delayMs: number, wake: () => void): Cancel;
  /** As `after`, but does not keep the process alive: renewals, sweeps, safety checks. */
  background(delayMs: number, wake: () => void): Cancel;
  /** Wakes after the current tick and the I/O it brought: the moment to send a batch. */
  soon(wake: () => void): void;
}
