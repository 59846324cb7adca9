// How an actor is doing at its owner: what an operator is shown who asks why nothing happens.
import type { ActorId } from './actor-id.ts';
import type { Halt } from './supervision.ts';

/** One actor as its owner sees it at this moment; of one that is not in memory only the phase says anything. */
export interface Inspection {
  readonly id: ActorId;
  /** `absent` from memory: nothing waits for it here. */
  readonly phase: 'absent' | 'loading' | 'ready' | 'retrying' | 'committing' | 'frozen' | 'quarantined' | 'gone';
  /** Of a quarantine. */
  readonly fault?: string;
  readonly version?: number;
  readonly halt?: Halt;
  /** How often the first of the letters that wait has failed; it is tried again after a pause. */
  readonly failing?: number;
  /** How long the breaker of its type still keeps failing letters from being given up. */
  readonly heldMs?: number;
  /** Letters that wait. */
  readonly waiting: number;
  /** Messages it owes to others, by receiver: at most 100 of them. */
  readonly owes: readonly { readonly to: ActorId; readonly messages: number; readonly refusal?: string }[];
  readonly invokes: readonly string[];
  /** Store time of the next timer. */
  readonly nextTimerMs?: number;
  /** Why nothing happens, in sentences; empty where there is only nothing to do. */
  readonly blocked: readonly string[];
}
