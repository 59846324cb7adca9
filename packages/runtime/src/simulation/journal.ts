// Journal
//
// A store of the product behind a record of what was written to it, so that a failover can lose
// the last of it: a fresh store is written to as the old one was, at the same times, but for the end.
import { assert } from '@devmentor/locks';
import type { ServiceClock } from './service-clock.ts';

interface Written<Store> {
  readonly atMs: number;
  readonly redo: (store: Store) => Promise<unknown>;
  /** It told somebody of a change. What only noticed what time had done is done again all the same. */
  readonly counts: boolean;
}

export class Journal<Store> {
  readonly #clock: ServiceClock;
  readonly #make: () => Store;
  #written: Written<Store>[] = [];
  #store: Store;

  constructor(clock: ServiceClock, make: () => Store) {
    this.#clock = clock;
    this.#make = make;
    this.#store = make();
  }

  get store(): Store {
    return this.#store;
  }

  /** @param changed whether that answer tells of a change: only those count as writes that can be lost */
  async write<T>(work: (store: Store) => Promise<T>, changed: (answer: T) => boolean): Promise<T> {
    const atMs = this.#clock.nowMs();
    const answer = await work(this.#store);
    this.#written.push({ atMs, redo: work, counts: changed(answer) });
    return answer;
  }

  /** The last `losing` writes are gone, and so many were there to lose. Time is to stand still until all is `restored`. */
  failover(losing: number): { readonly lost: number; readonly restored: Promise<void> } {
    assert(losing >= 0, 'a failover loses some writes, or none');
    let end = this.#written.length;
    let lost = 0;
    while (lost < losing && end > 0) if (this.#written[--end]?.counts === true) lost += 1;
    const kept = this.#written.slice(0, end);
    this.#written = kept;
    const store = this.#make();
    this.#store = store;
    return { lost, restored: this.#restore(store, kept) };
  }

  async #restore(store: Store, kept: readonly Written<Store>[]): Promise<void> {
    // Their answers are known already.
    for (const { atMs, redo } of kept) await this.#clock.inPast(atMs, () => redo(store).catch(() => {}));
  }
}
