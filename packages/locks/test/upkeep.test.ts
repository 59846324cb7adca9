import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryLeaseStore, MemoryLockManager } from '../src/memory.ts';
import { SimulatedClock, seededEntropy } from '../src/testing.ts';

const press = 'project:press';

let clock: SimulatedClock;
let store: MemoryLeaseStore;
let locks: MemoryLockManager;

beforeEach(() => {
  clock = new SimulatedClock();
  store = new MemoryLeaseStore({ clock });
  locks = new MemoryLockManager({ store, clock, entropy: seededEntropy(1) });
});

describe('automatic renewal', () => {
  it('[HL9] ends with maxHoldMs: the work is aborted then, and the lease ends with its last term', async () => {
    const lease = await locks.acquire(press, { ttlMs: 3_000, maxHoldMs: 10_000 });
    const { signal } = lease;
    await clock.advance(9_999);
    expect(lease.valid).toBe(true);
    await clock.advance(1);
    expect(lease.valid).toBe(false);
    expect(signal.reason).toMatchObject({ code: 'LEASE_LOST', reason: 'max-hold' });
    expect(await locks.inspect(press)).toMatchObject({ kind: 'held' });
    await clock.advance(3_000);
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free', last: { how: 'expired' } });
  });

  it('[HL9] is not tried again once the last term reaches beyond maxHoldMs', async () => {
    const lease = await locks.acquire(press, { ttlMs: 3_000, maxHoldMs: 3_000 });
    await clock.advance(2_900);
    expect(lease.valid).toBe(true);
    expect(locks.metrics.snapshot().renew.count).toBeLessThanOrEqual(1);
  });

  it('[HL9] work that heeds the abort hands the resource on at once', async () => {
    const work = locks
      .withLock(press, { ttlMs: 3_000, maxHoldMs: 5_000 }, async (lease) => {
        await new Promise((resolve) => lease.signal.addEventListener('abort', resolve));
        return lease.lossReason;
      })
      .finally(() => expect(clock.nowMs()).toBe(5_000));
    await clock.advance(5_000);
    expect(await work).toBe('max-hold');
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free', last: { how: 'released' } });
  });

  it('[HL9] asks isAlive first, and stops when it says no', async () => {
    let isAlive = true;
    let asked = 0;
    const lease = await locks.acquire(press, {
      ttlMs: 3_000,
      isAlive: (probed) => {
        asked += 1;
        return isAlive && probed.resource === press;
      },
    });
    const { signal } = lease;
    await clock.advance(10_000);
    expect(lease.valid).toBe(true);
    expect(asked).toBeGreaterThanOrEqual(10);
    isAlive = false;
    await clock.advance(1_000);
    expect(signal.reason).toMatchObject({ reason: 'not-alive' });
    await clock.advance(3_000);
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free' });
  });

  it('[HL9] takes a probe that throws, or never answers, for no', async () => {
    const throws = await locks.acquire('throws', {
      ttlMs: 3_000,
      isAlive: () => {
        throw new Error('no pulse');
      },
    });
    const hangs = await locks.acquire('hangs', { ttlMs: 3_000, isAlive: () => new Promise<boolean>(() => undefined) });
    await clock.advance(1_000);
    expect(throws.lossReason).toBe('not-alive');
    expect(hangs.valid).toBe(true);
    await clock.advance(2_000);
    expect(hangs.lossReason).toBe('not-alive');
    await clock.advance(2_000);
    expect(await locks.list({ prefix: '' })).toEqual({ items: [] });
  });

  it('[HL9] does not renew for a probe that answers after the release', async () => {
    let answer: (isAlive: boolean) => void = () => undefined;
    const lease = await locks.acquire(press, {
      ttlMs: 3_000,
      isAlive: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    await clock.advance(1_000);
    await lease.release();
    answer(true);
    await clock.settle();
    expect(locks.metrics.snapshot().renew.count).toBe(0);
    await locks.close();
    expect(clock.pending).toBe(0);
  });

  it.each([
    [{ maxHoldMs: 100 }, 'give a shorter ttlMs'],
    [{ maxHoldMs: Number.NaN }, 'leave it out for no cap'],
    [{ maxHoldMs: 60_000, renew: 'manual' as const }, "use renew 'auto'"],
    [{ isAlive: () => true, renew: 'manual' as const }, "use renew 'auto'"],
  ])('[LM5] refuses %j with a message that names the fix', async (options, words) => {
    const fault = await locks.tryAcquire(press, options).catch((caught: unknown) => caught);
    expect(fault).toMatchObject({ code: 'LOCK_CONFIG', applied: 'no' });
    expect((fault as Error).message).toContain(words);
  });
});
