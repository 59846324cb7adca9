import type { Cancel, Clock } from '../src/index.ts';

/** A machine's time beside another's: it can sleep while that one runs on, and its wall clock can be set. */
export class SleepyClock implements Clock {
  readonly #base: Clock;
  #wallSkewMs = 0;
  /** Monotonic time that passed while the machine slept. */
  #sleptMs = 0;
  #asleepAtMs: number | undefined;
  #due: (() => void)[] = [];
  #pending = 0;

  constructor(base: Clock) {
    this.#base = base;
  }

  /** Alarms that were set and have neither rung nor been called off. */
  get pending(): number {
    return this.#pending;
  }

  nowMs(): number {
    return (this.#asleepAtMs ?? this.#base.nowMs()) - this.#sleptMs;
  }

  wallMs(): number {
    return this.#base.wallMs() + this.#wallSkewMs;
  }

  after(delayMs: number, wake: () => void): Cancel {
    return this.#alarm((ring) => this.#base.after(delayMs, ring), wake);
  }

  background(delayMs: number, wake: () => void): Cancel {
    return this.#alarm((ring) => this.#base.background(delayMs, ring), wake);
  }

  soon(wake: () => void): void {
    this.#base.soon(wake);
  }

  setWall(byMs: number): void {
    this.#wallSkewMs += byMs;
  }

  /** Monotonic time stands still and no alarm rings, until `wake`. Wall time runs on. */
  sleep(): void {
    this.#asleepAtMs = this.#base.nowMs();
  }

  wake(): void {
    if (this.#asleepAtMs === undefined) return;
    this.#sleptMs += this.#base.nowMs() - this.#asleepAtMs;
    this.#asleepAtMs = undefined;
    const due = this.#due;
    this.#due = [];
    // Whoever wakes the machine sees it before its alarms do.
    this.#base.soon(() => {
      for (const ring of due) ring();
    });
  }

  #alarm(set: (ring: () => void) => Cancel, wake: () => void): Cancel {
    let isOver = false;
    const over = (): boolean => {
      if (isOver) return false;
      isOver = true;
      this.#pending -= 1;
      return true;
    };
    const ring = (): void => {
      if (isOver) return;
      if (this.#asleepAtMs !== undefined) this.#due.push(ring);
      else if (over()) wake();
    };
    this.#pending += 1;
    const cancel = set(ring);
    return () => {
      if (over()) cancel();
    };
  }
}
