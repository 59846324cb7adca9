import { CoordinationError, LockAcquisitionError } from './errors.ts';
import type { GrantFacts, Term } from './held-lease.ts';
import type { HeldView, Holder, Lease } from './lease.ts';
import type { ClaimOptions, ClaimOutcome } from './lock-manager.ts';

/** What a grant that was just answered says of its lease, whatever was claimed. */
export function grantOf(
  asked: Omit<GrantFacts, 'fence' | 'gen' | 'grantedAtMs' | 'untilMs' | 'offered'>,
  reply: { readonly fence: GrantFacts['fence']; readonly untilMs: number; readonly serverMs: number },
  sentMs: number,
): readonly [GrantFacts, Term] {
  const { resource, leaseId, requestId, holder, instance, ttlMs, meta } = asked;
  const { fence, untilMs, serverMs } = reply;
  const granted = { fence, gen: 1, grantedAtMs: serverMs, untilMs, offered: false };
  return [
    { resource, leaseId, requestId, holder, instance, ttlMs, meta, ...granted },
    { sentMs, remainingMs: untilMs - serverMs },
  ];
}

/** How a person is called where what they did is written down: in audit records, and in errors. */
export type Redact = (holder: Holder) => Holder;

type Asked = Pick<ClaimOptions, 'waitMs' | 'requestId'> & { readonly redact?: Redact | undefined };

/** The lease of a claim, or the error that says why there is none. */
export function grantedLease(resource: string, outcome: ClaimOutcome, asked: Asked): Lease {
  if (outcome.kind === 'granted') return outcome.lease;
  throw refusalOf(resource, outcome, asked);
}

/** A claim that got no lease, as the error that `acquire` throws. */
export function refusalOf(
  resource: string,
  outcome: Exclude<ClaimOutcome, { readonly kind: 'granted' }>,
  { waitMs, requestId, redact }: Asked,
): LockAcquisitionError {
  switch (outcome.kind) {
    case 'busy': {
      const { position, why } = outcome;
      const current = redact === undefined ? outcome.current : redacted(outcome.current, redact);
      const facts = { applied: 'no', resource, busy: { current, position } } as const;
      const held = `Resource is locked: ${resource} is held by ${current.holder.name ?? current.holder.id}`;
      if (why === 'waited')
        return new LockAcquisitionError('LOCK_TIMEOUT', `${held}, and did not come free within ${waitMs} ms`, facts);
      const told = why === 'queue-full' ? `${held}, and its queue is full` : held;
      return new LockAcquisitionError('RESOURCE_LOCKED', told, facts);
    }
    case 'gone':
      return new LockAcquisitionError(
        'LOCK_GONE',
        `The lease that request ${requestId} got on ${resource} has ended (${outcome.how}); claim with a new requestId`,
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

/** Without what the holder and who asks for the lease have said of themselves. */
function redacted({ meta: _meta, ...view }: HeldView, redact: Redact): HeldView {
  const { holder, breaking } = view;
  if (breaking === undefined) return { ...view, holder: redact(holder) };
  const { reason: _reason, ...asked } = breaking;
  return { ...view, holder: redact(holder), breaking: { ...asked, by: redact(breaking.by) } };
}
