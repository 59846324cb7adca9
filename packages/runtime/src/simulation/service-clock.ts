import type { Clock } from '@devmentor/locks';
import type { VirtualTime } from './time.ts';

/** The clock of the services, which stand together in one place: the world's time, and jumps of it. */
export class ServiceClock implements Clock {
  readonly #time: VirtualTime;
  readonly #originMs: number;
  #jumpedMs = 0;
  /** While what was written is written again: when it was. */
  #pastMs: number | undefined;

  constructor(time: VirtualTime, originMs: number) {
    this.#time = time;
    this.#originMs = originMs;
  }

  nowMs(): number {
    return this.#pastMs ?? this.#time.nowMs + this.#jumpedMs;
  }

  wallMs(): number {
    return this.#originMs + this.nowMs();
  }

  after(delayMs: number, wake: () => void): () => void {
    return this.#time.at(this.#time.nowMs + delayMs, wake);
  }

  background(delayMs: number, wake: () => void): () => void {
    return this.after(delayMs, wake);
  }

  soon(wake: () => void): void {
    if (this.#pastMs === undefined) this.#time.soon(wake);
  }

  jump(byMs: number): void {
    this.#jumpedMs += byMs;
  }

  /** Shows a past moment until `work` has settled, and wakes nobody. Nothing else is to happen meanwhile. */
  async inPast<T>(atMs: number, work: () => Promise<T>): Promise<T> {
    this.#pastMs = atMs;
    try {
      return await work();
    } finally {
      this.#pastMs = undefined;
    }
  }
}
