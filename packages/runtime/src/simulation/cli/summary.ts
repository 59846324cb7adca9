// What a run says at its end: to people in a few lines, to programs in a file of figures.

import { withEnding } from './cases.ts';
import { count, spanText } from './progress.ts';
import type { Finding, SimulationFigures, Tally } from './tally.ts';

export interface Versions {
  readonly runtime: string;
  readonly node: string;
  readonly fastCheck: string;
  readonly platform: string;
}

export interface RunFacts {
  readonly command: string;
  readonly versions: Versions;
  readonly commit: string | undefined;
  readonly workers: number;
  readonly seconds: number;
  /** What ended it before its time. */
  readonly interrupted: 'SIGINT' | 'SIGTERM' | undefined;
}

/** The figures file. */
export interface RunFigures extends RunFacts {
  readonly format: 1;
  readonly simulations: readonly SimulationFigures[];
  readonly neverReached: readonly { readonly simulation: string; readonly label: string }[];
  readonly findings: readonly Finding[];
}

export function figuresOf(tally: Tally, facts: RunFacts): RunFigures {
  return {
    format: 1,
    ...facts,
    simulations: tally.figures(),
    neverReached: tally.neverReached(),
    findings: tally.sorted(),
  };
}

/** One thing found, as it is told when it is found. */
export function findingText(finding: Finding): string {
  const who = `${finding.simulation}, seed ${finding.seed}`;
  if (finding.kind !== 'violation') {
    const what = { broken: 'cannot be played', died: 'its worker died', hung: 'hangs' }[finding.kind];
    return `FOUND ${who}: ${what}: ${finding.message}\n`;
  }
  const { violations, steps, faults, shrinks, file, repeats } = finding;
  const size = `${many(steps, 'step')} and ${many(faults, 'fault')} after ${many(shrinks, 'shrink')}`;
  return [
    `FOUND ${who}: ${size}`,
    ...violations.map(({ check, message }) => `  ${check}: ${message.replaceAll('\n', '\n    ')}`),
    ...(repeats
      ? []
      : ['  It does not repeat in a process of its own: something outlives a seed, or is not drawn from it.']),
    `  kept as ${file}, ${withEnding(file, 'html')} and .txt`,
    `  again: devmentor-sim replay ${file}`,
    '',
  ].join('\n');
}

export function summaryText(figures: RunFigures): string {
  const { simulations, findings, interrupted, seconds, workers, neverReached } = figures;
  const lines = simulations.map(({ name, seeds, histories, operations, faults }) => {
    const { ok, failed, unknown } = operations;
    const range = seeds.played === 0 ? 'no seeds' : `seeds ${count(seeds.from)} to ${count(seeds.to)}`;
    return (
      `${name}: ${range}, ${many(histories, 'clean history', 'clean histories')}, ` +
      `${many(ok + failed + unknown, 'operation')} (${count(unknown)} unknown), ${count(faults.struck)} of ${many(faults.planned, 'fault')} struck`
    );
  });
  const reached = simulations.flatMap(({ sometimes }) =>
    Object.entries(sometimes).map(
      ([label, hits]) => `  sometimes ${label}: ${hits === 0 ? 'never' : `in ${count(hits)}`}`,
    ),
  );
  const found = findings.length === 0 ? 'Nothing found' : `${many(findings.length, 'finding')}: ${namesOf(findings)}`;
  const whole = interrupted === undefined ? '' : `, ended by ${interrupted}; seeds under way are not counted`;
  const missing =
    neverReached.length === 0 ? '' : `; ${many(neverReached.length, 'thing')} that should happen sometimes never did`;
  return [
    ...lines,
    ...reached,
    `${found} in ${spanText(seconds * 1_000)} on ${many(workers, 'worker')}${missing}${whole}.`,
    '',
  ].join('\n');
}

/** The exit code of a run. */
export function exitCodeOf({ findings, neverReached, interrupted }: RunFigures, strict: boolean): number {
  if (findings.some(({ kind }) => kind === 'violation')) return EXIT.violated;
  if (findings.length > 0) return EXIT.broken;
  if (interrupted !== undefined) return EXIT[interrupted];
  return strict && neverReached.length > 0 ? EXIT.strict : EXIT.ok;
}

export const EXIT = { ok: 0, violated: 1, usage: 2, broken: 3, strict: 4, SIGINT: 130, SIGTERM: 143 } as const;

function namesOf(findings: readonly Finding[]): string {
  const shown = findings.slice(0, 10).map(({ simulation, seed }) => `${simulation} ${seed}`);
  return findings.length > shown.length ? `${shown.join(', ')}, …` : shown.join(', ');
}

function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}
