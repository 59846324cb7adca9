// Inspection feed
//
// Shows the committed steps of the actors of one node in the events that XState's own inspectors
// take (`@statelyai/inspect` is one), as if each actor were a live one of XState. For development: it
// keeps one object per actor in memory, and hands out the machine's own contexts.
//
//   IN1  A step is shown once it is committed, never one that was not; in order, with its event.
//   IN2  An actor is shown before its first step, machines below it before theirs, with the machine's
//        definition and, as parent, the machine they are below.
import type { ActorRefLike, InspectionEvent, Observer } from 'xstate';
import type { ActorId } from './actor-id.ts';
import type { Effect } from './effect.ts';
import type { GuardOutcome, MachineDriver, MachineSnapshot, Member } from './machine-driver.ts';

/** Where the events go: what `createActor(machine, { inspect })` takes, so an inspector's `inspect`. */
export type Inspect = Observer<InspectionEvent> | ((event: InspectionEvent) => void);

/**
 * What a step asked for, under the name by which it is known from then on: of a `tell` and a `watch`
 * the receiver and the number of the message (`order:7#12`), of a `schedule` and an `invoke` their id
 * and which one it is of the actor's (`xstate.after.1000.door.open@3`), of others their id or type.
 */
export interface NamedEffect {
  readonly kind: Effect['kind'];
  readonly name: string;
}

/** A step that was committed. */
export interface InspectedStep {
  readonly event: { readonly type: string };
  /** The actor or node it came from; undefined for what the actor caused itself. */
  readonly sender: string | undefined;
  readonly before: MachineSnapshot;
  readonly snapshot: MachineSnapshot;
  readonly guards: readonly GuardOutcome[];
  readonly effects: readonly NamedEffect[];
}

/** What stands for a live actor. */
interface Shown extends ActorRefLike {
  readonly id: string;
  readonly logic: unknown;
  readonly _parent: Shown | undefined;
  snapshot: unknown;
}

export class InspectionFeed {
  readonly #next: (event: InspectionEvent) => void;
  readonly #actors = new Map<ActorId, Map<string, Shown>>();

  constructor(inspect: Inspect) {
    this.#next = typeof inspect === 'function' ? inspect : (event) => inspect.next?.(event);
  }

  stepped(id: ActorId, driver: MachineDriver, steps: readonly InspectedStep[]): void {
    for (const step of steps) this.#step(id, driver, step);
  }

  /** The actor left memory; it is shown anew when it comes back. */
  left(id: ActorId): void {
    this.#actors.delete(id);
  }

  #step(id: ActorId, driver: MachineDriver, { event, sender, snapshot }: InspectedStep): void {
    const members = this.#actors.get(id) ?? new Map<string, Shown>();
    this.#actors.set(id, members);
    const family = driver.family(snapshot);
    const changed = new Set<Shown>();
    for (const member of family) {
      const known = members.get(member.address);
      const shown = known ?? this.#show(id, member, members);
      if (known === undefined || known.snapshot !== member.snapshot) changed.add(shown);
      shown.snapshot = member.snapshot;
      if (known !== undefined) continue;
      members.set(member.address, shown);
      this.#next({ type: '@xstate.actor', actorRef: shown, rootId: sessionOf(id) });
    }
    const root = members.get('');
    if (root === undefined) return;
    const sourceRef = sender === undefined ? root : this.#stranger(sender);
    this.#next({ type: '@xstate.event', actorRef: root, sourceRef, event, rootId: sessionOf(id) });
    for (const actorRef of changed)
      this.#next({
        type: '@xstate.snapshot',
        actorRef,
        event,
        snapshot: actorRef.snapshot as never,
        rootId: sessionOf(id),
      });
    const present = new Set(family.map(({ address }) => address));
    for (const address of members.keys()) if (!present.has(address)) members.delete(address);
  }

  #show(id: ActorId, member: Member, members: ReadonlyMap<string, Shown>): Shown {
    const shown: Shown = {
      id: member.address === '' ? id : member.id,
      sessionId: sessionOf(id, member.address),
      logic: member.logic,
      _parent: member.parent === undefined ? undefined : members.get(member.parent),
      snapshot: member.snapshot,
      getSnapshot: () => shown.snapshot,
      send: () => {
        throw new Error(`${id} is only shown here; use runtime.actor(Type, key)`);
      },
    };
    return shown;
  }

  #stranger(sender: string): ActorRefLike {
    const known = this.#actors.get(sender as ActorId)?.get('');
    return known ?? { sessionId: sessionOf(sender), send: () => {}, getSnapshot: () => undefined };
  }
}

/** Not the id itself, in whose place an inspector would show the machine's name. */
function sessionOf(id: string, address = ''): string {
  return `actor ${id}${address === '' ? '' : ` ${address}`}`;
}
