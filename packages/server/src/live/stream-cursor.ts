// Stream cursor
//
// Where a stream of several topics stands, in one opaque text, so that a reader who knows nothing
// but the last `id:` goes on from there in every topic.
//
//   SC1  Of one topic it is the topic's own cursor, the same as over the WebSocket.
//   SC2  Of several, or of one that has no event yet, every topic is named by a hash and stands
//        beside its place.
//   SC3  A text that is none of ours places nothing: its reader is told to fetch anew.
import { createHash } from 'node:crypto';
import type { LogId } from '@devmentor/runtime';

/** `''`: before the first event. */
export type Places = ReadonlyMap<string, LogId | ''>;

const MARK = 'm.';
const TAG_BYTES = 5;
const DIGITS = /^\d{1,16}$/;
/** Set when seven bytes hold the place as a number; the other bits are its length as text. */
const NUMBER = 0x80;
const NUMBER_BYTES = 7;

export function writeCursor(places: Places): string {
  const [only] = places.values();
  // Nobody's own cursor begins with the mark: they are digits.
  if (places.size === 1 && only !== undefined && only !== '' && !only.startsWith(MARK)) return only;
  const parts = [...places].map(([topic, place]) => Buffer.concat([tagOf(topic), placeBytes(place)]));
  return MARK + Buffer.concat(parts).toString('base64url');
}

/** The places of those topics that the cursor knows. */
export function readCursor(cursor: string, topics: readonly string[]): Places {
  const [only, ...others] = topics;
  if (!cursor.startsWith(MARK)) return new Map(only !== undefined && others.length === 0 ? [[only, cursor]] : []);
  const byTag = readAll(Buffer.from(cursor.slice(MARK.length), 'base64url'));
  return new Map(
    topics.flatMap((topic): [string, LogId | ''][] => {
      const place = byTag.get(tagOf(topic).toString('hex'));
      return place === undefined ? [] : [[topic, place]];
    }),
  );
}

function readAll(bytes: Buffer): ReadonlyMap<string, LogId | ''> {
  const found = new Map<string, LogId | ''>();
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.subarray(at, at + TAG_BYTES).toString('hex');
    const form = bytes[at + TAG_BYTES] ?? 0;
    const length = form & ~NUMBER;
    const isNumber = (form & NUMBER) !== 0;
    const from = at + TAG_BYTES + 1;
    at = from + (isNumber ? NUMBER_BYTES : length);
    if (at > bytes.length) break;
    const value = bytes.subarray(from, at);
    found.set(tag, isNumber ? numberOf(value).padStart(length, '0') : value.toString('utf8'));
  }
  return found;
}

function placeBytes(place: LogId | ''): Buffer {
  if (DIGITS.test(place)) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(place));
    return Buffer.concat([Buffer.of(NUMBER | place.length), bytes.subarray(1)]);
  }
  const text = Buffer.from(place);
  return Buffer.concat([Buffer.of(Math.min(text.length, NUMBER - 1)), text.subarray(0, NUMBER - 1)]);
}

function numberOf(value: Buffer): string {
  return Buffer.concat([Buffer.alloc(8 - NUMBER_BYTES), value])
    .readBigUInt64BE()
    .toString();
}

/** Of at most 200 topics two have the same tag once in fifty million times; then one of them is resynced. */
function tagOf(topic: string): Buffer {
  return createHash('sha256').update(topic).digest().subarray(0, TAG_BYTES);
}
