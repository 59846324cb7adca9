// What a trial amounted to, in numbers; and whether that is enough to mean anything.
import type { Operation } from '../../../src/simulation/index.ts';
import { WORKLOADS, type Workload } from './client.ts';
import type { FaultKind } from './fault.ts';
import { kindOfKey, type ObjectKind } from './verdict.ts';

export interface WorkloadFigures {
  readonly operations: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly unknown: number;
  /** The longest time in which nobody of this workload was answered, while faults struck and in the calm after. */
  readonly longestUnavailableMs: number;
}

export interface Figures {
  readonly lastedMs: number;
  readonly workloads: Readonly<Record<Workload, WorkloadFigures>>;
  /** How often each kind of fault struck. */
  readonly faults: Readonly<Record<FaultKind, number>>;
  /** Faults that calls ended with, by code. */
  readonly codes: Readonly<Record<string, number>>;
  /** Writes that a resource turned away. */
  readonly staleWrites: number;
  /** Objects whose histories are linearizable. */
  readonly linearizable: Readonly<Record<ObjectKind, number>>;
}

export interface FigureParts {
  readonly operations: readonly Operation[];
  readonly faults: Readonly<Record<FaultKind, number>>;
  readonly codes: ReadonlyMap<string, number>;
  readonly linearizable: Figures['linearizable'];
}

export function figuresOf(parts: FigureParts): Figures {
  const { operations, codes, faults, linearizable } = parts;
  const figures = WORKLOADS.map((workload) => [
    workload,
    workloadFigures(operations.filter(({ key }) => workloadOf(key) === workload)),
  ]);
  return {
    lastedMs: Math.round(operations.reduce((latest, { returnedMs = 0 }) => Math.max(latest, returnedMs), 0)),
    workloads: Object.fromEntries(figures) as Figures['workloads'],
    faults,
    codes: Object.fromEntries(codes),
    staleWrites: operations.filter(isStale).length,
    linearizable,
  };
}

/** What a trial has to amount to; less proves nothing. */
export interface Floors {
  readonly acknowledged: Readonly<Partial<Record<Workload, number>>>;
  /** Each of them struck at least so often. */
  readonly strikes: number;
  readonly kinds: readonly FaultKind[];
  readonly unknown: number;
  readonly staleWrites: number;
}

/** Why the trial is vacuous, if it is. */
export function shortfalls(figures: Figures, floors: Floors): readonly string[] {
  const short: string[] = [];
  const atLeast = (what: string, found: number, floor: number): void => {
    if (found < floor) short.push(`${what}: ${found}, at least ${floor} are needed`);
  };
  for (const workload of WORKLOADS)
    atLeast(`acknowledged ${workload}`, figures.workloads[workload].acknowledged, floors.acknowledged[workload] ?? 0);
  for (const kind of floors.kinds) atLeast(`faults of the kind ${kind}`, figures.faults[kind], floors.strikes);
  const unknown = WORKLOADS.reduce((sum, workload) => sum + figures.workloads[workload].unknown, 0);
  atLeast('unknown outcomes', unknown, floors.unknown);
  atLeast('stale writes turned away', figures.staleWrites, floors.staleWrites);
  return short;
}

export function workloadOf(key: string): Workload {
  const kind = kindOfKey(key);
  if (kind === 'set') return 'lock-set';
  return kind === 'actor' ? 'actors' : 'claims';
}

function workloadFigures(operations: readonly Operation[]): WorkloadFigures {
  const count = (kind: string): number => operations.filter(({ outcome }) => outcome.kind === kind).length;
  const answers = operations.flatMap(({ outcome, returnedMs }) =>
    outcome.kind === 'ok' && returnedMs !== undefined ? [returnedMs] : [],
  );
  answers.sort((a, b) => a - b);
  const gaps = answers.map((atMs, i) => atMs - (answers[i - 1] ?? atMs));
  return {
    operations: operations.length,
    acknowledged: count('ok'),
    failed: count('failed'),
    unknown: count('unknown'),
    longestUnavailableMs: Math.round(gaps.reduce((longest, gap) => Math.max(longest, gap), 0)),
  };
}

function isStale({ outcome }: Operation): boolean {
  if (outcome.kind !== 'ok' || typeof outcome.value !== 'object' || outcome.value === null) return false;
  return 'kind' in outcome.value && outcome.value.kind === 'stale';
}
