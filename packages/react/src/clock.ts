/** Takes back what was asked of a clock; harmless afterwards. */
export type Cancel = () => void;

/** Time as the client sees it. `systemClock` is the platform's; tests crank their own. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean something. May stand still while a machine sleeps. */
  nowMs(): number;
  /** Milliseconds since 1970. Runs on during sleep, and may be set by hand. */
  wallMs(): number;
  /** Calls `wake` once, `delayMs` from now or later: background tabs are throttled. */
  after(delayMs: number, wake: () => void): Cancel;
}

/** Chance as the client sees it. */
export interface Entropy {
  /** In [0, 1). */
  random(): number;
  /** A text of 128 random bits, legal as an id on the wire. */
  id(): string;
}

/** Resolves after a while, or rejects with the signal's reason as soon as it aborts. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * How much time has passed, by whichever clock saw more of it.
 *
 * The monotonic clock of most platforms stops while the machine sleeps; the wall clock may
 * be set back. A right that ends with time must not outlive either of them.
 */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #startedWallMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
    this.#startedWallMs = clock.wallMs();
  }

  elapsedMs(): number {
    return Math.max(this.#clock.nowMs() - this.#startedMs, this.#clock.wallMs() - this.#startedWallMs);
  }
}
