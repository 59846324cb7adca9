// What a check looks at, and how it objects. Nothing here knows of worlds: what real processes did is
// judged by the same checks.

import type { HistoryRecord, Operation, Sighted } from './history.ts';

/** A run, over. */
export interface Run {
  readonly history: { operations(): readonly Operation[]; sightings(): readonly Sighted[] };
  /** When it was over, in the milliseconds of the history. */
  readonly endMs: number;
  /** What was planned to break, and whether it met anything. */
  readonly faults?: readonly { readonly struck: boolean }[];
}

/** What is wrong with a run, or what could not be decided of it, which is no better. */
export interface Objection {
  /** Name of the check. */
  readonly check: string;
  readonly kind: 'violation' | 'undecided';
  /** For people: a sentence first, then whatever makes it plain. */
  readonly message: string;
  readonly key?: string;
  /** Ids of the operations it is about. */
  readonly operations?: readonly number[];
}

/** A condition on runs, and a pure function of them. */
export interface RunCheck {
  readonly name: string;
  inspect(run: Run): readonly Objection[];
}

/** A history that was written down, as a run. */
export function recordedRun({ operations, sightings }: HistoryRecord): Run {
  let endMs = 0;
  for (const { invokedMs, returnedMs } of operations) endMs = Math.max(endMs, returnedMs ?? invokedMs);
  for (const { atMs } of sightings) endMs = Math.max(endMs, atMs);
  return { history: { operations: () => operations, sightings: () => sightings }, endMs };
}

/** The sightings of one kind. */
export function sightingsOf<K extends Sighted['kind']>(
  run: Run,
  kind: K,
): readonly Extract<Sighted, { readonly kind: K }>[] {
  return run.history
    .sightings()
    .filter((sighted): sighted is Extract<Sighted, { readonly kind: K }> => sighted.kind === kind)
    .sort((a, b) => a.order - b.order);
}
