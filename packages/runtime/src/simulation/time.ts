// Virtual time
//
// The one time of a world. What is to happen waits in a heap; time moves only to the next thing in it,
// and only after everything that the last one set off has run to its end.
//
//   - What is due at one moment happens in the order of ties that a seed draws, then in the order it was asked for.
//   - Between two happenings the queue of microtasks runs empty: a tick that was asked for by a microtask
//     is served only then. It is complete, unlike a number of turns, and costs less than a macrotask.
import { nextTick } from 'node:process';
import { assert, systemClock } from '@devmentor/locks';

/** Something that waits for its time. Without `run` it was cancelled. */
interface Happening {
  readonly dueMs: number;
  readonly tie: number;
  readonly order: number;
  /** Of a delivery. */
  readonly lane: DeliveryLane | undefined;
  run: (() => void) | undefined;
}

/** What comes over one lane to one place comes in its order. */
export interface DeliveryLane {
  readonly to: string;
}

/**
 * Decides which of the deliveries that could be next is, instead of the seed: those to one place that are due within
 * `windowMs` of the first. Deliveries to different places do not see each other's order. The window is shorter than
 * any way over a line, so nothing that one of them sets off could come into it.
 */
export interface Chooser {
  readonly windowMs: number;
  /** Of `width` that are ready, at least two. */
  choose(width: number): number;
}

/** After so many happenings the host gets a turn: its timers and messages are not to starve. */
const HOST_TURN = 4_096;
/** Last of its moment. */
const LAST = Number.POSITIVE_INFINITY;

export class VirtualTime {
  #nowMs = 0;
  #zeroMs = 0;
  #order = 0;
  readonly #heap: Happening[] = [];
  #soon: (() => void)[] = [];
  #soonAt = 0;
  readonly #tie: () => number;
  readonly #chooser: Chooser | undefined;
  /** How many wait for time to pass; it stands still when nobody does. */
  #waiters = 0;
  /** How much of the outside world is still to answer; time waits for it. */
  #outside = 0;
  #running = false;
  #turns = 0;
  #fail: ((bug: unknown) => void)[] = [];

  /** @param tie in [0, 1): decides between deliveries of one moment */
  constructor(tie: () => number, chooser?: Chooser) {
    this.#tie = tie;
    this.#chooser = chooser;
  }

  /** Milliseconds since the scenario began; what is told to people. */
  get worldMs(): number {
    return this.#nowMs - this.#zeroMs;
  }

  /** The scenario begins. */
  begin(): void {
    this.#zeroMs = this.#nowMs;
  }

  /** Milliseconds since the world was made; what things are due by. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Things that have happened. */
  get turns(): number {
    return this.#turns;
  }

  /** A timer: of one moment, timers come first and in the order they were set. */
  at(dueMs: number, run: () => void): () => void {
    return this.#push(dueMs, 0, run);
  }

  /** A delivery: of one moment, in any order, but those of one lane. */
  deliver(dueMs: number, lane: DeliveryLane, run: () => void): void {
    this.#push(dueMs, this.#tie(), run, lane);
  }

  /** Before time moves. */
  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Lets time pass. Several may wait at once; each goes on at its own moment. */
  advance(byMs: number): Promise<void> {
    assert(byMs >= 0, 'time does not run backwards');
    return this.#wait((resolve) => void this.#push(this.#nowMs + byMs, LAST, resolve));
  }

  /** Lets time pass until the promise has settled; rejects after `atMostMs`. */
  async run<T>(promise: Promise<T>, atMostMs: number): Promise<T> {
    const watched = promise.catch(() => {});
    let cancel = (): void => {};
    let late = false;
    await this.#wait((resolve) => {
      cancel = this.#push(this.#nowMs + atMostMs, LAST, () => {
        late = true;
        resolve();
      });
      void watched.then(resolve);
    });
    cancel();
    if (late) throw new Error(`it did not settle within ${atMostMs} ms of the world's time`);
    return await promise;
  }

  /** Time stands still until something outside the world, as a real server, has answered. */
  outside<T>(promise: Promise<T>): Promise<T> {
    this.#outside += 1;
    return promise.finally(() => {
      this.#outside -= 1;
      this.#go();
    });
  }

  /** Nothing happens any more. */
  end(): void {
    this.#heap.length = 0;
    this.#soon = [];
    this.#soonAt = 0;
  }

  async #wait(arm: (resolve: () => void) => void): Promise<void> {
    this.#waiters += 1;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#fail.push(reject);
        arm(() => {
          this.#fail = this.#fail.filter((other) => other !== reject);
          resolve();
        });
        this.#go();
      });
    } finally {
      this.#waiters -= 1;
    }
  }

  #go(): void {
    if (this.#running || this.#waiters === 0) return;
    this.#running = true;
    queueMicrotask(this.#afterMicrotasks);
  }

  readonly #turn = (): void => {
    if (this.#waiters === 0 || this.#outside > 0) {
      this.#running = false;
      return;
    }
    const run = this.#next();
    if (run === undefined) {
      this.#running = false;
      this.#bug(new Error('somebody waits, and nothing is left that could happen'));
      return;
    }
    this.#turns += 1;
    try {
      run();
    } catch (bug) {
      this.#bug(bug);
    }
    if (this.#turns % HOST_TURN === 0) systemClock.soon(this.#turn);
    else queueMicrotask(this.#afterMicrotasks);
  };

  readonly #afterMicrotasks = (): void => nextTick(this.#turn);

  #bug(bug: unknown): void {
    for (const reject of this.#fail.splice(0)) reject(bug);
  }

  #next(): (() => void) | undefined {
    const soon = this.#soon[this.#soonAt];
    if (soon !== undefined) {
      this.#soonAt += 1;
      if (this.#soonAt === this.#soon.length) {
        this.#soon = [];
        this.#soonAt = 0;
      }
      return soon;
    }
    for (;;) {
      const first = this.#pop();
      if (first === undefined) return undefined;
      if (first.run === undefined) continue;
      const next = this.#chooser === undefined || first.lane === undefined ? first : this.#chosen(first, this.#chooser);
      const { run } = next;
      next.run = undefined;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      return run;
    }
  }

  /** One of those that could come first; the others stay. */
  #chosen(first: Happening, { windowMs, choose }: Chooser): Happening {
    const heads = new Map<DeliveryLane | undefined, Happening>([[first.lane, first]]);
    for (const other of this.#heap) {
      if (other.run === undefined || other.lane?.to !== first.lane?.to) continue;
      if (other.dueMs >= first.dueMs + windowMs) continue;
      const head = heads.get(other.lane);
      if (head === undefined || before(other, head)) heads.set(other.lane, other);
    }
    if (heads.size === 1) return first;
    const ready = [...heads.values()].sort((a, b) => a.order - b.order);
    const chosen = ready[choose(ready.length)] ?? first;
    if (chosen !== first) this.#insert(first);
    return chosen;
  }

  #push(dueMs: number, tie: number, run: () => void, lane?: DeliveryLane): () => void {
    const happening: Happening = { dueMs: Math.max(dueMs, this.#nowMs), tie, order: this.#order++, lane, run };
    this.#insert(happening);
    return () => {
      happening.run = undefined;
    };
  }

  #insert(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Happening;
      if (!before(happening, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = happening;
  }

  #pop(): Happening | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && before(heap[below + 1] as Happening, heap[below] as Happening)) below += 1;
      const child = heap[below] as Happening;
      if (!before(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function before(a: Happening, b: Happening): boolean {
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  if (a.tie !== b.tie) return a.tie < b.tie;
  return a.order < b.order;
}
