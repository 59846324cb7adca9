// Delay policy
//
// What becomes of a delay while its actor's shard is served by nobody: everything down, or a
// failover. Pure. Nobody writes when a node dies, so each shard has a pulse (`pulse.ts`) from which
// its next owner knows the windows in which it was not served; they are reckoned with when an actor
// is loaded, and are done with once it has committed again.
//
//   DP1  `deadline`: time is time; a delay that ended meanwhile ends late, at once.
//   DP2  `remaining`: the windows do not count.
//   DP3  `restart`: a window longer than a failover begins the delay anew, at its end.
import type { EventData } from './effect.ts';
import { carriedEvent } from './machine-driver.ts';
import type { TimerRow } from './state-store.ts';

/** What becomes of an `after` while nobody serves its actor: it ends on time, it stands still, or it begins anew. */
export type DelayPolicy = 'deadline' | 'remaining' | 'restart';

/** When a shard was served by nobody; store time. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What is kept of a timer whose policy is not `deadline`. */
export interface KeptDelay {
  readonly policy: Exclude<DelayPolicy, 'deadline'>;
  readonly delayMs: number;
}

/** Shorter ones are no downtime for `restart`. */
const FAILOVER_MS = 10_000;

/** The policy of an `after` of the actor's machine, or of one below it, by the name or number of its delay. */
export function policyOf(policies: Readonly<Record<string, DelayPolicy>>, event: EventData): DelayPolicy {
  const eventType = carriedEvent(event).type;
  for (const delay in policies)
    if (eventType.startsWith(`xstate.after.${delay}.`)) return policies[delay] ?? 'deadline';
  return 'deadline';
}

/** The timer as it stands after the windows since its record was written. */
export function reckoned(row: TimerRow, kept: KeptDelay, windows: readonly Window[], savedAtMs: number): TimerRow {
  let { dueAtMs } = row;
  for (const { fromMs, toMs } of windows) {
    if (toMs <= savedAtMs || dueAtMs <= fromMs) continue;
    const lengthMs = toMs - Math.max(fromMs, savedAtMs);
    if (kept.policy === 'remaining') dueAtMs += lengthMs;
    else if (lengthMs > FAILOVER_MS) dueAtMs = toMs + kept.delayMs;
  }
  return dueAtMs === row.dueAtMs ? row : { ...row, dueAtMs };
}
