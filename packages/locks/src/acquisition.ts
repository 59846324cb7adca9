import { CoordinationError, LockAcquisitionError } from './errors.ts';
import type { GrantFacts, Term } from './held-lease.ts';
import type { Lease } from './lease.ts';
import type { ClaimOptions, ClaimOutcome } from './lock-manager.ts';

/** What a grant that was just answered says of its lease, whatever was claimed. */
export function grantOf(
  asked: Omit<GrantFacts, 'fence' | 'gen' | 'grantedAtMs' | 'untilMs' | 'offered'>,
  reply: { readonly fence: GrantFacts['fence']; readonly untilMs: number; readonly serverMs: number },
  sentMs: number,
): readonly [GrantFacts, Term] {
  const { fence, untilMs, serverMs } = reply;
  return [
    { ...asked, fence, gen: 1, grantedAtMs: serverMs, untilMs, offered: false },
    { sentMs, remainingMs: untilMs - serverMs },
  ];
}

/** The lease of a claim, or the error that says why there is none. */
export function grantedLease(resource: string, outcome: ClaimOutcome, options: ClaimOptions): Lease {
  if (outcome.kind === 'granted') return outcome.lease;
  throw refusalOf(resource, outcome, options);
}

/** A claim that got no lease, as the error that `acquire` throws. */
export function refusalOf(
  resource: string,
  outcome: Exclude<ClaimOutcome, { readonly kind: 'granted' }>,
  options: ClaimOptions,
): LockAcquisitionError {
  switch (outcome.kind) {
    case 'busy': {
      const { current } = outcome;
      const held = `Resource is locked: ${resource} is held by ${current.holder.name ?? current.holder.id}`;
      if (outcome.why === 'waited')
        return new LockAcquisitionError('LOCK_TIMEOUT', `${held}, and did not come free within ${options.waitMs} ms`, {
          applied: 'no',
          resource,
          busy: outcome,
        });
      return new LockAcquisitionError(
        'RESOURCE_LOCKED',
        outcome.why === 'queue-full' ? `${held}, and its queue is full` : held,
        { applied: 'no', resource, busy: outcome },
      );
    }
    case 'gone':
      return new LockAcquisitionError(
        'LOCK_GONE',
        `The lease that request ${options.requestId} got on ${resource} has ended (${outcome.how}); claim with a new requestId`,
        { applied: 'no', resource },
      );
    case 'unavailable':
      return new LockAcquisitionError(
        'LOCK_UNAVAILABLE',
        `Nobody could say who holds ${resource}: ${outcome.cause.message}`,
        {
          applied: outcome.cause instanceof CoordinationError ? outcome.cause.applied : 'unknown',
          cause: outcome.cause,
          resource,
        },
      );
  }
}
