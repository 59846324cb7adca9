import { WORKLOADS } from './client.ts';
import { FAULT_KINDS } from './fault.ts';
import type { Figures } from './figures.ts';
import { OBJECT_KINDS } from './verdict.ts';

/** The figures of a trial, for people. */
export function tell(figures: Figures): readonly string[] {
  const { workloads, faults, linearizable, codes, staleWrites } = figures;
  const each = (counts: Readonly<Record<string, number>>, names: readonly string[] = Object.keys(counts)): string =>
    names.map((name) => `${counts[name] ?? 0} ${name}`).join(', ');
  return [
    ...WORKLOADS.map((workload) => {
      const { operations, acknowledged, failed, unknown, longestUnavailableMs } = workloads[workload];
      const outcomes = `${acknowledged} acknowledged, ${failed} failed, ${unknown} unknown`;
      return `${workload}: ${operations} operations, ${outcomes}; nobody was answered for ${longestUnavailableMs} ms at most`;
    }),
    `faults that struck: ${each(faults, FAULT_KINDS)}`,
    `calls ended with: ${each(codes)}; stale writes turned away: ${staleWrites}`,
    `linearizable histories: ${each(linearizable, OBJECT_KINDS)}`,
    `in ${(figures.lastedMs / 1_000).toFixed(1)} s`,
  ];
}
