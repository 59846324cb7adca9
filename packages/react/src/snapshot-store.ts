/** An immutable value that changes as a whole; what `useSyncExternalStore` wants. */
export class SnapshotStore<Snapshot> {
  #snapshot: Snapshot;
  readonly #listeners = new Set<() => void>();

  constructor(first: Snapshot) {
    this.#snapshot = first;
  }

  /** The value as it is now; the same object until something has changed. */
  readonly get = (): Snapshot => this.#snapshot;

  /** @returns stops listening */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Goes on from the current value; the same object back means that nothing happened. */
  change(next: (snapshot: Snapshot) => Snapshot): void {
    const before = this.#snapshot;
    this.#snapshot = next(before);
    if (this.#snapshot === before) return;
    for (const listener of [...this.#listeners]) listener();
  }
}
