import { z } from 'zod';
import { utf8Bytes } from './ids.ts';
import { limits } from './limits.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * Whether a value survives `JSON.parse(JSON.stringify(value))` unchanged, at most `depth`
 * levels deep. The bound keeps a hostile body off the stack; the key `__proto__` is refused
 * because a merge by assignment would write to the prototype.
 */
export function isJson(value: unknown, depth: number = limits.jsonDepth): value is JsonValue {
  if (value === null) return true;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return depth > 0 && (Array.isArray(value) ? isJsonArray(value, depth) : isJsonRecord(value, depth));
    default:
      return false;
  }
}

function isJsonArray(items: readonly unknown[], depth: number): boolean {
  // A hole reads as undefined, so an indexed loop refuses sparse arrays too.
  for (let i = 0; i < items.length; i += 1) if (!isJson(items[i], depth - 1)) return false;
  return true;
}

function isJsonRecord(value: object, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__' || !isJson(item, depth - 1)) return false;
  }
  return true;
}

/** Any JSON value; it is passed on as it is, not copied. */
export const jsonSchema = z.unknown().refine((value) => isJson(value), {
  error: `must be JSON, at most ${limits.jsonDepth} levels deep`,
  // What is refused here is looked at no further: its size could not be taken.
  abort: true,
}) as z.ZodType<JsonValue, JsonValue>;

/** A JSON object; it is passed on as it is, not copied. */
export const jsonObjectSchema = z
  .unknown()
  .refine((value) => isJson(value) && typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: `must be a JSON object, at most ${limits.jsonDepth} levels deep`,
    abort: true,
  })
  .meta({ type: 'object' }) as z.ZodType<JsonObject, JsonObject>;

/** A JSON value of bounded size, as it would stand on the wire. */
export function boundedJson<T extends JsonValue>(schema: z.ZodType<T, T>, maxBytes: number): z.ZodType<T, T> {
  return schema.refine((value) => utf8Bytes(JSON.stringify(value)) <= maxBytes, {
    error: `must be at most ${maxBytes} bytes as JSON`,
  });
}
