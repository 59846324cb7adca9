// Slices
//
// Cases take turns in short slices of one run, in rotating order, so that whatever the machine
// does meets all of them. A slice counts only when other people's processes left it alone.
//
//   SL1  A slice is quiet when foreign processes used at most 0.35 cores during it.
//   SL2  Fewer than 5 quiet slices of a case: it is not measured, which is never a pass.
//   SL3  The first slice of each case warms up and does not count.
import { foreignCores, markCpu } from './foreign-cpu.ts';

export const quietAtMostCores = 0.35;
export const quietSlicesNeeded = 5;

export interface Slice {
  readonly foreignCores: number;
  readonly quiet: boolean;
  /** What the case measured: latencies, or one rate. */
  readonly samples: readonly number[];
}

/** Does the work of one slice and answers with its samples. */
export type Case = () => Promise<readonly number[]>;

export interface Turns {
  /** At least so many slices of each case. */
  readonly slices: number;
  /** And until every case is measured, with so many samples out of quiet slices, or the time is over. */
  readonly samples?: number;
  readonly withinMs?: number;
}

/** Lets the cases take turns; the slices of each, in the order in which they ran. */
export async function takeTurns<Name extends string>(
  cases: Readonly<Record<Name, Case>>,
  { slices, samples = 0, withinMs = 30_000 }: Turns,
): Promise<Record<Name, Slice[]>> {
  const names = Object.keys(cases) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as Slice[]])) as Record<Name, Slice[]>;
  const startedMs = performance.now();
  const isEnough = (): boolean =>
    names.every((name) => isMeasured(taken[name]) && quietSamples(taken[name]).length >= samples);
  for (let round = 0; ; round += 1) {
    if (round > slices && (isEnough() || performance.now() - startedMs > withinMs)) return taken;
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length] as Name;
      const mark = markCpu();
      const measured = await cases[name]();
      const foreign = foreignCores(mark);
      if (round > 0) taken[name].push({ foreignCores: foreign, quiet: foreign <= quietAtMostCores, samples: measured });
    }
  }
}

export function quietSamples(slices: readonly Slice[]): number[] {
  return slices.filter(({ quiet }) => quiet).flatMap(({ samples }) => samples);
}

export function isMeasured(slices: readonly Slice[]): boolean {
  return slices.filter(({ quiet }) => quiet).length >= quietSlicesNeeded;
}

/** The value below which the share `p` of the values lies; NaN of none. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}
