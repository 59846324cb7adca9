// Watchers
//
// Actors that are to be told when this one ends, wherever either of them lives by then. The list is in
// the record; the message that tells of the end is owed in the commit that ends the actor, so it comes
// exactly once, over failovers of both. Pure.
//
//   WT1  Who watches an actor that has ended is told at once.
//   WT2  At most 1,000 watch one actor: one more waits until there is room.
import { type ActorId, parseActorId } from './actor-id.ts';
import type { EventData } from './effect.ts';
import type { Json } from './json.ts';
import type { MachineSnapshot } from './machine-driver.ts';
import type { Halt } from './supervision.ts';

/**
 * What a machine is told of an actor that it watches (`watch`) and that has ended: `done` with its output, or
 * `failed`, since it stopped after a step that threw, or its machine ended in an error.
 */
export interface Terminated {
  readonly type: 'terminated';
  /** Its id, `type:key`. */
  readonly actor: string;
  readonly how: 'done' | 'failed';
  /** Of one that failed. */
  readonly why?: string;
  /** Of one that is done, where its machine has one of at most 64 KiB; a larger one is to be read. */
  readonly output?: Json;
}

export type Watchers = readonly ActorId[];

export const noWatchers: Watchers = [];

const MOST_WATCHERS = 1_000;
const LARGEST_OUTPUT = 64 * 1024;
const BEGINS = 'xstate.watch';
const ENDS = 'xstate.unwatch';

/** The message that asks an actor to be told of its end, or no more. */
export function watchEvent(watcher: ActorId, on: boolean): EventData {
  return { type: on ? BEGINS : ENDS, watcher };
}

/** What such a message asks for; undefined for any other. */
export function watchOf({ type, watcher }: EventData): { readonly watcher: ActorId; readonly on: boolean } | undefined {
  if ((type !== BEGINS && type !== ENDS) || typeof watcher !== 'string') return undefined;
  return parseActorId(watcher) === undefined ? undefined : { watcher: watcher as ActorId, on: type === BEGINS };
}

/** Undefined when there is no room for one more. */
export function withWatcher(watchers: Watchers, watcher: ActorId): Watchers | undefined {
  if (watchers.includes(watcher)) return watchers;
  return watchers.length >= MOST_WATCHERS ? undefined : [...watchers, watcher];
}

export function withoutWatcher(watchers: Watchers, watcher: ActorId): Watchers {
  return watchers.includes(watcher) ? watchers.filter((id) => id !== watcher) : watchers;
}

/** How the actor has ended; undefined while it has not. */
export function terminated(
  actor: ActorId,
  { status, output, error }: Pick<MachineSnapshot, 'status' | 'output' | 'error'>,
  halt: Halt | undefined,
): EventData | undefined {
  const type = 'terminated';
  if (halt?.kind === 'stopped') return { type, actor, how: 'failed', why: halt.why };
  if (status === 'active') return undefined;
  if (status === 'done') return { type, actor, how: 'done', ...(isSent(output) ? { output: output as Json } : {}) };
  return { type, actor, how: 'failed', why: error instanceof Error ? error.message : String(error) };
}

function isSent(output: unknown): boolean {
  return output !== undefined && JSON.stringify(output).length <= LARGEST_OUTPUT;
}
