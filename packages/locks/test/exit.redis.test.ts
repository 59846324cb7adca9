import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as elapse } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { RedisLockManager } from '../src/redis.ts';

const resource = 'project:press';

describe('a process that is told to end', { timeout: 40_000 }, () => {
  let redis: Backend;
  let locks: RedisLockManager;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    redis = await startRedis();
    locks = new RedisLockManager({ redis: redis.url, namespace: 'exit' });
  });
  afterEach(async () => {
    redis.resume();
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await locks.close();
    await redis.stop();
  });

  /** A child that holds a lease and a permit; their ids, and how it ended. */
  async function start(
    leases: 'release' | 'keep' | 'none',
    budgetMs: number,
    own = '',
  ): Promise<{ child: ChildProcess; ids: string[]; ended: Promise<unknown[]> }> {
    const file = fileURLToPath(new URL('children/exiting.ts', import.meta.url));
    const child = spawn(
      process.execPath,
      ['--conditions=@devmentor/source', file, redis.url, 'exit', resource, leases, `${budgetMs}`, own],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    children.push(child);
    const ended = once(child, 'exit');
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    const line = (await lines.next()).value as string;
    return { child, ids: line.split(' '), ended };
  }

  const isFree = async (): Promise<boolean[]> => [
    (await locks.inspect(resource)).kind === 'free',
    (await locks.semaphore('gpu', { permits: 2 }).inspect()).held === 0,
  ];

  it.each(['SIGTERM', 'SIGINT'] as const)('[EX1] hands its leases back on %s, and ends by it', async (signal) => {
    const { child, ended } = await start('release', 5_000);
    expect(await isFree()).toEqual([false, false]);
    child.kill(signal);
    expect(await ended).toEqual([null, signal]);
    expect(await isFree()).toEqual([true, true]);
  });

  it('[EX1] keeps them for another process, which resumes them under the same fences', async () => {
    const { child, ids, ended } = await start('keep', 5_000);
    const before = await locks.inspect(resource);
    child.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGTERM']);
    const [leaseId = '', permitId = ''] = ids;
    const resumed = await locks.resume({ resource, leaseId });
    const permit = await locks.semaphore('gpu', { permits: 2 }).resume({ leaseId: permitId });
    if (resumed.kind !== 'resumed' || permit.kind !== 'resumed') throw new Error(`${resumed.kind} ${permit.kind}`);
    expect(before).toMatchObject({ kind: 'held', fence: resumed.lease.fence });
    await elapse(2_000);
    expect([resumed.lease.valid, permit.lease.valid]).toEqual([true, true]);
  });

  it('[EX1] has nothing to hand back after a crash: the leases lapse by their terms', async () => {
    const { child, ended } = await start('release', 5_000);
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(await isFree()).toEqual([false, false]);
    const next = await locks.acquire(resource, { holder: { id: 'next' }, waitMs: 10_000 });
    const permit = await locks.semaphore('gpu', { permits: 2 }).acquire({ count: 2, waitMs: 10_000 });
    expect([next.valid, permit.valid]).toEqual([true, true]);
  });

  it('[EX2] ends within its budget though the store does not answer', async () => {
    const { child, ended } = await start('release', 700);
    redis.pause();
    const sinceMs = performance.now();
    child.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGTERM']);
    const tookMs = performance.now() - sinceMs;
    expect(tookMs).toBeGreaterThan(600);
    expect(tookMs).toBeLessThan(3_000);
  });

  it('[EX3] ends at once at the second signal', async () => {
    const { child, ended } = await start('release', 30_000);
    redis.pause();
    const sinceMs = performance.now();
    let signals = 0;
    // A signal that arrives before the first was seen is none of its own: until it ends.
    const again = setInterval(() => {
      signals += 1;
      child.kill('SIGTERM');
    }, 100);
    expect(await ended).toEqual([null, 'SIGTERM']);
    clearInterval(again);
    expect(signals).toBeGreaterThan(1);
    expect(performance.now() - sinceMs).toBeLessThan(10_000);
  });

  it('[EX4] leaves the end to the application, where that listens for the signal too', async () => {
    const { child, ended } = await start('release', 5_000, 'own');
    child.kill('SIGTERM');
    expect(await ended).toEqual([11, null]);
    expect(await isFree()).toEqual([true, true]);
  });

  it('[EX1] hands them back when nothing is left to do, and ends with its own exit code', async () => {
    const file = fileURLToPath(new URL('children/idle.ts', import.meta.url));
    const run = async (...args: string[]): Promise<string> => {
      const child = spawn(process.execPath, ['--conditions=@devmentor/source', file, ...args]);
      children.push(child);
      let printed = '';
      child.stdout.on('data', (chunk) => {
        printed += chunk;
      });
      const [code] = await once(child, 'close');
      return `${code}: ${printed.trim()}`;
    };
    expect(await run()).toBe('3: 3 lost shutdown 0');
    expect(await run('stopped')).toBe('3: 3 held undefined 0');
  });
});
