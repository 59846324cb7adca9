// What XState takes for the actor system of a tree: it names actors, tells of those that are made, and does
// nothing of what a running system does.
import type { AnyActorLogic, AnyActorRef, AnyStateMachine } from 'xstate';
import type { Cell } from './machine-driver.xstate5-cells.ts';
import type { Definition } from './machine-driver.xstate5-definition.ts';
import type { Microsteps, Scope } from './machine-driver.xstate5-scope.ts';

/** The tree behind a system. */
export interface TreeHost {
  /** XState has begun to make an actor. */
  made(ref: AnyActorRef): void;
  /** XState makes a child machine: its first snapshot. */
  begun(ref: AnyActorRef, input: unknown): Cell;
  isRoot(ref: AnyActorRef): boolean;
  named(systemId: string): AnyActorRef | undefined;
}

type Seen = Parameters<Microsteps['see']>[0] & { readonly actorRef: AnyActorRef };

export class TreeSystem {
  readonly host: TreeHost;
  readonly #microsteps: Microsteps;
  #sessions = 0;

  constructor(host: TreeHost, microsteps: Microsteps) {
    this.host = host;
    this.#microsteps = microsteps;
  }

  /** As XState wants it typed; what is missing serves running actors alone. */
  get asSystem(): Scope['system'] {
    return this as object as Scope['system'];
  }

  get(systemId: string): AnyActorRef | undefined {
    return this.host.named(systemId);
  }

  _bookId(): string {
    return `x:${this.#sessions++}`;
  }

  _sendInspectionEvent(seen: Seen): void {
    if (seen.type === '@xstate.actor') this.host.made(seen.actorRef);
    else this.#microsteps.see(seen, this.host.isRoot(seen.actorRef));
  }

  // A child with a `systemId` is found by looking for it.
  _set(): void {}
  _unregister(): void {}

  get _logger(): () => void {
    return nothing;
  }

  get _clock(): object {
    return stillClock;
  }
}

function nothing(): void {}
const stillClock = { setTimeout: nothing, clearTimeout: nothing };

/** The machines of a type, with every machine below them made to be stepped in a tree; shared by all of the type. */
export class Kinds {
  readonly #made = new Map<Definition, AnyStateMachine>();

  machineOf(definition: Definition): AnyStateMachine {
    const known = this.#made.get(definition);
    if (known !== undefined) return known;
    const actors: Record<string, AnyActorLogic> = {};
    for (const [src, logic] of definition.children)
      if (logic.kind === 'machine') actors[src] = inTree(logic.definition);
    const machine = definition.machine.provide({ actors }) as AnyStateMachine;
    this.#made.set(definition, machine);
    return machine;
  }
}

/** A machine as XState meets it below another: its first snapshot is made in the tree, nothing else is asked of it. */
function inTree({ machine }: Definition): AnyActorLogic {
  return {
    config: machine.config,
    transition: (snapshot: unknown) => snapshot,
    getInitialSnapshot: ({ self }: Scope, input: unknown) =>
      (self.system as object as TreeSystem).host.begun(self as AnyActorRef, input),
    getPersistedSnapshot: (snapshot: unknown) => snapshot,
    restoreSnapshot: (snapshot: unknown) => snapshot,
  } as object as AnyActorLogic;
}
