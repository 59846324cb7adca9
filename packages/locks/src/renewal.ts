import { assert } from './invariant.ts';

/**
 * What the clocks of holder and store may drift apart within a term, in milliseconds.
 *
 * One per cent is far beyond any working crystal; the constant covers rounding to whole
 * milliseconds on both sides.
 */
export function allowanceMs(termMs: number): number {
  return termMs / 100 + 2;
}

/** Whether a term is over for its holder, who counts it from the send of what was answered with it. */
export function isTermOver(term: { readonly sentMs: number; readonly remainingMs: number }, nowMs: number): boolean {
  return nowMs >= term.sentMs + term.remainingMs - allowanceMs(term.remainingMs);
}

/**
 * How long after the send of the last confirmed request a holder renews, in milliseconds.
 *
 * A third of the term leaves room for one lost attempt and another before it lapses.
 * @param jitter in [0, 1); spreads out holders granted at the same instant
 */
export function renewalDelayMs(termMs: number, jitter: number): number {
  assert(jitter >= 0 && jitter < 1, 'jitter is in [0, 1)');
  // Jitter only shortens the wait: renewing early costs a round trip, renewing late the lease.
  return Math.max(1, (termMs / 3) * (1 - jitter / 4));
}

/**
 * Renewals that fall within the same moment go out as one batch. The moment is as long as the
 * term can spare: a request costs more than a lease more in it.
 */
export function together(dueMs: number, termMs: number): number {
  return dueMs - (dueMs % Math.max(8, Math.floor(termMs / 240)));
}

/** How long after a failed renewal it is tried again: several times a term, never in a tight loop. */
export function retryDelayMs(termMs: number, jitter: number): number {
  assert(jitter >= 0 && jitter < 1, 'jitter is in [0, 1)');
  return Math.min(1_000, Math.max(10, termMs / 12)) * (1 - jitter / 4);
}

/** How often at most the holder of a lease that drains, or that silence may have granted, asks whether it still has it. */
export const DRAINING_PACE_MS = 50;
