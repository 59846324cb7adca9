// ActorId
//
// `type:key`, the name of one actor everywhere: address, record key and topic. The type is a
// plain name; the key is anything up to the limit, `:` included.
import { encodeId, slotOf } from '@devmentor/locks';
import type { Shard } from './state-store.ts';

/** `type:key`, the name of one actor everywhere: address, record key and topic. */
export type ActorId = `${string}:${string}`;

/** The two parts of an `ActorId`: at most 512 bytes together, the type 1 to 64 letters, digits, `_` and `-`. */
export interface Address {
  readonly type: string;
  readonly key: string;
}

const LONGEST_BYTES = 512;
/** Most ids: what has no flaw can be seen at once. */
const PLAIN = /^[A-Za-z][A-Za-z0-9_-]{0,63}:[A-Za-z0-9_.:~-]{1,256}$/;
const TYPE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const CONTROL = /[\u0000-\u001f\u007f]/;

/** The id of an actor. A `RangeError` for a key that is empty, too long or has control characters. */
export function formatActorId(type: string, key: string): ActorId {
  const id: ActorId = `${type}:${key}`;
  const flaw = flawOf(id);
  if (flaw !== undefined) throw new RangeError(`'${id.slice(0, 80)}' names no actor: ${flaw}`);
  return id;
}

/** Type and key of an id that came from outside; undefined when it is none. */
export function parseActorId(id: string): Address | undefined {
  if (flawOf(id) !== undefined) return undefined;
  const colon = id.indexOf(':');
  return { type: id.slice(0, colon), key: id.slice(colon + 1) };
}

/** The shard an actor belongs to, for ever: crc32 of its encoded id modulo the stored number. */
export function shardOf(id: ActorId, shards: number): Shard {
  return slotOf(encodeId(id), shards);
}

function flawOf(id: string): string | undefined {
  if (PLAIN.test(id)) return undefined;
  const colon = id.indexOf(':');
  if (colon === -1) return 'it has no `:`';
  if (!TYPE.test(id.slice(0, colon))) return 'a type is 1 to 64 letters, digits, _ and -, and starts with a letter';
  if (colon === id.length - 1) return 'its key is empty';
  if (id.length > LONGEST_BYTES || Buffer.byteLength(id) > LONGEST_BYTES)
    return `it is longer than ${LONGEST_BYTES} bytes`;
  if (CONTROL.test(id)) return 'it has control characters';
  if (/\p{Surrogate}/u.test(id)) return 'it is not well-formed Unicode';
  return undefined;
}
