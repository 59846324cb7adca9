import type { Operation } from './history.ts';
import { kindOf } from './register-model.ts';
import type { SequentialModel } from './sequential-model.ts';

/** What is asked of a log, or of whatever keeps items in the order they were taken. */
export type LogInput = { readonly kind: 'append'; readonly item: string } | { readonly kind: 'items' };

/** What a log answers. */
export type LogOutput =
  /** `at`: its place, where it was told. */
  { readonly kind: 'appended'; readonly at?: number } | { readonly kind: 'items'; readonly items: readonly string[] };

/** An operation on a log, in a history. */
export type LogOperation = Operation<LogInput, LogOutput>;

const KINDS: ReadonlySet<unknown> = new Set(['append', 'items'] satisfies LogInput['kind'][]);

export function isLogOperation(operation: Operation): operation is LogOperation {
  return KINDS.has(kindOf(operation.input));
}

/** Items in the order they were appended. For short logs: a state is the whole of it. */
export function logModel(): SequentialModel<readonly string[], LogInput, LogOutput> {
  return {
    name: 'log',
    initial: () => [],
    step(state, { input, outcome }) {
      const told = outcome.kind === 'ok' ? outcome.value : undefined;
      if (input.kind === 'items') {
        if (told === undefined) return [state];
        const isSame =
          told.kind === 'items' &&
          told.items.length === state.length &&
          told.items.every((item, index) => item === state[index]);
        return isSame ? [state] : [];
      }
      if (told !== undefined && (told.kind !== 'appended' || (told.at ?? state.length) !== state.length)) return [];
      return [[...state, input.item]];
    },
    fingerprint: (state) => JSON.stringify(state),
    observes: ({ input }) => input.kind === 'items',
    describe: ({ input, outcome }) => {
      const asked = input.kind === 'append' ? `append ${input.item}` : 'items';
      if (outcome.kind !== 'ok') return `${asked} → ${outcome.kind}`;
      const told = outcome.value;
      if (told.kind === 'items') return `${asked} → [${told.items.join(' ')}]`;
      return `${asked} → ${told.at === undefined ? 'appended' : `appended at ${told.at}`}`;
    },
    believes: (state) => `it keeps [${state.join(' ')}]`,
    /** A log only grows: whatever it kept before its longest reading is how that reading begins. */
    possible(operations) {
      const longest = longestReading(operations);
      return (items) => items.length > longest.length || items.at(-1) === longest[items.length - 1];
    },
  };
}

function longestReading(operations: readonly LogOperation[]): readonly string[] {
  let longest: readonly string[] = [];
  for (const { outcome } of operations)
    if (outcome.kind === 'ok' && outcome.value.kind === 'items' && outcome.value.items.length > longest.length)
      longest = outcome.value.items;
  return longest;
}
