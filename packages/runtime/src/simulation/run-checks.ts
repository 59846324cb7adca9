// Checks of whole runs: that nothing acknowledged was lost, that those who wait are served, and that
// anything happened at all.

import { type Objection, type Run, type RunCheck, sightingsOf } from './check.ts';
import type { Operation } from './history.ts';
import { isLeaseOperation } from './lease-operation.ts';
import { byKey } from './linearizable.ts';
import { isLogOperation } from './log-model.ts';
import { msText } from './ms-text.ts';

/** What is kept in the end, and what of it each operation contributed. */
export interface KeptOptions<R extends Run> {
  /** What is kept in the end: the items of each key, in their order. */
  readonly kept: (run: R) => ReadonlyMap<string, readonly string[]> | Promise<ReadonlyMap<string, readonly string[]>>;
  /** Which item an operation contributes, if any. Default: that of an `append`. Items are unique by key. */
  readonly item?: (operation: Operation) => string | undefined;
  /** Whose items stay in the order in which they were acknowledged. Default: the process's. */
  readonly author?: (operation: Operation) => string;
}

/**
 * What was acknowledged is kept, once, and in each author's order; what certainly failed, or was never
 * contributed, is not.
 */
export function noAcknowledgedLoss<R extends Run>(
  options: KeptOptions<R>,
): { readonly name: string; inspect(run: R): Promise<readonly Objection[]> } {
  const check = 'no acknowledged loss';
  const itemOf =
    options.item ??
    ((operation) =>
      isLogOperation(operation) && operation.input.kind === 'append' ? operation.input.item : undefined);
  const authorOf = options.author ?? (({ process }) => process);
  return {
    name: check,
    async inspect(run) {
      const kept = await options.kept(run);
      const contributed = byKey(run.history.operations().filter((operation) => itemOf(operation) !== undefined));
      const keys = new Set([...contributed.keys(), ...kept.keys()]);
      return [...keys].flatMap((key) =>
        lossesOf(contributed.get(key) ?? [], kept.get(key) ?? [], itemOf, authorOf).map(({ what, operations }) => ({
          check,
          kind: 'violation' as const,
          key,
          message: `${key}: ${what}`,
          operations,
        })),
      );
    },
  };
}

interface Loss {
  readonly what: string;
  readonly operations: readonly number[];
}

function lossesOf(
  contributed: readonly Operation[],
  kept: readonly string[],
  itemOf: (operation: Operation) => string | undefined,
  authorOf: (operation: Operation) => string,
): Loss[] {
  const losses: Loss[] = [];
  const places = new Map<string, number>();
  for (const [place, item] of kept.entries()) {
    if (places.has(item)) losses.push({ what: `${item} is kept twice`, operations: [] });
    else places.set(item, place);
  }
  /** What may be kept, by when it was first asked for: what is said again may have been taken the first time. */
  const asked = new Map<string, number>();
  const latest = new Map<string, { readonly place: number; readonly operation: Operation }>();
  const inOrder = [...contributed].sort((a, b) => a.order.invoked - b.order.invoked);
  for (const operation of inOrder) {
    const item = itemOf(operation) ?? '';
    const { id, process, outcome } = operation;
    if (outcome.kind !== 'failed' && !asked.has(item)) asked.set(item, operation.order.invoked);
    if (outcome.kind !== 'ok') continue;
    const place = places.get(item);
    if (place === undefined) {
      losses.push({ what: `${item} was acknowledged to (${id}) ${process}, and is not kept`, operations: [id] });
      continue;
    }
    const author = authorOf(operation);
    const before = latest.get(author);
    const askedAt = asked.get(item) ?? operation.order.invoked;
    const isAfter = before !== undefined && (before.operation.order.returned ?? Infinity) < askedAt;
    if (isAfter && before.place > place) {
      const what = `${item} of (${id}) ${process} is kept before (${before.operation.id}), which was acknowledged first`;
      losses.push({ what, operations: [before.operation.id, id] });
    }
    if (before === undefined || place > before.place) latest.set(author, { place, operation });
  }
  for (const item of places.keys())
    if (!asked.has(item)) losses.push({ what: `${item} is kept, and nobody's`, operations: [] });
  return losses;
}

/** Who waits, and for how long after the last fault. */
export interface ServedOptions {
  /** How long after everything is whole again a waiter may still wait. */
  readonly withinMs: number;
  /** Which operations wait. Default: claims with `waits`. */
  readonly waits?: (operation: Operation) => boolean;
}

/**
 * Whoever waits and lives is answered, within its time after the last fault ended or, if later, after
 * it began to wait. Only a run that heals can tell.
 */
export function everyWaiterServed(options: ServedOptions): RunCheck {
  const check = 'every waiter served';
  const waits =
    options.waits ??
    ((operation) => isLeaseOperation(operation) && operation.input.kind === 'claim' && operation.input.waits === true);
  return {
    name: check,
    inspect(run) {
      const waiters = run.history.operations().filter(waits);
      if (waiters.length === 0) return [];
      const healedMs = sightingsOf(run, 'healed').at(-1)?.atMs;
      if (healedMs === undefined)
        return [{ check, kind: 'undecided', message: 'the run did not heal, so nobody can be said to wait for ever' }];
      return waiters.flatMap((operation): Objection[] => {
        const { id, key, process, invokedMs, returnedMs, outcome } = operation;
        if (outcome.kind !== 'ok' && returnedMs !== undefined) return [];
        const dueMs = Math.max(healedMs, invokedMs) + options.withinMs;
        const isLate = (returnedMs ?? run.endMs) > dueMs;
        if (!isLate) return [];
        const became =
          returnedMs === undefined ? `still waits at ${msText(run.endMs)}` : `was answered at ${msText(returnedMs)}`;
        const message = `${key}: (${id}) ${process} waits since ${msText(invokedMs)} ms, all was whole at ${msText(healedMs)}, and it ${became}`;
        return [{ check, kind: 'violation', key, message, operations: [id] }];
      });
    },
  };
}

/** What a run has to come to. */
export interface VacuityOptions {
  /** Fewest operations that have to be acknowledged. Default 1. */
  readonly acknowledged?: number;
  /** Fewest faults that have to meet something. Default 0. */
  readonly faults?: number;
}

/** A run in which nothing was acknowledged, or nothing broke that was to break, proves nothing. */
export function nonVacuous(options: VacuityOptions = {}): RunCheck {
  const check = 'non-vacuous';
  const { acknowledged = 1, faults = 0 } = options;
  return {
    name: check,
    inspect(run) {
      const object = (message: string): Objection => ({ check, kind: 'violation', message });
      const ok = run.history.operations().filter(({ outcome }) => outcome.kind === 'ok').length;
      const struck = (run.faults ?? []).filter((fault) => fault.struck).length;
      return [
        ...(ok < acknowledged ? [object(`${ok} operations were acknowledged, of at least ${acknowledged}`)] : []),
        ...(struck < faults ? [object(`${struck} faults met anything, of at least ${faults}`)] : []),
      ];
    },
  };
}

/** How often each state worth reaching was reached in a run. */
export function reachedIn(run: Run): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of sightingsOf(run, 'reached')) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Over many runs: each of these states was reached in one of them at least. What never happens is not tested. */
export function sometimes(labels: readonly string[], counts: ReadonlyMap<string, number>): readonly Objection[] {
  return labels
    .filter((label) => (counts.get(label) ?? 0) === 0)
    .map((label) => ({ check: 'sometimes', kind: 'violation', message: `"${label}" was never reached` }));
}
