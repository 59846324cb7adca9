// Linearizability
//
// A history is linearizable when every operation can be given one moment between its beginning and
// its end at which it took effect, so that the object, asked at those moments one by one, would have
// answered as it did (Herlihy & Wing, "Linearizability: a correctness condition for concurrent
// objects", TOPLAS 1990).
//
//   L1  Objects are judged one by one: a history is linearizable iff it is for each key
//       (locality, ibid.; P-compositionality: Horn & Kroening, "Faster linearizability checking via
//       P-compositionality", FORTE 2015).
//   L2  Linearizability is closed under prefixes, so a violation has a first moment. It is the answer
//       that no order explains, and nothing after it is needed to tell why.
//   L3  What is not decided within the budget is neither right nor wrong, and said so.

import type { Operation } from './history.ts';
import { type Found, searchOrder } from './linearizable.search.ts';
import type { SequentialModel } from './sequential-model.ts';

/** How many configurations are looked at for one key unless told otherwise. */
export const SEARCH_BUDGET = 200_000;

/** An order was found: the history is right. */
export interface OrderFound<In, Out> {
  readonly kind: 'linearizable';
  /** An order that explains every answer, key by key. What is unknown is in it only where it is needed. */
  readonly order: readonly Operation<In, Out>[];
  /** Configurations looked at. */
  readonly explored: number;
}

/** There is no order: the history is wrong, and this is where it first is. */
export interface NoOrder<In, Out> {
  readonly kind: 'violation';
  readonly key: string;
  /** The operation whose answer is the first that no order explains. */
  readonly culprit: Operation<In, Out>;
  /** The longest legal order found of what was asked up to that answer. */
  readonly prefix: readonly Operation<In, Out>[];
  /** What had to come next, and could not. */
  readonly stuck: readonly Operation<In, Out>[];
  /** What the model believed after the prefix. */
  readonly believed: string;
  /** What was asked of the key up to that answer; what was not answered by then is unknown. */
  readonly until: readonly Operation<In, Out>[];
  readonly explored: number;
}

/** The budget was used up before either was known. */
export interface Undecided {
  readonly kind: 'undecided';
  readonly key: string;
  readonly explored: number;
}

/** What a search for an order came to. */
export type Verdict<In = unknown, Out = unknown> = OrderFound<In, Out> | NoOrder<In, Out> | Undecided;

/** How long an order is looked for. */
export interface SearchOptions {
  /** Configurations looked at for one key before it is given up as undecided. Default 200,000. */
  readonly budget?: number;
}

/** The operations of each key, in the order of the keys' first. */
export function byKey<In, Out>(operations: readonly Operation<In, Out>[]): Map<string, Operation<In, Out>[]> {
  const keys = new Map<string, Operation<In, Out>[]>();
  for (const operation of operations) {
    const known = keys.get(operation.key);
    if (known === undefined) keys.set(operation.key, [operation]);
    else known.push(operation);
  }
  return keys;
}

/**
 * Whether the operations can be put in an order that explains every answer.
 *
 * An operation whose outcome is unknown may have taken effect at any moment after it was invoked,
 * or never; a failed one never did. A violation of any key is told before an undecided one.
 */
export function linearizable<State, In, Out>(
  model: SequentialModel<State, In, Out>,
  operations: readonly Operation<In, Out>[],
  options: SearchOptions = {},
): Verdict<In, Out> {
  const order: Operation<In, Out>[] = [];
  let explored = 0;
  let undecided: Undecided | undefined;
  for (const [key, ofKey] of byKey(operations)) {
    const verdict = linearizableKey(model, key, ofKey, options.budget ?? SEARCH_BUDGET);
    if (verdict.kind === 'violation') return verdict;
    if (verdict.kind === 'undecided') undecided ??= verdict;
    else for (const operation of verdict.order) order.push(operation);
    explored += verdict.explored;
  }
  return undecided ?? { kind: 'linearizable', order, explored };
}

/** The same of the operations of one key. */
export function linearizableKey<State, In, Out>(
  model: SequentialModel<State, In, Out>,
  key: string,
  operations: readonly Operation<In, Out>[],
  budget: number,
): Verdict<In, Out> {
  const found = searchOrder(model, { key, operations, budget });
  if (found.kind === 'order') return { kind: 'linearizable', order: found.order, explored: found.explored };
  if (found.kind === 'given-up') return { kind: 'undecided', key, explored: found.explored };
  return firstViolation(model, key, operations, budget, found);
}

/** The shortest beginning of a history without an order that has none either. */
function firstViolation<State, In, Out>(
  model: SequentialModel<State, In, Out>,
  key: string,
  operations: readonly Operation<In, Out>[],
  budget: number,
  whole: Exclude<Found<In, Out>, { kind: 'order' }>,
): NoOrder<In, Out> {
  const answered = operations
    .filter(({ outcome }) => outcome.kind === 'ok')
    .sort((a, b) => (a.order.returned ?? 0) - (b.order.returned ?? 0));
  let found = whole;
  let until = operations;
  let low = 0;
  let high = answered.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const beginning = upTo(operations, answered[middle]?.order.returned ?? 0);
    const shorter = searchOrder(model, { key, operations: beginning, budget });
    if (shorter.kind === 'none') {
      found = shorter;
      until = beginning;
      high = middle;
    } else {
      // One that could not be decided is taken for right: the story gets longer, never false.
      low = middle + 1;
    }
  }
  const culprit = answered[high];
  if (culprit === undefined) throw new RangeError('a history without answers has an order');
  if (until === operations) until = upTo(operations, culprit.order.returned ?? 0);
  // A rank forbids more than a story should: the culprit is tried wherever time allows, to see it refused.
  const enough = Math.min(budget, until.length * 4 + 5_000);
  const tried = searchOrder(model, { key, operations: until, budget: enough, unranked: culprit });
  const { prefix, stuck, believed, explored } = tried.kind === 'order' ? found : tried;
  return { kind: 'violation', key, culprit, prefix, stuck, believed, until, explored };
}

/** What was known just after the event `last`. */
function upTo<In, Out>(operations: readonly Operation<In, Out>[], last: number): Operation<In, Out>[] {
  return operations
    .filter(({ order }) => order.invoked < last)
    .map((operation) =>
      operation.order.returned !== undefined && operation.order.returned <= last
        ? operation
        : {
            ...operation,
            returnedMs: undefined,
            outcome: { kind: 'unknown' },
            order: { invoked: operation.order.invoked, returned: undefined },
          },
    );
}
