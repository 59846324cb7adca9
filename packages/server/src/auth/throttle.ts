import type { Clock } from '@devmentor/locks';

const MAX_KEYS = 10_000;

/**
 * Slows down guessing: after `allowed` failures of a key within the window, it is turned away
 * until the oldest of them leaves the window. Successes cost nothing. Bounded; the keys heard of
 * longest ago are forgotten first.
 */
export class FailureThrottle {
  readonly #clock: Clock;
  readonly #allowed: number;
  readonly #windowMs: number;
  readonly #failures = new Map<string, number[]>();

  constructor(options: { readonly clock: Clock; readonly allowed: number; readonly windowMs: number }) {
    this.#clock = options.clock;
    this.#allowed = options.allowed;
    this.#windowMs = options.windowMs;
  }

  /** Milliseconds until another try is let through; 0 when one is now. */
  waitMs(key: string): number {
    const recent = this.#recent(key);
    const oldest = recent[recent.length - this.#allowed];
    return oldest === undefined ? 0 : Math.ceil(oldest + this.#windowMs - this.#clock.nowMs());
  }

  failed(key: string): void {
    const recent = this.#recent(key);
    // Only the newest `allowed` can ever matter.
    const kept = [...recent, this.#clock.nowMs()].slice(-this.#allowed);
    this.#failures.delete(key);
    if (this.#failures.size >= MAX_KEYS) {
      const first = this.#failures.keys().next();
      if (first.done !== true) this.#failures.delete(first.value);
    }
    this.#failures.set(key, kept);
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  #recent(key: string): readonly number[] {
    const since = this.#clock.nowMs() - this.#windowMs;
    return (this.#failures.get(key) ?? []).filter((at) => at > since);
  }
}
