// References to children that a machine keeps in its context, as `spawn` gives them. In the record one is
// the id of the child, and what it ended with where the machine has let go of it.
import type { AnyActorRef } from 'xstate';
import type { Json } from './json.ts';
import type { MachineStatus } from './machine-driver.ts';

/** A reference as it is stored; `xstate$$type` is XState's own mark for one. */
export interface StoredRef {
  readonly xstate$$type: 1;
  readonly id: string;
  /** Of one that is no child any more. */
  readonly ended?: { readonly status: MachineStatus; readonly output?: Json };
}

type Part = Readonly<Record<string, unknown>>;

/** The context with every reference replaced; the same object where there is none. */
export function withoutRefs(context: unknown, store: (ref: AnyActorRef, path: string) => StoredRef): unknown {
  return replaced(context, 'context', 100, (value, path) => (isRef(value) ? store(value, path) : undefined));
}

/** The context with every stored reference made one again. */
export function withRefs(context: unknown, revive: (stored: StoredRef) => unknown): unknown {
  return replaced(context, 'context', 100, (value) =>
    'xstate$$type' in value && value.xstate$$type === 1 ? revive(value as Part as object as StoredRef) : undefined,
  );
}

function replaced(
  value: unknown,
  path: string,
  depth: number,
  replace: (value: object, path: string) => unknown,
): unknown {
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  const instead = replace(value, path);
  if (instead !== undefined) return instead;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [key, part] of Object.entries(value)) {
    const next = replaced(part, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, depth - 1, replace);
    if (next === part) continue;
    copy ??= (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
    copy[key] = next;
  }
  return copy ?? value;
}

function isRef(value: object): value is AnyActorRef {
  return 'sessionId' in value && 'send' in value && 'ref' in value;
}
