// What is between two steps of a tree of machines, and the events by which XState tells of it.
import type { AnyActorRef } from 'xstate';
import type { Path } from './machine-driver.xstate5-address.ts';

export type Event = { readonly type: string };
/** The snapshots of an actor's machine and of everything below it. */
export type Cells = ReadonlyMap<AnyActorRef, Cell>;

/** What XState calls a snapshot, of whatever logic. */
export interface Cell {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly output?: unknown;
  readonly error?: unknown;
  readonly input?: unknown;
  readonly context?: unknown;
  readonly children?: Readonly<Record<string, AnyActorRef>>;
}

/** What a reference tells once its actor is gone. */
export function lastSeen(ref: AnyActorRef, snapshot: Cell): void {
  (ref as { _snapshot?: unknown })._snapshot = snapshot;
}

export function findRef(cells: Cells, root: AnyActorRef, path: Path): AnyActorRef | undefined {
  let ref: AnyActorRef | undefined = root;
  for (const id of path) ref = ref && cells.get(ref)?.children?.[id];
  return ref && cells.get(ref)?.status === 'active' ? ref : undefined;
}

export function snapshotEvent({ id }: AnyActorRef, snapshot: Cell): Event {
  return { type: `xstate.snapshot.${id}`, snapshot } as Event;
}

export function endEvent({ id }: AnyActorRef, { status, output, error }: Cell): Event {
  const end =
    status === 'done'
      ? { type: `xstate.done.actor.${id}`, output, actorId: id }
      : { type: `xstate.error.actor.${id}`, error, actorId: id };
  return end as Event;
}
