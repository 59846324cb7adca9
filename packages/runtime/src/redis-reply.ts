// Replies of our own scripts, taken apart. A shape that does not fit is a bug of the script.
import { assert } from '@devmentor/locks';

export type Reply = readonly unknown[];

export function list(reply: unknown): Reply {
  assert(Array.isArray(reply), 'a script answers a list');
  return reply;
}

export function text(reply: unknown): string {
  assert(typeof reply === 'string', 'a script answers text');
  return reply;
}

/** A list of text, two by two. */
export function pairs(reply: unknown): readonly (readonly [string, string])[] {
  const flat = list(reply);
  const result: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([text(flat[i]), text(flat[i + 1])]);
  return result;
}
