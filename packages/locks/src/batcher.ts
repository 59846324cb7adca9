import type { Clock } from './clock.ts';

export interface BatcherOptions<T, R> {
  readonly clock: Pick<Clock, 'soon'>;
  /** Most items of one flush. */
  readonly maxItems: number;
  readonly maxInFlight: number;
  /** Sends the items; answers one result per item, in order. A rejection is every item's. */
  readonly flush: (items: readonly T[]) => Promise<readonly R[]>;
}

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (fault: unknown) => void;
}

/**
 * Group commit: what is submitted in one tick goes out as one flush.
 *
 * While nothing is in flight, a flush leaves as soon as the submitting code pauses; under load
 * it leaves after the tick, at most `maxInFlight` at a time, in order of submission.
 */
export class Batcher<T, R> {
  readonly #options: BatcherOptions<T, R>;
  #waiting: Waiting<T, R>[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(options: BatcherOptions<T, R>) {
    this.#options = options;
  }

  submit(item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#scheduled && this.#inFlight < this.#options.maxInFlight) this.#schedule();
    });
  }

  #schedule(): void {
    this.#scheduled = true;
    const send = (): void => {
      this.#scheduled = false;
      this.#send();
    };
    if (this.#inFlight === 0) queueMicrotask(send);
    else this.#options.clock.soon(send);
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#inFlight < this.#options.maxInFlight) {
      const all = this.#waiting;
      const batch = all.length <= this.#options.maxItems ? all : all.slice(0, this.#options.maxItems);
      this.#waiting = all.length <= this.#options.maxItems ? [] : all.slice(this.#options.maxItems);
      void this.#flush(batch);
    }
  }

  async #flush(batch: readonly Waiting<T, R>[]): Promise<void> {
    this.#inFlight += 1;
    try {
      const results = await this.#options.flush(batch.map((waiting) => waiting.item));
      for (const [index, waiting] of batch.entries()) waiting.resolve(results[index] as R);
    } catch (fault) {
      for (const waiting of batch) waiting.reject(fault);
    } finally {
      this.#inFlight -= 1;
      // Those just answered submit again within this tick: wait for them, to send one batch.
      if (this.#waiting.length > 0 && !this.#scheduled) {
        this.#scheduled = true;
        this.#options.clock.soon(() => {
          this.#scheduled = false;
          this.#send();
        });
      }
    }
  }
}
