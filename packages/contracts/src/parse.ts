import type { z } from 'zod';
import { limits } from './limits.ts';
import type { FieldError } from './problem.ts';

/** What became of an untrusted value. */
export type Parsed<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'invalid'; readonly errors: FieldError[] };

type Issue = z.core.$ZodIssue;

/**
 * Reads an untrusted value against a schema. Never throws; the errors are what
 * VALIDATION_FAILED carries: at most 20, each with the pointer of the offending place.
 * Messages never repeat the value, which may be a secret.
 */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): Parsed<z.output<Schema>> {
  const result = schema.safeParse(value);
  if (result.success) return { kind: 'ok', value: result.data };
  const errors = result.error.issues.flatMap((issue) => fieldErrors(issue, []));
  return { kind: 'invalid', errors: errors.slice(0, limits.problemErrors) };
}

function fieldErrors(issue: Issue, base: readonly PropertyKey[]): FieldError[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ pointer: pointerTo([...path, key]), message: 'is not a known member' }));
  }
  if (issue.code === 'invalid_union') {
    const nearest = nearestBranch(issue.errors);
    if (nearest !== undefined) return nearest.flatMap((inner) => fieldErrors(inner, path));
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ pointer: pointerTo(path), message: `its key ${message}` }));
  }
  return [{ pointer: pointerTo(path), message: issue.message }];
}

// Of the forms a value may have, the one it misses by the least is most likely meant.
function nearestBranch(branches: readonly Issue[][]): Issue[] | undefined {
  return branches.reduce<Issue[] | undefined>(
    (best, branch) => (best === undefined || branch.length < best.length ? branch : best),
    undefined,
  );
}

/** An RFC 6901 JSON pointer; the empty text is the whole value. Of a long key only the beginning is told. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${shown(String(key)).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

// A key comes from the client too, and may be as long as the body was.
function shown(key: string): string {
  return key.length <= limits.idLength ? key : `${key.slice(0, limits.idLength)}…`;
}
