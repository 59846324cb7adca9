// Real processes on real Redis and NATS, under kill -9, SIGSTOP, bad networks and servers that restart.
// Whoever asks them is outside, and what was asked and told is judged by the same checks as simulated
// worlds. The long arm: pnpm prove real --seconds=600
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Cluster } from './real/cluster.ts';
import { FAULT_KINDS, faultPlan } from './real/fault.ts';
import { type Floors, shortfalls } from './real/figures.ts';
import { floorsFor } from './real/floors.ts';
import type { Order } from './real/order.ts';
import { Outside } from './real/outside.ts';
import { tell } from './real/tell.ts';
import { runTrial, type TrialOptions, type TrialReport } from './real/trial.ts';

/** Runs it and prints its figures. */
async function trial(options: TrialOptions): Promise<TrialReport> {
  const report = await runTrial(options);
  process.stdout.write(`${tell(report.figures).join('\n')}\n`);
  return report;
}

function kept(report: TrialReport, seed: number): string {
  const file = join(mkdtempSync(join(tmpdir(), 'devmentor-real-')), `seed-${seed}.json`);
  report.save(file);
  return `everything that happened is in ${file}`;
}

describe('real processes', () => {
  it('[RP1] under every kind of fault, leases, guarded registers, locked sets and actors keep their word', async () => {
    const seed = 1;
    const withinMs = 24_000;
    const report = await trial({ seed, withinMs });
    if (report.objections.length > 0) process.stdout.write(`${kept(report, seed)}\n`);
    expect(report.objections.map(({ check, message }) => `${check}: ${message}`)).toEqual([]);
    expect(shortfalls(report.figures, floorsFor(withinMs))).toEqual([]);
  }, 150_000);

  it('[RP2] with no guard at the resources, the checks find what a stopped holder does to them', async () => {
    const expected = [
      'linearizable fenced register',
      'linearizable logs',
      'exclusive by fence',
      'no acknowledged loss',
    ];
    const found = new Set<string>();
    // A stop has to meet somebody between a claim and a write: nearly always one of the first five does.
    for (let seed = 1; seed <= 3 && !expected.every((check) => found.has(check)); seed++) {
      const { objections } = await trial({
        seed,
        withinMs: 10_000,
        everyMs: 2_000,
        workloads: ['claims', 'lock-set'],
        kinds: ['stop'],
        isGuarded: false,
      });
      for (const { check } of objections) found.add(check);
    }
    // Only who may write is in question, not who holds.
    expect([...found].sort()).toEqual(expected.sort());
  }, 180_000);

  it('[RP3] a plan repeats with its seed, and has every kind of fault before any a second time', () => {
    const plan = faultPlan({ seed: 7, workers: 3, withinMs: 60_000 });
    expect(faultPlan({ seed: 7, workers: 3, withinMs: 60_000 })).toEqual(plan);
    expect(faultPlan({ seed: 8, workers: 3, withinMs: 60_000 })).not.toEqual(plan);
    const first = plan.slice(0, FAULT_KINDS.length).map(({ fault }) => fault.kind);
    expect([...first].sort()).toEqual([...FAULT_KINDS].sort());
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('[RP4] a trial in which too little happened is told so, and what was missing', () => {
    const floors: Floors = { ...floorsFor(24_000), kinds: ['kill'], strikes: 1 };
    const none = { operations: 0, acknowledged: 0, failed: 0, unknown: 0, longestUnavailableMs: 0 };
    const faults = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as TrialReport['figures']['faults'];
    const figures: TrialReport['figures'] = {
      lastedMs: 24_000,
      workloads: { claims: none, 'lock-set': none, actors: none },
      faults,
      codes: {},
      staleWrites: 0,
      linearizable: { lease: 0, register: 0, set: 0, actor: 0 },
    };
    expect(shortfalls(figures, floors).map((line) => line.split(':')[0])).toEqual([
      'acknowledged claims',
      'acknowledged lock-set',
      'acknowledged actors',
      'faults of the kind kill',
      'unknown outcomes',
      'stale writes turned away',
    ]);
  });

  it('[RP5] what a killed process was asked is unknown, and the one in its place answers', async () => {
    const cluster = await Cluster.start({ workers: 1, isGuarded: true });
    try {
      const outside = new Outside({ now: () => performance.now(), elapse: () => Promise.resolve() });
      const worker = cluster.worker(0);
      const add = (element: string, thinkMs: number) => {
        const order: Order = { do: 'add', set: 'set/a', element, waitMs: 10_000, thinkMs };
        return outside.ask({ client: 'c', worker, key: 'set/a', input: { kind: 'append', item: element }, order });
      };
      const thinking = add('first', 60_000);
      await worker.kill();
      expect(await thinking).toEqual({ kind: 'unknown', code: 'EXITED' });
      await worker.start();
      expect(worker.incarnation).toBe(2);
      expect(await add('second', 0)).toEqual({ kind: 'ok', value: { kind: 'appended' } });
      const told = outside.history.operations().map(({ process, outcome }) => `${process} ${outcome.kind}`);
      expect(told).toEqual(['c#0 unknown', 'c#1 ok']);
      expect(worker.brokeDown).toEqual([]);
    } finally {
      await cluster.end();
    }
  }, 60_000);

  it('[RP6] no worker outlives the trial, not even a stopped one whose trial was killed', async () => {
    const run = fileURLToPath(new URL('./real/run.ts', import.meta.url));
    const outside = spawn(process.execPath, ['--conditions=@devmentor/source', run, '--seconds=60'], {
      stdio: 'ignore',
    });
    const ended = once(outside, 'exit');
    let workers: number[] = [];
    try {
      await expect.poll(() => workersOf(outside.pid).length, { timeout: 30_000 }).toBe(3);
      workers = workersOf(outside.pid);
      process.kill(workers[0] ?? 0, 'SIGSTOP');
    } finally {
      outside.kill('SIGKILL');
      await ended;
    }
    await expect.poll(() => workers.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  }, 60_000);
});

function workersOf(pid: number | undefined): number[] {
  const { stdout } = spawnSync('pgrep', ['-P', `${pid}`, '-f', 'real/worker.ts'], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
