import { CoordinationError } from './errors.ts';
import type { JsonObject } from './lease.ts';

export const DEFAULT_TTL_MS = 30_000;
const SHORTEST_TTL_MS = 50;
const SHORTEST_AUTO_TTL_MS = 250;
const LONGEST_TTL_MS = 86_400_000;
const LONGEST_RESOURCE_BYTES = 512;
const LONGEST_META_BYTES = 4_096;
const LONGEST_NAME_BYTES = 512;

function refuse(message: string): never {
  throw new CoordinationError('LOCK_CONFIG', message, { applied: 'no' });
}

/** Control characters would end up in keys and logs; half a surrogate pair has no UTF-8. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

export function checkResource(resource: string): void {
  if (resource === '') refuse('resource is empty: name what is to be locked');
  if (resource.length > LONGEST_RESOURCE_BYTES || Buffer.byteLength(resource) > LONGEST_RESOURCE_BYTES)
    refuse(`resource is longer than ${LONGEST_RESOURCE_BYTES} bytes of UTF-8: use a shorter name or a hash of it`);
  if (UNPRINTABLE.test(resource))
    refuse('resource contains control characters or half a surrogate pair: use printable text');
}

export function checkName(what: string, name: string): void {
  if (name === '') refuse(`${what} is empty`);
  if (Buffer.byteLength(name) > LONGEST_NAME_BYTES)
    refuse(`${what} is longer than ${LONGEST_NAME_BYTES} bytes of UTF-8`);
  if (UNPRINTABLE.test(name))
    refuse(`${what} contains control characters or half a surrogate pair: use printable text`);
}

export function checkTtl(ttlMs: number, renew: 'auto' | 'manual'): void {
  if (!Number.isInteger(ttlMs)) refuse(`ttlMs ${ttlMs} is not a whole number of milliseconds: round it`);
  const shortest = renew === 'auto' ? SHORTEST_AUTO_TTL_MS : SHORTEST_TTL_MS;
  if (ttlMs < shortest) {
    refuse(
      `ttlMs ${ttlMs} is too short: with renew '${renew}' the term is at least ${shortest} ms. Leave ttlMs out (30,000), or give at least three times the slowest round trip to the store`,
    );
  }
  if (ttlMs > LONGEST_TTL_MS)
    refuse(
      `ttlMs ${ttlMs} is too long: at most ${LONGEST_TTL_MS} (a day). A shorter term with automatic renewal holds as long as the process lives`,
    );
}

export function checkWait(waitMs: number): void {
  if (!(waitMs >= 0)) refuse(`waitMs ${waitMs} is not a duration: use 0 to not wait`);
}

export function checkGrace(graceMs: number): void {
  if (!Number.isInteger(graceMs) || graceMs < 0 || graceMs > LONGEST_TTL_MS)
    refuse(`graceMs ${graceMs} is not a whole number of milliseconds up to a day`);
}

export function checkMeta(meta: JsonObject | undefined): void {
  if (meta === undefined) return;
  const bytes = Buffer.byteLength(JSON.stringify(meta));
  if (bytes > LONGEST_META_BYTES)
    refuse(`meta is ${bytes} bytes of JSON: at most ${LONGEST_META_BYTES}. Keep the data in a record and name it here`);
}
