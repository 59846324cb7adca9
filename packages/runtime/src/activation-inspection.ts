// What an activation says of itself to an operator. Pure, and off the way of messages.
import type { Phase } from './activation-phase.ts';
import type { ActorId } from './actor-id.ts';
import { blockedBy } from './blocked.ts';
import { DueTimers } from './due-timers.ts';
import type { Inspection } from './inspection.ts';
import type { Mailbox } from './mailbox.ts';
import type { Outflow } from './outflow.ts';

/** What an activation has at this moment, beside its phase. */
export interface Possessions {
  readonly mailbox: Mailbox | undefined;
  readonly outflow: Outflow | undefined;
  readonly due: DueTimers | undefined;
  /** A letter waits to be tried again. */
  readonly retries: boolean;
  /** How long the breaker of its type is open. */
  readonly heldMs: number;
}

const MOST_RECEIVERS = 100;

/** One activation as an operator is shown it; of what it owes at most 100 receivers. */
export function inspectionOf(
  id: ActorId,
  phase: Phase,
  { mailbox, outflow, due, retries, heldMs }: Possessions,
): Inspection {
  const state = 'state' in phase ? phase.state : undefined;
  const nextTimerMs = state && (due ?? new DueTimers()).nextMs(state.timers);
  const failing = retries ? mailbox?.failures : undefined;
  const seen: Omit<Inspection, 'blocked'> = {
    id,
    phase: phase.kind === 'ready' && retries ? 'retrying' : phase.kind,
    waiting: mailbox?.size ?? 0,
    owes: outflow?.owes(MOST_RECEIVERS) ?? [],
    invokes: outflow?.invokes ?? [],
    ...(phase.kind === 'quarantined' ? { fault: `${phase.fault.code}: ${phase.fault.message}` } : {}),
    ...(state === undefined ? {} : { version: state.version }),
    ...(state?.halt === undefined ? {} : { halt: state.halt }),
    ...(nextTimerMs === undefined ? {} : { nextTimerMs }),
    ...(failing === undefined ? {} : { failing }),
    ...(heldMs === 0 ? {} : { heldMs }),
  };
  return { ...seen, blocked: blockedBy(seen) };
}
