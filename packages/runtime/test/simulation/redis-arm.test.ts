// A world on a real redis-server decides as one on the memory adapters does, to the byte; and what a script that
// ships lacks is found there.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../../test/backends.ts';
import type { Fault } from '../../src/simulation/fault.ts';
import type { Seen } from '../../src/simulation/seen.ts';
import type { Case, Simulation } from '../../src/simulation/simulation.ts';
import { SimulationFailure } from '../../src/simulation/simulation-failure.ts';
import { traceDigest } from '../../src/simulation/trace.ts';
import { mixed } from './mixed.fixture.ts';
import { type LuaMutant, luaMutants } from './mutants/lua-mutants.ts';
import { modules } from './mutants/mutants.ts';
import type { PlayedOnRedis } from './mutants/on-redis.ts';
import { notes } from './notes.fixture.ts';
import { RedisServices } from './redis-services.ts';
import { claims, forgetfulClaims, queues } from './workloads/claims.sim.ts';
import { desks } from './workloads/desks.sim.ts';

const TEST_MS = 120_000;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

let redis: Backend;
let services: RedisServices;
beforeAll(async () => {
  redis = await startRedis();
  services = await RedisServices.open(redis.url);
});
afterAll(async () => {
  await services.close();
  await redis.stop();
});

/** What became of a case, whether or not something objected to it. */
async function ended<Step>(
  simulation: Simulation<Step>,
  played: Case<Step>,
): Promise<{ readonly seen: Seen; readonly objected: readonly string[] }> {
  try {
    return { seen: (await simulation.play(played)).seen, objected: [] };
  } catch (thrown) {
    if (!(thrown instanceof SimulationFailure)) throw thrown;
    return { seen: thrown.seen, objected: thrown.violations.map(({ check, message }) => `${check}: ${message}`) };
  }
}

/** Plays the cases of the first seeds on both: they end alike. */
async function playedOnBoth<Step>(
  simulation: Simulation<Step>,
  seeds: number,
  more: readonly Fault[] = [],
): Promise<{ readonly operations: number; readonly struck: number; readonly objected: readonly string[] }> {
  const onRedis = simulation.over(services);
  const objected: string[] = [];
  let [operations, struck] = [0, 0];
  for (let seed = 1; seed <= seeds; seed++) {
    const drawn = await simulation.caseOf(seed);
    const played = { ...drawn, faults: [...drawn.faults, ...more] };
    const inMemory = await ended(simulation, played);
    const inRedis = await ended(onRedis, played);
    expect(inRedis.seen.history.operations()).toEqual(inMemory.seen.history.operations());
    expect(inRedis.objected).toEqual(inMemory.objected);
    expect(traceDigest(inRedis.seen.trace), `seed ${seed}`).toBe(traceDigest(inMemory.seen.trace));
    operations += inRedis.seen.history.operations().filter(({ outcome }) => outcome.kind === 'ok').length;
    struck += inRedis.seen.faults.filter((fault) => fault.struck).length;
    objected.push(...inRedis.objected);
  }
  return { operations, struck, objected };
}

describe('a world on a real redis-server', { timeout: TEST_MS }, () => {
  it('[RA1] has, of claims and queues under any faults, the trace that the memory adapters have', async () => {
    const held = await playedOnBoth(claims, 25);
    expect(held.objected).toEqual([]);
    expect(held.operations).toBeGreaterThan(500);
    expect(held.struck).toBeGreaterThan(75);
    const waited = await playedOnBoth(queues, 10);
    expect(waited.objected).toEqual([]);
    expect(waited.operations).toBeGreaterThan(200);
  });

  it('[RA1] has, of actors under any faults, the trace that the memory adapters have', async () => {
    const told = await playedOnBoth(notes(), 12);
    expect(told.objected).toEqual([]);
    expect(told.operations).toBeGreaterThan(200);
    expect(told.struck).toBeGreaterThan(30);
    expect((await playedOnBoth(mixed, 12)).operations).toBeGreaterThan(150);
    expect((await playedOnBoth(desks, 8)).operations).toBeGreaterThan(100);
  });

  it('[RA2] fails over to a server that lost the last writes, and has everything before them, at its time', async () => {
    const lost = (losing: number, atMs: number): Fault => ({ kind: 'failover', line: 'state', atMs, losing });
    expect((await playedOnBoth(forgetfulClaims, 12)).operations).toBeGreaterThan(200);
    // A node that finds its own commit undone says so, and that ends the scenario: in both at the same moment.
    expect((await playedOnBoth(mixed, 8, [lost(3, 900), lost(1, 1_700)])).struck).toBeGreaterThan(10);
  });

  it('[RA3] plays a case twice alike, by scripts, one at a time, and asks no clock', async () => {
    await redisCommand('config', 'resetstat');
    const played = await claims.caseOf(7);
    const first = await claims.over(services).play(played);
    const second = await claims.over(services).play(played);
    expect(second.digest()).toBe(first.digest());
    const used = await redisCommand('info', 'commandstats');
    const calls = (command: string): number =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(used)?.[1] ?? 0);
    expect(calls('evalsha')).toBeGreaterThan(100);
    expect(calls('time')).toBe(0);
    // One after each command, since nothing else is under way.
    expect(calls('publish')).toBeGreaterThan(100);
  });
});

async function redisCommand(...words: readonly [string, ...string[]]): Promise<string> {
  return String(await services.command(...words));
}

/** Plays the seed that finds a mutant, in a process that runs it, and then more of them until one does. */
async function played(mutant: LuaMutant, more: number): Promise<PlayedOnRedis> {
  const { file, passage, instead, simulation, foundAt } = mutant;
  const words = [redis.url, modules[simulation].href, simulation, foundAt, more];
  const child = fork(here('./mutants/on-redis.ts'), words.map(String), {
    execArgv: ['--conditions=@devmentor/source', '--import', new URL('./mutants/load-mutant.ts', import.meta.url).href],
    env: { ...process.env, DEVMENTOR_MUTANT: JSON.stringify({ file, passage, instead }) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  return await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as PlayedOnRedis));
    child.once('exit', (code) => reject(new Error(`"${simulation}" on Redis ended with ${code}:\n${said}`)));
  });
}

describe('a script without one of its safeguards', { timeout: TEST_MS }, () => {
  it.each(luaMutants)('[RA4] $simulation on Redis finds out where it is not so that $name', async (mutant) => {
    const { checks, message } = await played(mutant, 300);
    expect(
      checks.filter((check) => mutant.checks.includes(check)),
      message,
    ).not.toEqual([]);
  });

  it('[RA4] is all that is wrong: those who ship pass the same seeds', async () => {
    const whole = await Promise.all(luaMutants.map((mutant) => played({ ...mutant, instead: mutant.passage }, 0)));
    for (const found of whole) expect(found).toEqual({ checks: [], message: '' });
  });
});
