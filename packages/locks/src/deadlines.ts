import type { Cancel, Clock } from './clock.ts';

/** Something that is late at `dueMs` unless it is met before. */
export interface Deadline {
  readonly dueMs: number;
  readonly onLate: () => void;
}

/**
 * Deadlines that are all equally long, so that the first to be set is the first to be missed. One
 * timer looks after them; it is set again when it fires, not when a deadline is met, and does not
 * keep the process alive.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** In the order in which they are due. */
  readonly #open: Deadline[] = [];
  #cancel: Cancel | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  set(onLate: () => void): Deadline {
    const deadline = { dueMs: this.#clock.nowMs() + this.#timeoutMs, onLate };
    this.#open.push(deadline);
    if (this.#cancel === undefined) this.#wait(this.#timeoutMs);
    return deadline;
  }

  meet(deadline: Deadline): void {
    const at = this.#open.indexOf(deadline);
    if (at >= 0) this.#open.splice(at, 1);
  }

  /** The timer is let go of; whatever is open is never late. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#open.length = 0;
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#clock.background(delayMs, () => {
      this.#cancel = undefined;
      const nowMs = this.#clock.nowMs();
      for (let first = this.#open[0]; first !== undefined; first = this.#open[0]) {
        if (first.dueMs > nowMs) {
          this.#wait(first.dueMs - nowMs);
          return;
        }
        this.#open.shift();
        first.onLate();
      }
    });
  }
}
