// The command's run: a campaign, what is said while it goes on, and how it ends.
import { execFileSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { systemClock } from '@devmentor/locks';
import { writeWhole } from '../case-file.ts';
import { Campaign, UnusableModule } from './campaign.ts';
import { keepCase } from './cases.ts';
import type { RunOptions } from './options.ts';
import { Progress } from './progress.ts';
import { EXIT, exitCodeOf, figuresOf, findingText, summaryText, type Versions } from './summary.ts';

export interface RunPorts {
  readonly program: string;
  readonly versions: Versions;
  /** As it was typed. */
  readonly args: readonly string[];
}

/** Answers the exit code. */
export async function run(options: RunOptions, ports: RunPorts): Promise<number> {
  const stop = new AbortController();
  let interrupted: 'SIGINT' | 'SIGTERM' | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      // Whoever asks twice does not want to wait for a summary.
      if (interrupted !== undefined) process.exit(EXIT[signal]);
      interrupted = signal;
      stop.abort();
    });
  const commit = commitOf(options.module);
  const campaign = await prepared(options, {
    program: ports.program,
    signal: stop.signal,
    keep: (file) => keepCase(options.out, options.module, commit === undefined ? file : { ...file, commit }),
    onFinding: (finding) => progress.say(findingText(finding), process.stdout),
  });
  if (typeof campaign === 'string') {
    process.stderr.write(`${campaign}\n`);
    return EXIT.usage;
  }
  const { tally } = campaign;
  const progress = new Progress(process.stderr, systemClock, () => ({
    played: tally.played,
    all: campaign.all,
    leftMs: options.timeMs === undefined ? undefined : Math.max(0, options.timeMs - campaign.passedMs),
    operations: tally.operations,
    faults: tally.struck,
    findings: tally.findings.length,
    workers: options.workers,
  }));
  await campaign.run();
  progress.end();
  const figures = figuresOf(tally, {
    command: ['devmentor-sim', ...ports.args].join(' '),
    versions: ports.versions,
    commit,
    workers: options.workers,
    seconds: Math.round(campaign.passedMs) / 1_000,
    interrupted,
  });
  process.stdout.write(summaryText(figures));
  if (options.json !== undefined) writeWhole(options.json, `${JSON.stringify(figures, null, 2)}\n`);
  return exitCodeOf(figures, options.strict);
}

async function prepared(...[options, ports]: Parameters<typeof Campaign.prepare>): Promise<Campaign | string> {
  try {
    return await Campaign.prepare(options, ports);
  } catch (fault) {
    if (fault instanceof UnusableModule) return fault.message;
    throw fault;
  }
}

/** Of the sources that are played, where git knows; with `+` when they are not as committed. */
function commitOf(module: string): string | undefined {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, {
      cwd: dirname(resolve(module)),
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim();
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+`;
  } catch {
    return undefined;
  }
}
