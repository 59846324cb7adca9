// Dead letter
//
// A message given up on: its step threw too often, or its receiver refuses it for good. It goes,
// in the commit that gives it up, through the actor's outbox to an office, itself an actor that
// keeps the last of them; see `dead-letter-office.ts`.
import { crc32 } from 'node:zlib';
import { type ActorId, formatActorId } from './actor-id.ts';
import type { EventData } from './effect.ts';
import type { Json } from './json.ts';

/** A message given up on, as whoever listens on the node is told of it. */
export interface DeadLetter {
  readonly to: ActorId;
  readonly from: string;
  readonly event: Json;
  readonly why: string;
  readonly cause: unknown;
}

/** One that an office keeps. */
export interface BuriedLetter {
  readonly id: string;
  readonly to: ActorId;
  readonly from: string;
  /** `{ type, omittedBytes }` for one too large to be kept; such a letter cannot be replayed. */
  readonly event: Json;
  readonly why: string;
  readonly cause: string;
  readonly atMs: number;
}

export const DEAD_LETTERS = 'dead-letters';
export const OFFICES = 16;

/** Larger events are not kept. */
const LARGEST_BYTES = 16 * 1024;
const LONGEST_CAUSE = 500;

export function isOffice(id: ActorId): boolean {
  return id.startsWith(`${DEAD_LETTERS}:`);
}

/** The office that hears of this actor. */
export function officeOf(id: ActorId): ActorId {
  return formatActorId(DEAD_LETTERS, String(crc32(id) % OFFICES));
}

/** What an office is told of a letter; `n` is the number of the message that tells it. */
export function buried({ to, from, event, why, cause }: DeadLetter, by: ActorId, n: number, atMs: number): EventData {
  const text = JSON.stringify(event);
  const letter = {
    id: `${by}/${n}`,
    to,
    from,
    event:
      text.length <= LARGEST_BYTES
        ? event
        : { type: (event as { readonly type: string }).type, omittedBytes: text.length },
    why,
    cause: (cause instanceof Error ? cause.message : String(cause)).slice(0, LONGEST_CAUSE),
    atMs: Math.floor(atMs),
  } satisfies BuriedLetter;
  return { type: 'bury', letter };
}
