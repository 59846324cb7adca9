// Journal
//
// A memory store of the product behind a record of what was written to it, so that a failover can lose
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

  /** The last `losing` writes are gone; answers how many were there to lose. */
  failover(losing: number): number {
    assert(losing >= 0, 'a failover loses some writes, or none');
    let end = this.#written.length;
    let lost = 0;
    while (lost < losing && end > 0) if (this.#written[--end]?.counts === true) lost += 1;
    const kept = this.#written.slice(0, end);
    this.#written = kept;
    const store = this.#make();
    // The adapters take effect within the call; their answers are known already.
    for (const { atMs, redo } of kept) this.#clock.inPast(atMs, () => void redo(store).catch(() => {}));
    this.#store = store;
    return lost;
  }
}
