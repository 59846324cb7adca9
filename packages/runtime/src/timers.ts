// Timers
//
// One heap per node with one entry per actor: the earliest time at which it has something due.
// The rows themselves are in the actors' records; this only wakes their actors.
//
//   TI1  An actor is woken once for each time it set, at or after it, never before.
//   TI2  Nothing runs while nothing is due: one clock timer, for the earliest entry.
//   TI3  At most `BURST` actors are woken at once, and the next ones after a pause that no two nodes
//        share: what fell due while nobody lived must not load everything in one breath.
import type { Cancel, Clock, Entropy } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';

const BURST = 64;
const PAUSE_MS = 10;

interface Entry {
  readonly id: ActorId;
  readonly dueAtMs: number;
}

export class Timers {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #wake: (id: ActorId) => void;
  /** Binary heap by due time; an entry that is not the actor's current one is skipped when it surfaces. */
  #heap: Entry[] = [];
  readonly #current = new Map<ActorId, Entry>();
  #armed: { readonly atMs: number; readonly cancel: Cancel } | undefined;
  /** After a burst: not before then. */
  #calmUntilMs = 0;

  /** Times are the clock's monotonic milliseconds. */
  constructor(clock: Clock, entropy: Entropy, wake: (id: ActorId) => void) {
    this.#clock = clock;
    this.#entropy = entropy;
    this.#wake = wake;
  }

  /** Sets when the actor is to be woken next; undefined for never. */
  set(id: ActorId, dueAtMs: number | undefined): void {
    const before = this.#current.get(id);
    if (before?.dueAtMs === dueAtMs) return;
    if (dueAtMs === undefined) {
      this.#current.delete(id);
      if (this.#current.size === 0) this.clear();
      return;
    }
    const entry = { id, dueAtMs };
    this.#current.set(id, entry);
    this.#push(entry);
    if (this.#heap.length > 64 && this.#heap.length > 2 * this.#current.size) this.#compact();
    this.#arm();
  }

  get size(): number {
    return this.#current.size;
  }

  clear(): void {
    this.#heap = [];
    this.#current.clear();
    this.#armed?.cancel();
    this.#armed = undefined;
  }

  #arm(): void {
    const first = this.#first();
    if (first === undefined) return;
    const atMs = Math.max(first.dueAtMs, this.#calmUntilMs);
    if (this.#armed?.atMs === atMs) return;
    this.#armed?.cancel();
    this.#armed = { atMs, cancel: this.#clock.after(Math.max(0, atMs - this.#clock.nowMs()), () => this.#ring()) };
  }

  #ring(): void {
    this.#armed = undefined;
    const nowMs = this.#clock.nowMs();
    let woken = 0;
    for (let first = this.#first(); first !== undefined && first.dueAtMs <= nowMs; first = this.#first()) {
      if (woken++ >= BURST) {
        this.#calmUntilMs = nowMs + PAUSE_MS * (0.5 + this.#entropy.random());
        break;
      }
      this.#pop();
      this.#current.delete(first.id);
      this.#wake(first.id);
    }
    this.#arm();
  }

  #first(): Entry | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || this.#current.get(first.id) === first) return first;
      this.#pop();
    }
  }

  #compact(): void {
    const entries = [...this.#current.values()].sort((a, b) => a.dueAtMs - b.dueAtMs);
    this.#heap = entries;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || parent.dueAtMs <= entry.dueAtMs) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = heap[childAt];
      if (child === undefined) break;
      const right = heap[childAt + 1];
      if (right !== undefined && right.dueAtMs < child.dueAtMs) {
        child = right;
        childAt++;
      }
      if (last.dueAtMs <= child.dueAtMs) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}
