import type { Clock } from './clock.ts';
import { allowanceMs } from './renewal.ts';

/**
 * Whether the machine slept: then wall time ran on while monotonic time stood still. An answer to
 * what was sent before a sleep says nothing of how long ago that was.
 */
export class Sleeps {
  readonly #clock: Clock;
  #lookedMs: number;
  /** Wall minus monotonic time. */
  #leadMs: number;
  #wokeMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedMs = clock.nowMs();
    this.#leadMs = clock.wallMs() - this.#lookedMs;
  }

  /** To be called every so often: what shows is dated with the moment of looking. */
  look(): void {
    const nowMs = this.#clock.nowMs();
    const leadMs = this.#clock.wallMs() - nowMs;
    if (leadMs - this.#leadMs > allowanceMs(nowMs - this.#lookedMs)) this.#wokeMs = nowMs;
    this.#lookedMs = nowMs;
    this.#leadMs = leadMs;
  }

  /** True also where the sleep may have been shortly before. */
  since(sentMs: number): boolean {
    this.look();
    return this.#wokeMs >= sentMs;
  }
}
