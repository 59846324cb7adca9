import type { Json } from '@devmentor/runtime';

export type JsonObject = { readonly [key: string]: Json };

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * RFC 7396: members of the patch replace those of the target, `null` removes, objects merge,
 * everything else (arrays too) replaces as a whole.
 *
 * The result is built with `Object.fromEntries`, which defines members, so that a key such as
 * `__proto__` stays data.
 */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map<string, Json>(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}
