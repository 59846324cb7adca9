// The search for an order, of one key.
//
// Depth first over configurations, that is the set of operations placed so far and the state after
// them (Wing & Gong, "Testing and verifying concurrent objects", JPDC 1993), each looked at once
// (Lowe, "Testing for linearizability", CCPE 2017). Next may come whatever began before the first
// end among those not placed.
//
//   S1  A configuration that differs from one looked at before only in having used up more of the
//       unknown operations is skipped: whatever can follow it can follow the other.
//   S2  An observer that is legal is placed at once: it takes nothing from what follows.
//   S3  Operations with known answers are tried before unknown ones, those that end first before others.
//   S4  What one process asked stays in its order, also where clocks were not sure of it.
//   S5  A state that later answers rule out is not entered, where the model can tell (`possible`).
//
// The set of placed operations is written as the index of the first one missing and those beyond it,
// which is short however long the history; nothing recurses.

import type { Operation } from './history.ts';
import type { SequentialModel } from './sequential-model.ts';

export type Found<In, Out> =
  | { readonly kind: 'order'; readonly order: readonly Operation<In, Out>[]; readonly explored: number }
  /** `given-up`: there may be one yet; what else is told is then as far as it came. */
  | {
      readonly kind: 'none' | 'given-up';
      /** The longest legal order. */
      readonly prefix: readonly Operation<In, Out>[];
      /** What had to come next. */
      readonly stuck: readonly Operation<In, Out>[];
      readonly believed: string;
      readonly explored: number;
    };

interface Frame<State> {
  readonly state: State;
  /** What was placed to come here; -1 at the root. */
  readonly by: number;
  /** First known operation that is not placed. */
  readonly base: number;
  readonly placed: number;
  /** Unknown operations that were placed, a bit each. */
  readonly used: bigint;
  readonly candidates: number[];
  candidate: number;
  states: readonly State[];
  next: number;
}

export interface SearchIn<In, Out> {
  readonly key: string;
  readonly operations: readonly Operation<In, Out>[];
  readonly budget: number;
  /** An operation whose rank and answer are not to be believed: it is tried wherever it may stand in time. */
  readonly unranked?: Operation<In, Out>;
}

/** Looks for an order that explains every answer. */
export function searchOrder<State, In, Out>(
  model: SequentialModel<State, In, Out>,
  within: SearchIn<In, Out>,
): Found<In, Out> {
  return new Search(model, within).run(model.initial(within.key));
}

class Search<State, In, Out> {
  readonly #model: SequentialModel<State, In, Out>;
  readonly #budget: number;
  /** Known ones in the order they began, then unknown ones likewise. */
  readonly #operations: readonly Operation<In, Out>[];
  readonly #known: number;
  readonly #invoked: Float64Array;
  readonly #returned: Float64Array;
  readonly #observes: Uint8Array;
  readonly #prior: readonly (readonly number[])[];
  readonly #placed: Uint8Array;
  readonly #isPossible: (state: State) => boolean;
  readonly #seen = new Map<string, bigint[]>();
  readonly #stack: Frame<State>[] = [];
  #explored = 0;
  #best: { count: number; path: readonly number[]; stuck: readonly number[]; state: State } | undefined;

  constructor(model: SequentialModel<State, In, Out>, { operations, budget, unranked }: SearchIn<In, Out>) {
    this.#model = model;
    this.#budget = budget;
    const begun = [...operations].sort((a, b) => a.order.invoked - b.order.invoked);
    const known = begun.filter(({ outcome }) => outcome.kind === 'ok');
    const observes = (operation: Operation<In, Out>): boolean => model.observes?.(operation) === true;
    const unknown = begun.filter((operation) => operation.outcome.kind === 'unknown' && !observes(operation));
    this.#operations = [...known, ...unknown];
    this.#known = known.length;
    this.#invoked = Float64Array.from(this.#operations, ({ order }) => order.invoked);
    this.#returned = Float64Array.from(known, ({ order }) => order.returned ?? Number.POSITIVE_INFINITY);
    this.#observes = Uint8Array.from(known, (operation) => (observes(operation) ? 1 : 0));
    this.#prior = priors(model, known, unranked);
    this.#placed = new Uint8Array(known.length);
    const believed = unranked === undefined ? operations : operations.filter(({ id }) => id !== unranked.id);
    this.#isPossible = model.possible?.(believed) ?? (() => true);
  }

  run(initial: State): Found<In, Out> {
    const stack = this.#stack;
    this.#enter(initial, -1, 0, 0, 0n);
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      if (frame.placed === this.#known) return { kind: 'order', order: this.#path(), explored: this.#explored };
      if (frame.next < frame.states.length) {
        if (this.#explored >= this.#budget) return this.#farthest('given-up', initial);
        const state = frame.states[frame.next++] as State;
        this.#place(frame, frame.candidates[frame.candidate - 1] as number, state);
      } else if (frame.candidate < frame.candidates.length) {
        frame.states = this.#step(frame, frame.candidates[frame.candidate++] as number);
        frame.next = 0;
      } else {
        this.#leave(frame);
      }
    }
    return this.#farthest('none', initial);
  }

  #step(frame: Frame<State>, index: number): readonly State[] {
    const operation = this.#operations[index] as Operation<In, Out>;
    const states = this.#model.step(frame.state, operation).filter(this.#isPossible);
    // A legal observer makes every other choice needless (S2).
    if (states.length > 0 && this.#observes[index] === 1) frame.candidates.length = frame.candidate;
    return states;
  }

  #place(frame: Frame<State>, index: number, state: State): void {
    if (index >= this.#known) {
      this.#enter(state, index, frame.base, frame.placed, frame.used | (1n << BigInt(index - this.#known)));
      return;
    }
    this.#placed[index] = 1;
    let base = frame.base;
    while (this.#placed[base] === 1) base++;
    if (!this.#enter(state, index, base, frame.placed + 1, frame.used)) this.#placed[index] = 0;
  }

  #enter(state: State, by: number, base: number, placed: number, used: bigint): boolean {
    const name = this.#name(state, base, placed);
    const seen = this.#seen.get(name);
    if (seen === undefined) this.#seen.set(name, [used]);
    else if (seen.some((less) => (less & used) === less)) return false;
    else seen.push(used);
    this.#explored++;
    const candidates = this.#candidates(base, used);
    this.#stack.push({ state, by, base, placed, used, candidates, candidate: 0, states: [], next: 0 });
    return true;
  }

  #leave(frame: Frame<State>): void {
    const {
      count,
      path: { length },
    } = this.#best ?? { count: -1, path: [] };
    // Of two that go as far, the one that needs less of the unknown.
    if (frame.placed > count || (frame.placed === count && this.#stack.length - 1 < length)) {
      const stuck = frame.candidates.filter((index) => index < this.#known);
      const path = this.#stack.slice(1).map(({ by }) => by);
      this.#best = { count: frame.placed, path, stuck, state: frame.state };
    }
    this.#stack.pop();
    if (frame.by >= 0 && frame.by < this.#known) this.#placed[frame.by] = 0;
  }

  /** The configuration but for what it used of the unknown: known operations placed, and the state. */
  #name(state: State, base: number, placed: number): string {
    let name = `${base}`;
    for (let index = base + 1, beyond = placed - base; beyond > 0; index++) {
      if (this.#placed[index] !== 1) continue;
      name += `,${index - base}`;
      beyond--;
    }
    return `${name} ${this.#model.fingerprint(state)}`;
  }

  #candidates(base: number, used: bigint): number[] {
    let end = Number.POSITIVE_INFINITY;
    const candidates: number[] = [];
    for (let index = base; index < this.#known && (this.#invoked[index] as number) < end; index++) {
      if (this.#placed[index] === 1) continue;
      end = Math.min(end, this.#returned[index] as number);
      if (this.#prior[index]?.every((before) => this.#placed[before] === 1)) candidates.push(index);
    }
    candidates.sort(
      (a, b) =>
        (this.#observes[b] as number) - (this.#observes[a] as number) ||
        (this.#returned[a] as number) - (this.#returned[b] as number),
    );
    for (let index = this.#known; index < this.#operations.length && (this.#invoked[index] as number) < end; index++)
      if (((used >> BigInt(index - this.#known)) & 1n) === 0n) candidates.push(index);
    return candidates;
  }

  #path(): Operation<In, Out>[] {
    return this.#stack.slice(1).map(({ by }) => this.#operations[by] as Operation<In, Out>);
  }

  #farthest(kind: 'none' | 'given-up', initial: State): Found<In, Out> {
    const { path, stuck, state } = this.#best ?? { path: [], stuck: [], state: initial };
    const named = (index: number): Operation<In, Out> => this.#operations[index] as Operation<In, Out>;
    return {
      kind,
      prefix: path.map(named),
      stuck: stuck.map(named),
      believed: this.#model.believes?.(state) ?? this.#model.fingerprint(state),
      explored: this.#explored,
    };
  }
}

/** What has to be placed before each known operation: its process's one before, and those of the rank before. */
function priors<State, In, Out>(
  model: SequentialModel<State, In, Out>,
  known: readonly Operation<In, Out>[],
  unranked: Operation<In, Out> | undefined,
): readonly (readonly number[])[] {
  const prior: number[][] = known.map(() => []);
  const latest = new Map<string, number>();
  for (const [index, operation] of known.entries()) {
    const before = latest.get(operation.process);
    latest.set(operation.process, index);
    if (before === undefined) continue;
    const returnedMs = known[before]?.returnedMs;
    if (returnedMs !== undefined && returnedMs < operation.invokedMs) prior[index]?.push(before);
  }
  if (model.rank === undefined) return prior;
  const ranks = new Map<string, number[]>();
  for (const [index, operation] of known.entries()) {
    const rank = operation.id === unranked?.id ? undefined : model.rank(operation);
    if (rank === undefined) continue;
    const same = ranks.get(rank);
    if (same === undefined) ranks.set(rank, [index]);
    else same.push(index);
  }
  let below: readonly number[] = [];
  for (const rank of [...ranks.keys()].sort()) {
    const same = ranks.get(rank) ?? [];
    for (const index of same) prior[index]?.push(...below);
    below = same;
  }
  return prior;
}
