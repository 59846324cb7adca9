// Where an activation stands, and what that alone says to whom. Pure; the activation changes it.
import type { ActorState } from './actor-state.ts';
import type { Answer } from './envelope.ts';
import type { FaultData } from './errors.ts';
import type { GroupStep } from './group-step.ts';
import type { Letter } from './mailbox.ts';

/** `ready`, `committing` and `frozen` have the state that was committed last, as far as is known. */
export type Phase =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly state: ActorState }
  | { readonly kind: 'committing'; readonly state: ActorState; readonly group: GroupStep }
  /** The commit may or may not have been applied. */
  | { readonly kind: 'frozen'; readonly state: ActorState; readonly group: GroupStep }
  | { readonly kind: 'quarantined'; readonly fault: FaultData }
  /** Passivated, or its shard is served elsewhere. */
  | { readonly kind: 'gone' };

const NO_LETTERS: readonly Letter[] = [];

/** What everybody is told who comes too late. */
export function closedIn(phase: Phase): Answer | undefined {
  if (phase.kind === 'gone') return { kind: 'elsewhere' };
  if (phase.kind === 'quarantined') return { kind: 'fault', fault: phase.fault };
  return undefined;
}

/** The committed state, while it is surely the last one: a commit under way may have been applied already. */
export function committedIn(phase: Phase): ActorState | undefined {
  return phase.kind === 'ready' ? phase.state : undefined;
}

/** The letters whose commit is under way, or of unknown outcome. */
export function takenIn(phase: Phase): readonly Letter[] {
  return 'group' in phase ? phase.group.letters : NO_LETTERS;
}
