import type { Operation } from './history.ts';
import { kindOf } from './register-model.ts';

/** What is asked of a resource's lease. Fences are texts that compare as texts. */
export type LeaseInput =
  /** `by` names the party; asking again with the same `request` is never a second grant. */
  | {
      readonly kind: 'claim';
      readonly by: string;
      readonly ttlMs: number;
      readonly request?: string;
      readonly waits?: boolean;
    }
  /** The same of a lease that another holds: by its leave, after its silence, or by force. */
  | { readonly kind: 'takeover'; readonly by: string; readonly ttlMs: number; readonly request?: string }
  | { readonly kind: 'renew'; readonly fence: string; readonly ttlMs: number }
  /** Without a fence: whoever has it, loses it. */
  | { readonly kind: 'release'; readonly fence?: string }
  | { readonly kind: 'hand-off'; readonly fence: string; readonly to: string; readonly ttlMs: number }
  | { readonly kind: 'look' }
  /** Its holder counts on it no more: from now on it may end at any time. Asked of nobody, answered `noted`. */
  | { readonly kind: 'lost'; readonly fence: string };

/** What a client was told of a lease. */
export type LeaseOutput =
  /** To a hand-off: the fence of the next holder. */
  | { readonly kind: 'granted'; readonly fence: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'renewed' }
  | { readonly kind: 'released' }
  /** Of what was to be renewed, released or handed off: it had ended before. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'held'; readonly fence: string; readonly by?: string }
  | { readonly kind: 'free' }
  | { readonly kind: 'noted' };

/** An operation on a lease, in a history. */
export type LeaseOperation = Operation<LeaseInput, LeaseOutput>;

const KINDS: ReadonlySet<unknown> = new Set([
  'claim',
  'takeover',
  'renew',
  'release',
  'hand-off',
  'look',
  'lost',
] satisfies LeaseInput['kind'][]);

/** Whether an operation is one on a lease, by the `kind` of its input. */
export function isLeaseOperation(operation: Operation): operation is LeaseOperation {
  return KINDS.has(kindOf(operation.input));
}

/** The fence of the lease that was granted by, or certainly stood at, this operation. */
export function fenceSeen({ input, outcome }: LeaseOperation): string | undefined {
  if (outcome.kind !== 'ok') return undefined;
  switch (outcome.value.kind) {
    case 'granted':
    case 'held':
      return outcome.value.fence;
    case 'renewed':
    case 'released':
      return input.kind === 'renew' || input.kind === 'release' ? input.fence : undefined;
    default:
      return undefined;
  }
}

/** One line, for people. */
export function describeLease({ input, outcome }: LeaseOperation): string {
  const answer = outcome.kind === 'ok' ? answered(outcome.value) : outcome.kind;
  return `${asked(input)} → ${answer}`;
}

function asked(input: LeaseInput): string {
  switch (input.kind) {
    case 'claim':
    case 'takeover':
      return `${input.kind} by ${input.by} for ${input.ttlMs} ms`;
    case 'renew':
      return `renew ${short(input.fence)} for ${input.ttlMs} ms`;
    case 'release':
      return input.fence === undefined ? 'revoke' : `release ${short(input.fence)}`;
    case 'hand-off':
      return `hand ${short(input.fence)} off to ${input.to}`;
    case 'look':
      return 'look';
    case 'lost':
      return `lost ${short(input.fence)}`;
  }
}

function answered(output: LeaseOutput): string {
  switch (output.kind) {
    case 'granted':
      return `granted ${short(output.fence)}`;
    case 'held':
      return `held${output.by === undefined ? '' : ` by ${output.by}`} ${short(output.fence)}`;
    default:
      return output.kind;
  }
}

/** A fence without the zeros that fill it up. */
export function short(fence: string): string {
  return `#${fence.replace(/^0+(?=.)/, '')}`;
}
