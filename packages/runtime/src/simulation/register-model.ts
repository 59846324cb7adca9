import type { Operation } from './history.ts';
import type { SequentialModel } from './sequential-model.ts';

/** What a register holds. */
export type RegisterValue = string | number | boolean | null;

/** What is asked of a register. */
export type RegisterInput =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: RegisterValue }
  | { readonly kind: 'compare-and-set'; readonly from: RegisterValue; readonly to: RegisterValue };

/** What a register answers. */
export type RegisterOutput =
  | { readonly kind: 'value'; readonly value: RegisterValue }
  | { readonly kind: 'written' }
  /** `other`: the register did not hold `from`, and was left alone. */
  | { readonly kind: 'other' };

/** An operation on a register, in a history. */
export type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

const KINDS: ReadonlySet<unknown> = new Set(['read', 'write', 'compare-and-set'] satisfies RegisterInput['kind'][]);

export function isRegisterOperation(operation: Operation): operation is RegisterOperation {
  return KINDS.has(kindOf(operation.input));
}

/** The `kind` of an input, by which checks tell their operations from others. */
export function kindOf(input: unknown): unknown {
  return typeof input === 'object' && input !== null && 'kind' in input ? input.kind : undefined;
}

/** A value that is read, written and compared. */
export function registerModel(
  initial: RegisterValue = null,
): SequentialModel<RegisterValue, RegisterInput, RegisterOutput> {
  return {
    name: 'register',
    initial: () => initial,
    step(state, { input, outcome }) {
      const told = outcome.kind === 'ok' ? outcome.value : undefined;
      switch (input.kind) {
        case 'read':
          return told === undefined || (told.kind === 'value' && told.value === state) ? [state] : [];
        case 'write':
          return told === undefined || told.kind === 'written' ? [input.value] : [];
        case 'compare-and-set':
          if (told?.kind === 'other') return state === input.from ? [] : [state];
          if (told !== undefined && told.kind !== 'written') return [];
          return state === input.from ? [input.to] : [];
      }
    },
    fingerprint: (state) => JSON.stringify(state),
    observes: ({ input, outcome }) =>
      input.kind === 'read' || (outcome.kind === 'ok' && outcome.value.kind === 'other'),
    describe: ({ input, outcome }) =>
      `${asked(input)} → ${outcome.kind === 'ok' ? answered(outcome.value) : outcome.kind}`,
    believes: (state) => `it holds ${JSON.stringify(state)}`,
  };
}

function asked(input: RegisterInput): string {
  switch (input.kind) {
    case 'read':
      return 'read';
    case 'write':
      return `write ${JSON.stringify(input.value)}`;
    case 'compare-and-set':
      return `${JSON.stringify(input.from)} to ${JSON.stringify(input.to)}`;
  }
}

function answered(output: RegisterOutput): string {
  return output.kind === 'value' ? JSON.stringify(output.value) : output.kind;
}
