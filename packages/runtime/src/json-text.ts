import type { Json } from './json.ts';
import { findNonJson } from './json-check.ts';
import { notJson, tooLarge } from './store-faults.ts';

/**
 * The JSON text of a value that is stored. Throws `NOT_JSON` or `TOO_LARGE`, naming `path`;
 * both before anything was written.
 */
export function jsonText(value: Json, path: string, maxBytes: number): string {
  const flaw = findNonJson(value, path);
  if (flaw !== undefined) throw notJson(flaw.path, flaw.why);
  return knownJsonText(value, path, maxBytes);
}

/** The same for a value that is known to be JSON. */
export function knownJsonText(value: Json, path: string, maxBytes: number): string {
  const text = JSON.stringify(value);
  // A UTF-16 unit takes 1 to 3 bytes: most values are decided without counting.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw tooLarge(path, bytes, maxBytes);
  return text;
}

/** A stored value as a fresh copy. */
export function jsonValue(text: string): Json {
  return JSON.parse(text) as Json;
}
