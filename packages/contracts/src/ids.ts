// Ids
//
// What may name a thing on the wire. Both grammars refuse `.` and `..`: a URL parser
// resolves them away, percent-encoded or not, so no path could carry them.
import { limits } from './limits.ts';

/** The alphabet and length of an id, as a JSON Schema pattern also says it. */
export const idPattern = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}$/;

const unprintable = /[\p{Cc}\p{Cs}]/u;
const encoder = new TextEncoder();

/** The size of a text on the wire. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

/** Whether a text names a user, project, board, session, instance and so on. */
export function isId(text: string): boolean {
  return idPattern.test(text);
}

/**
 * Whether a text holds no control character and no half of a surrogate pair. The half has
 * no UTF-8: two such texts would become the same bytes.
 */
export function isPrintable(text: string): boolean {
  return !unprintable.test(text);
}

/** Whether a text names a lockable resource: 1 to 512 bytes of printable UTF-8. */
export function isResource(text: string): boolean {
  return isPathText(text, limits.resourceBytes);
}

/** Whether a text names a memory entry: 1 to 512 bytes of printable UTF-8. */
export function isMemoryKey(text: string): boolean {
  return isPathText(text, limits.memoryKeyBytes);
}

function isPathText(text: string, maxBytes: number): boolean {
  if (text === '' || text === '.' || text === '..') return false;
  // The length check comes first and keeps the encoder off megabytes.
  return text.length <= maxBytes && isPrintable(text) && utf8Bytes(text) <= maxBytes;
}
