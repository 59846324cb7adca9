import type { Cancel, Clock } from './clock.ts';
import { type Due, DueQueue } from './due-queue.ts';

/** An alarm of one owner; set again and again. */
export class Alarm implements Due {
  dueMs = 0;
  place = -1;
  readonly ring: () => void;

  constructor(ring: () => void) {
    this.ring = ring;
  }
}

/** Many alarms on one timer of the clock, which does not keep the process alive. */
export class Alarms {
  readonly #clock: Clock;
  readonly #queue = new DueQueue<Alarm>();
  #cancel: Cancel | undefined;
  #armedMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rings `alarm` at `dueMs` of the monotonic clock; an earlier setting of it is forgotten. */
  set(alarm: Alarm, dueMs: number): void {
    this.#queue.set(alarm, dueMs);
    if (dueMs < this.#armedMs) this.#arm(dueMs);
  }

  clear(alarm: Alarm): void {
    // The timer may now be early, or for nothing; it then finds nothing due, and arms again where
    // there is something to wait for. That is cheaper than moving it for every lease that ends.
    this.#queue.remove(alarm);
  }

  /** No alarm rings any more. */
  close(): void {
    this.#disarm();
    this.#isClosed = true;
  }

  #arm(dueMs: number): void {
    if (this.#isClosed) return;
    this.#cancel?.();
    this.#armedMs = dueMs;
    this.#cancel = this.#clock.background(Math.max(0, dueMs - this.#clock.nowMs()), () => this.#ring());
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedMs = Number.POSITIVE_INFINITY;
  }

  #ring(): void {
    this.#armedMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.nowMs();
    for (let first = this.#queue.first; first !== undefined && first.dueMs <= nowMs; first = this.#queue.first) {
      this.#queue.remove(first);
      first.ring();
    }
    const next = this.#queue.first;
    if (next !== undefined && next.dueMs < this.#armedMs) this.#arm(next.dueMs);
  }
}
