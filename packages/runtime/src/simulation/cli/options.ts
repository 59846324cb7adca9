// What the command was asked to do, read once; every mistake is told with the way out of it.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export interface RunOptions {
  readonly module: string;
  /** Of the module's simulations, only this one. */
  readonly only: string | undefined;
  readonly from: number;
  /** Undefined: as many as the time allows. */
  readonly seeds: number | undefined;
  readonly timeMs: number | undefined;
  readonly workers: number;
  readonly out: string;
  readonly json: string | undefined;
  /** So many findings end the run. */
  readonly findings: number;
  /** A seed that takes longer hangs. */
  readonly seedTimeMs: number;
  readonly strict: boolean;
}

export type Picture = 'text' | 'mermaid' | 'html';

export type Command =
  | ({ readonly kind: 'run' } & RunOptions)
  | {
      readonly kind: 'replay';
      /** A case file, or a module with a seed. */
      readonly of: string;
      readonly module: string | undefined;
      readonly seed: number | undefined;
      readonly only: string | undefined;
    }
  | { readonly kind: 'show'; readonly file: string; readonly as: Picture; readonly width: number | undefined }
  /** Not for people: what a run starts for each core. */
  | { readonly kind: 'worker'; readonly module: string }
  | { readonly kind: 'help' | 'version' }
  | { readonly kind: 'usage'; readonly message: string };

const DEFAULT_SEEDS = 1_000;
const DEFAULT_OUT = 'simulation-cases';
const MOST_WORKERS = 256;

const flags = {
  only: { type: 'string' },
  seeds: { type: 'string' },
  from: { type: 'string' },
  time: { type: 'string' },
  workers: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'string' },
  findings: { type: 'string' },
  'seed-time': { type: 'string' },
  strict: { type: 'boolean' },
  seed: { type: 'string' },
  module: { type: 'string' },
  text: { type: 'boolean' },
  mermaid: { type: 'boolean' },
  html: { type: 'boolean' },
  width: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/** Flags of each command; any other is a mistake there. */
const allowed = {
  run: ['only', 'seeds', 'from', 'time', 'workers', 'out', 'json', 'findings', 'seed-time', 'strict'],
  replay: ['seed', 'module', 'only'],
  show: ['text', 'mermaid', 'html', 'width'],
  worker: [],
} as const satisfies Readonly<Record<string, readonly (keyof typeof flags)[]>>;

class Usage extends Error {}

export function readCommand(args: readonly string[]): Command {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true });
    if (values.help === true) return { kind: 'help' };
    if (values.version === true) return { kind: 'version' };
    return commandOf(values, positionals);
  } catch (error) {
    return { kind: 'usage', message: error instanceof Error ? error.message : String(error) };
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof flags; allowPositionals: true }>>['values'];

function commandOf(values: Values, positionals: readonly string[]): Command {
  const [first, ...rest] = positionals;
  if (first === undefined) throw new Usage('which module? Name the file that exports your simulations.');
  const name = first === 'replay' || first === 'show' || first === 'worker' ? first : 'run';
  const known: readonly string[] = allowed[name];
  const foreign = Object.keys(values).find((flag) => !known.includes(flag));
  if (foreign !== undefined) throw new Usage(`--${foreign} does not belong to ${name === 'run' ? 'a run' : name}`);
  const [target, ...more] = name === 'run' ? positionals : rest;
  if (target === undefined) throw new Usage(`${name} needs a file`);
  if (more.length > 0) throw new Usage(`${more[0]} is one too many`);
  switch (name) {
    case 'run':
      return runOf(target, values);
    case 'replay': {
      const seed = values.seed === undefined ? undefined : whole('seed', values.seed, 0);
      const isCase = target.endsWith('.json');
      if (isCase && seed !== undefined) throw new Usage('a case has its seed; --seed goes with a module');
      if (!isCase && seed === undefined) throw new Usage(`--seed is needed to replay ${target}; a case ends in .json`);
      if (!isCase && values.module !== undefined) throw new Usage('--module goes with a case');
      return { kind: 'replay', of: target, module: values.module, seed, only: values.only };
    }
    case 'show': {
      const asked = (['text', 'mermaid', 'html'] as const).filter((one) => values[one] === true);
      if (asked.length > 1) throw new Usage(`--${asked[0]} or --${asked[1]}, not both`);
      const width = values.width === undefined ? undefined : whole('width', values.width, 40);
      return { kind: 'show', file: target, as: asked[0] ?? 'text', width };
    }
    case 'worker':
      return { kind: 'worker', module: target };
  }
}

function runOf(module: string, values: Values): Command {
  const timeMs = values.time === undefined ? undefined : duration('time', values.time);
  const given = values.seeds === undefined ? undefined : whole('seeds', values.seeds, 1);
  const seeds = given ?? (timeMs === undefined ? DEFAULT_SEEDS : undefined);
  const from = values.from === undefined ? 1 : whole('from', values.from, 0);
  if (!Number.isSafeInteger(from + (seeds ?? 0))) throw new Usage('--from and --seeds go beyond the largest seed');
  const workers = values.workers === undefined ? availableParallelism() : whole('workers', values.workers, 1);
  if (workers > MOST_WORKERS) throw new Usage(`--workers is at most ${MOST_WORKERS}`);
  return {
    kind: 'run',
    module,
    only: values.only,
    from,
    seeds,
    timeMs,
    workers,
    out: values.out ?? DEFAULT_OUT,
    json: values.json,
    findings: values.findings === undefined ? 10 : whole('findings', values.findings, 1),
    seedTimeMs: duration('seed-time', values['seed-time'] ?? '2m'),
    strict: values.strict === true,
  };
}

function whole(flag: string, text: string, least: number): number {
  const value = Number(text.replaceAll('_', ''));
  if (!/^[\d_]+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new Usage(`--${flag} ${text} is not a whole number from ${least} on`);
  return value;
}

function duration(flag: string, text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const ms = Number(match?.[1]) * (units[match?.[2] ?? ''] ?? 0);
  if (match === null || ms <= 0) throw new Usage(`--${flag} ${text} is not a time such as 90s, 10m or 2h`);
  return ms;
}

export function helpText(): string {
  return `devmentor-sim: plays simulations over many seeds, and keeps what fails.

  devmentor-sim MODULE [options]       plays the simulations that MODULE exports
  devmentor-sim replay CASE.json       plays a case that was kept again
  devmentor-sim replay MODULE --seed S plays the case of a seed
  devmentor-sim show CASE.json         shows what happened in a case

MODULE is a JavaScript file, or a TypeScript file where Node strips types (22.18 or later). Its default
export, or any named one, is what defineSimulation() returned.

A run:
  --seeds N        how many seeds (default: ${DEFAULT_SEEDS.toLocaleString('en')}; with --time, as many as there is time for)
  --from S         the first of them (default: 1)
  --time 10m       ends after this time: 90s, 10m, 2h
  --workers W      processes (default: one for each core, here ${availableParallelism()})
  --only NAME      of the module's simulations, this one
  --out DIR        where failing cases are kept, each as .json, .html and .txt (default: ${DEFAULT_OUT})
  --json FILE      writes the figures of the run there
  --findings N     ends after so many findings (default: 10)
  --seed-time 2m   a seed that takes longer hangs; its worker is killed
  --strict         fails, too, when something that sometimes happens never did

Replay:
  --seed S         of a module
  --only NAME      of a module with several simulations
  --module FILE    where the simulation of a case is now

Show:
  --text           a sequence diagram for a terminal (default)
  --mermaid        the source of a Mermaid diagram
  --html           a page that loads nothing
  --width N        columns of the text (default: the terminal's, or 100)

Exit codes: 0 nothing found, 1 violations found, 2 used wrongly, 3 a worker died or hung, 4 --strict,
130 and 143 ended by SIGINT and SIGTERM with nothing found.

Examples:
  devmentor-sim test/claims.simulation.ts
  devmentor-sim test/claims.simulation.ts --time 10m --json figures.json
  devmentor-sim test/claims.simulation.ts --from 5_000 --seeds 2_000 --workers 2
  devmentor-sim replay ${DEFAULT_OUT}/claims-42.json
  devmentor-sim show ${DEFAULT_OUT}/claims-42.json --html > claims-42.html
`;
}
