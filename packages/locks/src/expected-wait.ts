import { checkPosition } from './claim-arguments.ts';
import type { LeaseView } from './lease.ts';

/**
 * How long a place in the queue may still have to wait, in milliseconds, if leases are held as they
 * were of late: the rest of the lease that stands, then one for each place before it. A guess to
 * show to people: a holder that renews may stay as long as it likes, and one that is over its usual
 * time may leave at any moment (0). Throws `CoordinationError` LOCK_CONFIG for what is no position.
 *
 * @param view by `inspect`, `list` or `watch`: these tell how long it is held
 * @param position 1 is next; default the place of one who came now
 * @returns undefined while no lease of late is known
 */
export function expectedWaitMs(view: LeaseView, position: number = view.queue + 1): number | undefined {
  checkPosition(position);
  if (view.kind === 'free') return 0;
  const { usualHoldMs, grantedAtMs, serverMs } = view;
  if (usualHoldMs === undefined) return undefined;
  return Math.max(0, grantedAtMs + usualHoldMs - serverMs) + (position - 1) * usualHoldMs;
}
