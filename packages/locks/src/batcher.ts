import type { Clock } from './clock.ts';

export interface BatcherOptions<T, R> {
  readonly clock: Pick<Clock, 'soon'>;
  /** Most items of one flush. */
  readonly maxItems: number;
  readonly maxInFlight: number;
  /** Sends the items; answers one result per item, in order: an `Error` is that item's rejection. A rejection is every item's. */
  readonly flush: (items: readonly T[]) => Promise<readonly (R | Error)[]>;
}

/** Two flushes of fewer items cost more than is gained by two that work at a time. */
const WORTH_SHARING = 32;

/** Settles the promise of one item. */
type Settle<R> = (result: R | Promise<never>) => void;

/**
 * Group commit: what is submitted in one tick goes out as one flush, or, where it is much, as few.
 *
 * While nothing is in flight, a flush leaves as soon as the submitting code pauses; under load
 * it leaves after the tick, at most `maxInFlight` at a time, in order of submission.
 */
export class Batcher<T, R> {
  readonly #options: BatcherOptions<T, R>;
  #items: T[] = [];
  #waiting: Settle<R>[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(options: BatcherOptions<T, R>) {
    this.#options = options;
  }

  submit(item: T): Promise<R> {
    return new Promise<R>((settle) => {
      this.#items.push(item);
      this.#waiting.push(settle);
      if (!this.#scheduled && this.#inFlight < this.#options.maxInFlight) this.#schedule(this.#inFlight === 0);
    });
  }

  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.#send();
  };

  #schedule(isAtOnce: boolean): void {
    this.#scheduled = true;
    if (isAtOnce) queueMicrotask(this.#onTurn);
    else this.#options.clock.soon(this.#onTurn);
  }

  #send(): void {
    const { maxInFlight } = this.#options;
    while (this.#waiting.length > 0 && this.#inFlight < maxInFlight) {
      const [items, waiting] = [this.#items, this.#waiting];
      const size = this.#sizeOf(items.length);
      if (size === items.length) {
        this.#items = [];
        this.#waiting = [];
        this.#flush(items, waiting);
      } else {
        this.#items = items.slice(size);
        this.#waiting = waiting.slice(size);
        this.#flush(items.slice(0, size), waiting.slice(0, size));
      }
    }
  }

  /**
   * How many of so many go out next. Where nothing is in flight, many are shared out over all
   * flushes that may be: then one side works on the answers while the other works on the rest.
   */
  #sizeOf(items: number): number {
    const { maxItems, maxInFlight } = this.#options;
    const share = this.#inFlight === 0 && items > WORTH_SHARING ? Math.ceil(items / maxInFlight) : items;
    return Math.min(share, maxItems);
  }

  #flush(items: readonly T[], waiting: readonly Settle<R>[]): void {
    this.#inFlight += 1;
    this.#options.flush(items).then(
      (results) => {
        for (let index = 0; index < waiting.length; index += 1) {
          const result = results[index] as R | Error;
          (waiting[index] as Settle<R>)(result instanceof Error ? Promise.reject(result) : result);
        }
        this.#landed();
      },
      (fault: unknown) => {
        for (const settle of waiting) settle(Promise.reject(fault));
        this.#landed();
      },
    );
  }

  #landed(): void {
    this.#inFlight -= 1;
    // Those just answered submit again within this tick: wait for them, to send one batch.
    if (this.#waiting.length > 0 && !this.#scheduled) this.#schedule(false);
  }
}
