// A register behind a guard: it holds the last value, and the fence under which that was written.
import type { Operation, SequentialModel } from '../../../src/simulation/index.ts';

export type FencedInput =
  | { readonly kind: 'write'; readonly fence: string; readonly value: string }
  | { readonly kind: 'read' };

export type FencedOutput =
  | { readonly kind: 'written' }
  /** A greater fence had been `seen`; nothing was written. */
  | { readonly kind: 'stale'; readonly seen: string }
  | { readonly kind: 'value'; readonly value: string | null };

/** Of the keys under which registers are kept. */
export function isFencedOperation(operation: Operation): operation is Operation<FencedInput, FencedOutput> {
  return operation.key.startsWith('register/');
}

export interface FencedState {
  readonly fence: string;
  readonly value: string | null;
}

/** A write is taken iff no greater fence was seen before it. */
export const fencedRegisterModel: SequentialModel<FencedState, FencedInput, FencedOutput> = {
  name: 'fenced register',
  initial: () => ({ fence: '', value: null }),
  step: (state, { input, outcome }) => {
    const told = outcome.kind === 'ok' ? outcome.value : undefined;
    if (input.kind === 'read')
      return told === undefined || (told.kind === 'value' && told.value === state.value) ? [state] : [];
    const { fence, value } = input;
    const isStale = fence < state.fence;
    if (told?.kind === 'stale') return isStale && told.seen === state.fence ? [state] : [];
    if (isStale) return told === undefined ? [state] : [];
    return [{ fence, value }];
  },
  fingerprint: ({ fence, value }) => JSON.stringify([fence, value]),
  observes: ({ input, outcome }) => input.kind === 'read' || (outcome.kind === 'ok' && outcome.value.kind === 'stale'),
  describe: ({ input, outcome }) => {
    const told = outcome.kind === 'ok' ? outcome.value : undefined;
    const answer = told === undefined ? outcome.kind : told.kind === 'value' ? JSON.stringify(told.value) : told.kind;
    return input.kind === 'read' ? `read → ${answer}` : `write ${input.value} under ${input.fence} → ${answer}`;
  },
  believes: ({ fence, value }) => `it holds ${JSON.stringify(value)}, written under ${fence}`,
};
