// JSON check
//
// What may be stored or sent. A value that would come back from JSON as something else (a Date,
// a Map, a function, NaN) is named with its path where it enters, not found broken later.
import type { Json } from './json.ts';

/** Deeper values are refused; a cycle is found by it too. */
const deepest = 200;

/**
 * Answers where and why a value is not JSON, or `undefined` when it is. A property that is
 * `undefined` passes, since leaving it out keeps the meaning; one in an array does not.
 */
export function findNonJson(value: unknown, path: string): { readonly path: string; readonly why: string } | undefined {
  return isJson(value, deepest) ? undefined : find(value, path, deepest);
}

/** The value as JSON, or a throw made by `refuse` that names the path of the first part that is not. */
export function asJson(value: unknown, path: string, refuse: (message: string) => Error): Json {
  const found = findNonJson(value, path);
  if (found !== undefined) throw refuse(`${found.path} ${found.why}`);
  return value as Json;
}

/** The same as `find` finding nothing, without writing paths: almost every value is JSON. */
function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      return value === null || (depth > 0 && isJsonObject(value, depth - 1));
    default:
      return false;
  }
}

function isJsonObject(value: object, depth: number): boolean {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isJson(value[i], depth)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value) return false;
  for (const key in value) {
    const part: unknown = (value as Record<string, unknown>)[key];
    if (part !== undefined && !isJson(part, depth)) return false;
  }
  return true;
}

function find(value: unknown, path: string, depth: number): { path: string; why: string } | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : { path, why: `is ${value}, which JSON turns into null` };
    case 'object':
      return value === null ? undefined : findInObject(value, path, depth);
    case 'undefined':
      return { path, why: 'is undefined; use null, or leave it out' };
    default:
      return { path, why: `is a ${typeof value}, which JSON cannot hold` };
  }
}

function findInObject(value: object, path: string, depth: number): { path: string; why: string } | undefined {
  if (depth === 0) return { path, why: `is nested more than ${deepest} deep, or contains itself` };
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = find(value[i], `${path}[${i}]`, depth - 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return { path, why: `is a ${nameOf(prototype)}${advice(value)}` };
  if ('toJSON' in value) return { path, why: 'has a toJSON method; store its result instead' };
  for (const key in value) {
    const part: unknown = (value as Record<string, unknown>)[key];
    if (part === undefined) continue;
    const found = find(part, `${path}.${key}`, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function nameOf(prototype: unknown): string {
  const made = (prototype as { constructor?: { name?: string } }).constructor?.name;
  return made === undefined || made === '' ? 'object of an unnamed class' : made;
}

function advice(value: object): string {
  if (value instanceof Date) return '; store toISOString() or the epoch milliseconds';
  if (value instanceof Map) return '; store a plain object or an array of entries';
  if (value instanceof Set) return '; store an array';
  return '; store a plain object';
}
