import type { Cancel, Clock } from '../src/client.ts';

interface Timer {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** A clock that the test turns. */
export class CrankedClock implements Clock {
  #nowMs = 0;
  #sleptMs = 0;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_800_000_000_000 + this.#nowMs + this.#sleptMs;
  }

  after(delayMs: number, wake: () => void): Cancel {
    const timer = { dueMs: this.#nowMs + delayMs, wake };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass, and everything happen that is due meanwhile. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const [next] = [...this.#timers].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.wake();
    }
    this.#nowMs = untilMs;
  }

  /** The machine sleeps: the wall goes on, the monotonic clock and the timers do not. */
  sleep(forMs: number): void {
    this.#sleptMs += forMs;
  }

  get waiting(): number[] {
    return [...this.#timers].map(({ dueMs }) => dueMs - this.#nowMs).sort((a, b) => a - b);
  }
}
