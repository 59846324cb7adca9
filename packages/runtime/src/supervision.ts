// Supervision
//
// What becomes of a letter whose step threw, and of its actor. Pure. A throw never changes the
// state by itself: the actor keeps the snapshot it had until a directive says otherwise.
//
//   SV3  A letter is stepped again `retries` times, under the same number, after growing pauses.
//   SV5  Then it is given up, and the directive of its type is carried out.
//   SV6  An actor that gives up more than `MOST_STRIKES` letters within `LOOP_MS` is in a crash loop:
//        whatever its directive, it is suspended.
//   SV7  While the breaker of its type is open nothing is given up: the letter waits.

/** What is done with an actor that has given a letter up. */
export type Directive =
  /** Goes on with the state it had. */
  | 'resume'
  /** Begins anew, from the machine's initial state; its timers and invokes end. */
  | 'restart'
  /** Takes nothing any more; its timers and invokes end. */
  | 'stop'
  /** Leaves it to those who watch it: stops, and they are told; suspends where nobody does. */
  | 'escalate'
  /** Stands still, readable, until somebody resumes it. */
  | 'suspend';

export interface Supervision {
  readonly retries: number;
  /** Pause before the first retry; doubled before each further one. */
  readonly backoffMs: number;
  readonly directive: Directive;
}

/** Letters given up lately. */
export interface Strikes {
  readonly count: number;
  readonly sinceMs: number;
}

export const noStrikes: Strikes = { count: 0, sinceMs: 0 };

/** Why an actor takes nothing. */
export interface Halt {
  readonly kind: 'suspended' | 'stopped';
  readonly why: string;
  readonly atMs: number;
}

export type Verdict =
  | { readonly kind: 'again'; readonly pauseMs: number }
  | { readonly kind: 'give-up'; readonly directive: Directive; readonly loops: boolean; readonly strikes: Strikes };

const LONGEST_PAUSE_MS = 10_000;
const MOST_STRIKES = 5;
const LOOP_MS = 60_000;

export function judge(
  supervision: Supervision,
  failed: {
    /** Throws of this letter so far, this one included. */
    readonly failures: number;
    readonly strikes: Strikes;
    readonly nowMs: number;
    /** How long the breaker of the type is still open; 0 when it is closed. */
    readonly heldMs: number;
    /** In [0, 1): spreads out actors that fail for one reason. */
    readonly jitter: number;
  },
): Verdict {
  const { failures, nowMs, heldMs, jitter } = failed;
  if (failures <= supervision.retries)
    return { kind: 'again', pauseMs: pauseMs(supervision.backoffMs, failures, jitter) };
  if (heldMs > 0) return { kind: 'again', pauseMs: heldMs * (1 + jitter / 4) };
  const strikes = struck(failed.strikes, nowMs);
  const loops = strikes.count > MOST_STRIKES;
  return {
    kind: 'give-up',
    directive: loops && !endsIt(supervision.directive) ? 'suspend' : supervision.directive,
    loops,
    strikes,
  };
}

/** One that has ended cannot loop, so its last word is its directive's. */
function endsIt(directive: Directive): boolean {
  return directive === 'stop' || directive === 'escalate';
}

function pauseMs(firstMs: number, failures: number, jitter: number): number {
  return Math.min(LONGEST_PAUSE_MS, firstMs * 2 ** (failures - 1)) * (1 - jitter / 4);
}

function struck({ count, sinceMs }: Strikes, nowMs: number): Strikes {
  return nowMs - sinceMs > LOOP_MS ? { count: 1, sinceMs: nowMs } : { count: count + 1, sinceMs };
}
