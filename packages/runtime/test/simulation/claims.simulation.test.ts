// Two processes play thousands of histories of claims, and hundreds of desks and of pools: nothing is found, and all that
// matters happens.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Played } from './play-seeds.ts';
import { MOMENTS } from './workloads/claims.moments.ts';

const WORKERS = 2;
/** What a history has to come to. */
const OPERATIONS = 30;
const FAULTS = 3;
const TEST_MS = 180_000;

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

function playSeeds(file: string, name: string, from: number, seeds: number): Promise<Played> {
  const words = [new URL(`./workloads/${file}`, import.meta.url).href, name, from, seeds, OPERATIONS, FAULTS];
  const child = fork(here('play-seeds.ts'), words.map(String), {
    execArgv: ['--conditions=@devmentor/source'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Played));
    child.once('exit', (code) => reject(new Error(`seeds of ${name} from ${from} ended with ${code}:\n${said}`)));
  });
}

/** Seeds from 1, shared out evenly. */
async function explored(file: string, name: string, seeds: number): Promise<Played> {
  const each = Math.ceil(seeds / WORKERS);
  const parts = await Promise.all(
    Array.from({ length: WORKERS }, (_, nth) => playSeeds(file, name, 1 + nth * each, each)),
  );
  const sometimes: { [label: string]: number } = {};
  for (const part of parts)
    for (const [label, count] of Object.entries(part.sometimes)) sometimes[label] = (sometimes[label] ?? 0) + count;
  const sum = (of: (part: Played) => number): number => parts.reduce((total, part) => total + of(part), 0);
  return {
    histories: sum(({ histories }) => histories),
    full: sum(({ full }) => full),
    operations: sum(({ operations }) => operations),
    faults: sum(({ faults }) => faults),
    sometimes,
    failures: parts.flatMap(({ failures }) => failures),
  };
}

const never = (sometimes: Played['sometimes']): readonly string[] =>
  Object.entries(sometimes).flatMap(([label, count]) => (count === 0 ? [label] : []));

describe('many histories', () => {
  it('[WL1] of claims: 2,000 of 3 nodes, 30 operations and 3 faults at least, nothing found, all that matters reached', {
    timeout: TEST_MS,
  }, async () => {
    const { failures, full, histories, sometimes } = await explored('claims.sim.ts', 'claims', 2_040);
    expect(failures).toEqual([]);
    expect(histories).toBe(2_040);
    expect(full).toBeGreaterThanOrEqual(2_000);
    expect(Object.keys(sometimes).sort()).toEqual([...MOMENTS].sort());
    expect(never(sometimes)).toEqual([]);
  });

  it('[WL3] of pools: 300 of 3 nodes under faults, nothing overdrawn, every waiter served, all that matters reached', {
    timeout: TEST_MS,
  }, async () => {
    const { failures, histories, sometimes } = await explored('pools.sim.ts', 'pools', 300);
    expect(failures).toEqual([]);
    expect(histories).toBe(300);
    expect(never(sometimes)).toEqual([]);
  });

  it('[WL2] of actors: 300 of 3 nodes under faults, nothing found, all that matters reached', {
    timeout: TEST_MS,
  }, async () => {
    const { failures, histories, sometimes } = await explored('desks.sim.ts', 'desks', 300);
    expect(failures).toEqual([]);
    expect(histories).toBe(300);
    expect(never(sometimes)).toEqual([]);
  });

  it('[WL2] [OB7] of actors that tell one which keeps a single lane: 300 under faults, each message kept once', {
    timeout: TEST_MS,
  }, async () => {
    const { failures, histories } = await explored('lanes.sim.ts', 'lanes', 300);
    expect(failures).toEqual([]);
    expect(histories).toBe(300);
  });
});
