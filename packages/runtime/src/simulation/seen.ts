// What is left of a run, for checks to look at, and what a check is.
import type { History } from './history.ts';
import type { PlannedFault } from './nemesis.ts';
import type { LockServer, StateServer } from './servers.ts';
import type { TraceEntry } from './trace.ts';

/** One run, over. The stores are as they were left, and can be asked. */
export interface Seen extends StateServer, LockServer {
  readonly seed: number;
  readonly history: History;
  readonly trace: readonly TraceEntry[];
  /** The plan, and what of it met anything. */
  readonly faults: readonly PlannedFault[];
  /** How long the scenario took, by the world's time. */
  readonly endMs: number;
  /** Things that happened: timers that rang and messages that came. */
  readonly events: number;
}

/** Something that must hold, and did not. */
export interface Violation {
  /** Name of the check that objects. */
  readonly check: string;
  readonly message: string;
}

/** PORT: a condition on runs. It looks at what is over and changes nothing. */
export interface Check {
  readonly name: string;
  inspect(seen: Seen): readonly Violation[] | Promise<readonly Violation[]>;
}
