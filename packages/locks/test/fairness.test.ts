import { setTimeout as elapse } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import type { LockManager } from '../src/index.ts';
import { MemoryLockManager } from '../src/index.ts';
import { RedisLockManager } from '../src/redis.ts';

const WAITERS = 20;
const HOLD_MS = 5;

/** The order in which waiters that came one after the other were let in. */
async function letIn(manager: LockManager, claim: (n: number) => Promise<AsyncDisposable>): Promise<number[]> {
  const gate = await manager.acquire('gate');
  const order: number[] = [];
  const waiters: Promise<void>[] = [];
  for (let n = 0; n < WAITERS; n += 1) {
    waiters.push(
      (async () => {
        await using _lease = await claim(n);
        order.push(n);
        await elapse(HOLD_MS);
      })(),
    );
  }
  await gate.release();
  await Promise.all(waiters);
  return order;
}

/** Pairs of which the later came first. */
function inversions(order: readonly number[]): number {
  return order.flatMap((n, at) => order.slice(at + 1).filter((later) => later < n)).length;
}

describe('20 waiters that hold for 5 ms each', () => {
  let redis: Backend;
  const managers: LockManager[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    managers.push(new MemoryLockManager());
    managers.push(new RedisLockManager({ redis: redis.url, namespace: 'fair' }));
    await Promise.all(managers.map((manager) => manager.open()));
  });
  afterAll(async () => {
    await Promise.all(managers.map((manager) => manager.close()));
    await redis.stop();
  });

  it.each([
    ['memory', 0],
    ['Redis', 1],
  ])('[WT5] go through a lease in the order they came: %s', async (_name, at) => {
    const manager = managers[at] as LockManager;
    const order = await letIn(manager, (n) =>
      manager.acquire('gate', { holder: { id: `w${n}` }, instance: `${n}`, waitMs: 30_000 }),
    );
    expect(order).toHaveLength(WAITERS);
    expect(inversions(order)).toBe(0);
  });

  it.each([
    ['memory', 0],
    ['Redis', 1],
  ])('[WT5] go through a pool in the order they came, whatever they ask for: %s', async (_name, at) => {
    const manager = managers[at] as LockManager;
    const pool = manager.semaphore('pool', { permits: 4 });
    const held = await pool.acquire({ count: 4 });
    const waiting = letIn(manager, (n) => pool.acquire({ count: 1 + (n % 4), waitMs: 30_000 }));
    await held.release();
    const order = await waiting;
    expect(order).toHaveLength(WAITERS);
    // Those that fit together are let in together, and told in the order of their grants.
    expect(inversions(order)).toBe(0);
  });
});
