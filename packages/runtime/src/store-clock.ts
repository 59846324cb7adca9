// The store's wall clock as one node knows it, since durable times are the store's. It is set
// when a shard is taken and runs on with the monotonic clock; it may lag by a round trip, and is
// never ahead, so that nothing fires early.
import type { Clock } from '@devmentor/locks';

export class StoreClock {
  readonly #clock: Clock;
  #offsetMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The store said this just now. */
  heard(storeMs: number): void {
    this.#offsetMs = storeMs - this.#clock.nowMs();
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.#offset();
  }

  /** When the local clock will show what the store's then shows. */
  toClock(storeMs: number): number {
    return storeMs - this.#offset();
  }

  #offset(): number {
    return this.#offsetMs ?? this.#clock.wallMs() - this.#clock.nowMs();
  }
}
