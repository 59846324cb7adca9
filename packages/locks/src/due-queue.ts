/** Something with a time: its place in the heap is its own, so that it can be taken out. */
export interface Due {
  dueMs: number;
  /** Index in the heap; -1 when not in it. */
  place: number;
}

/** A heap of things by their due time: add, move and remove in logarithmic time. */
export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];

  get first(): T | undefined {
    return this.#heap[0];
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Puts it in, or moves it to its new time. */
  set(item: T, dueMs: number): void {
    item.dueMs = dueMs;
    if (item.place < 0) {
      item.place = this.#heap.length;
      this.#heap.push(item);
    }
    this.#down(item, this.#up(item));
  }

  remove(item: T): void {
    const place = item.place;
    if (place < 0) return;
    item.place = -1;
    const last = this.#heap.pop() as T;
    if (last === item) return;
    last.place = place;
    this.#heap[place] = last;
    this.#down(last, this.#up(last));
  }

  #up(item: T): number {
    let at = item.place;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#heap[parentAt] as T;
      if (parent.dueMs <= item.dueMs) break;
      this.#place(parent, at);
      at = parentAt;
    }
    this.#place(item, at);
    return at;
  }

  #down(item: T, from: number): void {
    let at = from;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= this.#heap.length) break;
      const right = this.#heap[childAt + 1];
      if (right !== undefined && right.dueMs < (this.#heap[childAt] as T).dueMs) childAt += 1;
      const child = this.#heap[childAt] as T;
      if (child.dueMs >= item.dueMs) break;
      this.#place(child, at);
      at = childAt;
    }
    this.#place(item, at);
  }

  #place(item: T, at: number): void {
    this.#heap[at] = item;
    item.place = at;
  }
}
