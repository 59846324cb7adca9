// What this client knows of its own claim on one project (pure).
import type { ClaimToken, SeenHolder } from '@devmentor/contracts';
import type { CoordinationError } from './errors.ts';

/** Why a claim that was held is not held any more. */
export type LossReason = 'expired' | 'superseded' | 'moved' | 'ended';

export type ClaimState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'claiming' }
  | { readonly kind: 'held'; readonly grant: ClaimToken }
  /** Nobody could be asked for a while; perhaps it is held. Not a time to write. */
  | { readonly kind: 'suspect'; readonly grant: ClaimToken }
  | { readonly kind: 'denied'; readonly holder: SeenHolder | undefined; readonly error: CoordinationError }
  | { readonly kind: 'lost'; readonly reason: LossReason; readonly grant: ClaimToken }
  | { readonly kind: 'failed'; readonly error: CoordinationError }
  | { readonly kind: 'released' };

/** The grant in hand, sure or not. */
export function grantOf(state: ClaimState): ClaimToken | undefined {
  return state.kind === 'held' || state.kind === 'suspect' ? state.grant : undefined;
}

/** What the server's refusal says about a claim; `undefined` when it says nothing about it. */
export function lossOf(error: CoordinationError): LossReason | undefined {
  switch (error.code) {
    case 'CLAIM_EXPIRED':
      return 'expired';
    case 'STALE_CLAIM':
    case 'RESOURCE_LOCKED':
      return 'superseded';
    case 'CLAIM_ATTACHED':
      return 'moved';
    case 'NOT_FOUND':
    case 'FORBIDDEN':
      return 'ended';
    default:
      return undefined;
  }
}
