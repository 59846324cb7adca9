// Real processes on real Redis and NATS, under kill -9, SIGSTOP, bad networks and servers that restart.
// Whoever asks them is outside, and what was asked and told is judged by the same checks as simulated
// worlds. The long arm: pnpm prove real --seconds=600
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, faultPlan } from './real/fault.ts';
import { type Floors, shortfalls } from './real/figures.ts';
import { floorsFor } from './real/floors.ts';
import { tell } from './real/tell.ts';
import { runTrial, type TrialOptions, type TrialReport } from './real/trial.ts';

/** Runs it, prints its figures, and fails with the story and a file when there is anything to object to. */
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
    const report = await trial({
      seed: 2,
      withinMs: 9_000,
      everyMs: 3_000,
      workers: 2,
      workloads: ['claims', 'lock-set'],
      kinds: ['stop'],
      isGuarded: false,
    });
    const checks = new Set(report.objections.map(({ check }) => check));
    expect(checks).toContain('linearizable fenced register');
    expect(checks).toContain('linearizable log');
    expect(checks).toContain('exclusive by fence');
    expect(checks).toContain('no acknowledged loss');
    // Whoever holds it is not in question, only who may write.
    expect(checks).not.toContain('linearizable leases');
  }, 120_000);

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
});
