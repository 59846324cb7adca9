// What a bench leaves behind: a table to read, and bench/results/<bench>.json to compare with.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { isMeasured, percentile, quietAtMostCores, quietSamples, quietSlicesNeeded, type Slice } from './slices.ts';

export interface Figure {
  readonly p50: number;
  readonly p95: number;
  readonly samples: number;
}

export interface Row {
  readonly name: string;
  /** What p95 has to stay below, if anything was promised. */
  readonly goalMs?: number;
  readonly ours: readonly Slice[];
  /** What the machine allows: the same with nothing in between. */
  readonly limit?: readonly Slice[];
  /** What people use instead. */
  readonly peers?: Readonly<Record<string, readonly Slice[]>>;
}

/** Prints latencies in milliseconds as a table and writes them down; true if every goal was met. */
export function report(
  bench: string,
  what: string,
  versions: Readonly<Record<string, string>>,
  rows: readonly Row[],
): boolean {
  const results = rows.map(resultOf);
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length };
  const file = {
    what,
    versions: { node: process.version, ...versions },
    machine,
    quietBelowForeignCores: quietAtMostCores,
    quietSlicesNeeded,
    results,
  };
  writeResults(bench, file);
  process.stdout.write(`${what}\n${table(results)}\n`);
  return results.every(({ verdict }) => verdict === 'met' || verdict === 'no goal');
}

/** `bench`: as `pnpm bench` is told it; `runtime/ask` for one of a folder. */
export function writeResults(bench: string, results: object): void {
  const path = join(import.meta.dirname, '..', 'results', `${bench}.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
}

/** The version in the manifest of a library, as the bench resolves it. */
export function versionOf(library: string): string {
  const manifest = readFileSync(join(import.meta.dirname, '..', 'node_modules', library, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

type Result = ReturnType<typeof resultOf>;

function resultOf({ name, goalMs, ours, limit, peers = {} }: Row) {
  const mine = measured(ours);
  const others = { ...(limit !== undefined && { limit: measured(limit) }), ...mapValues(peers, measured) };
  return {
    name,
    slices: { all: ours.length, quiet: ours.filter(({ quiet }) => quiet).length },
    ours: mine,
    ...(limit !== undefined && { limit: measured(limit) }),
    peers: mapValues(peers, measured),
    /** Ours over theirs, by p50. */
    ratios: mapValues(others, (its) => ratio(mine, its)),
    ...(goalMs !== undefined && { goal: `p95 below ${goalMs} ms` }),
    verdict: goalMs === undefined ? 'no goal' : mine === 'not measured' ? mine : mine.p95 < goalMs ? 'met' : 'missed',
    /** Loud slices too: what it was like beside other people's work. Proves nothing. */
    allSlices: figure(ours.flatMap(({ samples }) => samples)),
    foreignCores: ours.map(({ foreignCores }) => round(foreignCores)),
  };
}

export function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  to: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));
}

function measured(slices: readonly Slice[]): Figure | 'not measured' {
  return isMeasured(slices) ? figure(quietSamples(slices)) : 'not measured';
}

function figure(samples: readonly number[]): Figure {
  return { p50: round(percentile(samples, 0.5)), p95: round(percentile(samples, 0.95)), samples: samples.length };
}

function ratio(mine: Figure | 'not measured', its: Figure | 'not measured'): number | 'not measured' {
  return mine === 'not measured' || its === 'not measured' ? 'not measured' : round(mine.p50 / its.p50);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function table(results: readonly Result[]): string {
  const rows = results.map(({ name, ours, limit, peers, allSlices, slices, goal, verdict }) => [
    name,
    show(ours),
    limit === undefined ? '' : show(limit),
    Object.entries(peers)
      .map(([peer, its]) => `${peer} ${show(its)}`)
      .join(', '),
    goal === undefined ? '' : `${goal}: ${verdict}`,
    `${slices.quiet}/${slices.all}`,
    show(allSlices),
  ]);
  const head = ['ms, p50 / p95 (samples)', 'ours', 'limit', 'peers', 'goal', 'quiet slices', 'ours, loud slices too'];
  const lines = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function show(its: Figure | 'not measured'): string {
  return its === 'not measured' ? its : `${its.p50.toFixed(1)} / ${its.p95.toFixed(1)} (${its.samples})`;
}
