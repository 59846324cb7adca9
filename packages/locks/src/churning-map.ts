const SELDOM = 256;

/**
 * A map of what comes and goes by the thousand, for the garbage collector's sake.
 *
 * V8 makes a new table for a Map whenever so many entries were deleted, and links the old one to
 * it. One of them that has grown old keeps every later one, with all that was in them, from being
 * collected with the young. So now and then the entries move to another Map, which nothing old
 * points to.
 */
export class ChurningMap<K, V> {
  #entries = new Map<K, V>();
  #deleted = 0;

  get size(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.set(key, value);
  }

  delete(key: K): void {
    if (!this.#entries.delete(key)) return;
    this.#deleted += 1;
    if (this.#deleted < SELDOM || this.#deleted < this.#entries.size) return;
    this.#deleted = 0;
    const entries = new Map<K, V>();
    this.#entries.forEach((value, kept) => void entries.set(kept, value));
    this.#entries = entries;
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }
}
