import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

// Id codec
//
// Ids become parts of Redis keys and NATS subjects. The form must be one-to-one, free of the
// characters those two treat specially, and readable where the id is plain.
//
//   ID1  An id that matches PLAIN is itself; an empty one is `~`.
//   ID2  Any other id is `~` + base64url of its UTF-8 bytes.
//   ID3  An id over 150 bytes is `~~` + base64url(sha256); whoever stores under it keeps the
//        full id and compares.
//   ID4  `encodeId` encodes each `:`-separated part by itself.

const PLAIN = /^[A-Za-z0-9_-]{1,64}$/;
const LONGEST_BYTES = 150;

/** Encodes one part, `:` included. */
export function encodePart(part: string): string {
  if (PLAIN.test(part)) return part;
  const bytes = Buffer.from(part, 'utf8');
  if (bytes.length > LONGEST_BYTES) return `~~${createHash('sha256').update(bytes).digest('base64url')}`;
  return `~${bytes.toString('base64url')}`;
}

/** The key form of an id: `project:42` stays `project:42`, `node/a b` becomes `~bm9kZS9hIGI`. */
export function encodeId(id: string): string {
  if (PLAIN.test(id)) return id;
  return id.split(':').map(encodePart).join(':');
}

/** The slot of an encoded id: crc32 of its UTF-8 modulo the number that is stored with the namespace. */
export function slotOf(encoded: string, slots: number): number {
  return crc32(encoded) % slots;
}

/** By bytes of UTF-8, as Redis orders names. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
