// One text for one value: object keys in order, so that equal values have equal hashes.
import { createHash } from 'node:crypto';
import type { Json } from '@devmentor/runtime';

export function canonicalText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** The hash as 64 hexadecimal digits, as tools print it. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A name made of what it names: 32 characters that any id may have. */
export function nameOf(value: Json): string {
  return createHash('sha256').update(canonicalText(value)).digest('base64url').slice(0, 32);
}
