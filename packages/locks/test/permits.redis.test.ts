import { setTimeout as elapse } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { startRedisCluster } from '../../../test/redis-cluster.ts';
import type { Lease } from '../src/index.ts';
import { RedisLink, RedisLockManager, type RedisLockManagerOptions, safeClusterOptions } from '../src/redis.ts';

describe('pools and several locks at once on a real Redis', { timeout: 40_000 }, () => {
  let redis: Backend;
  let managers: RedisLockManager[];

  beforeEach(async () => {
    redis = await startRedis({ config: { 'repl-diskless-sync-delay': '0' } });
    managers = [];
  });
  afterEach(async () => {
    redis.resume();
    await Promise.all(managers.map((manager) => manager.close()));
    await redis.stop();
  });

  function open(options: Partial<RedisLockManagerOptions> = {}): RedisLockManager {
    const manager = new RedisLockManager({ redis: redis.url, namespace: 'pools', commandTimeoutMs: 400, ...options });
    managers.push(manager);
    return manager;
  }

  async function counted(work: () => Promise<unknown>): Promise<number> {
    const link = RedisLink.open({ redis: redis.url });
    await link.command('config', 'resetstat');
    await work();
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(String(await link.command('info', 'commandstats')))?.[1];
    await link.close();
    return Number(calls ?? 0);
  }

  it('[PR1] permits go from process to process as they come free, none lost and none made', async () => {
    const pools = [open(), open(), open()].map((manager) => manager.semaphore('gpu', { permits: 3 }));
    let inside = 0;
    let most = 0;
    const fences: string[] = [];
    await Promise.all(
      Array.from({ length: 45 }, async (_, n) => {
        const count = 1 + (n % 3);
        await using lease = await (pools[n % 3] as (typeof pools)[0]).acquire({ count, waitMs: 30_000 });
        inside += count;
        most = Math.max(most, inside);
        fences.push(lease.fence);
        await elapse(2);
        expect(lease.valid).toBe(true);
        inside -= count;
      }),
    );
    expect(most).toBe(3);
    expect(new Set(fences).size).toBe(45);
    expect(await pools[0]?.inspect()).toMatchObject({ held: 0, queue: 0, free: 3 });
  });

  it('[PR2] a black-holed link aborts a permit at its local deadline, and another has it then', async () => {
    const permit = await open().semaphore('gpu', { permits: 1 }).acquire({ ttlMs: 1_500 });
    const leftMs = permit.remainingMs();
    const sinceMs = performance.now();
    const lost = new Promise<number>((resolve) => {
      permit.signal.addEventListener('abort', () => resolve(performance.now() - sinceMs));
    });
    redis.pause();
    const afterMs = await lost;
    redis.resume();
    expect(afterMs).toBeGreaterThan(leftMs - 50);
    expect(afterMs).toBeLessThanOrEqual(leftMs + 100);
    expect(permit.lossReason).toBe('unreachable');
    const next = await open().semaphore('gpu', { permits: 1 }).acquire({ waitMs: 10_000 });
    expect(next.fence > permit.fence).toBe(true);
  });

  it('[PR3] a claim whose reply was lost is taken back, or found again by its request id', async () => {
    const gpu = open().semaphore('gpu', { permits: 2 });
    await gpu.inspect();
    redis.pause();
    const [nameless, named] = await Promise.all([
      gpu.tryAcquire({ holder: { id: 'nameless' } }),
      gpu.tryAcquire({ holder: { id: 'named' }, requestId: 'once' }),
    ]);
    expect([nameless.kind, named.kind]).toEqual(['unavailable', 'unavailable']);
    redis.resume();
    const again = await open().semaphore('gpu', { permits: 2 }).tryAcquire({ requestId: 'once' });
    expect(again.kind).toBe('granted');
    await expect
      .poll(async () => (await gpu.inspect()).holders.map(({ holder }) => holder.id), { timeout: 10_000 })
      .toEqual(['named']);
  });

  it('[PR4] fences rise over FLUSHALL, and the one flushed away learns that it lost', async () => {
    const doc = open().readWrite('doc');
    const first = await doc.write({ ttlMs: 900 });
    const aborted = new Promise((resolve) => first.signal.addEventListener('abort', resolve));
    const link = RedisLink.open({ redis: redis.url });
    await link.command('flushall');
    await link.close();
    const second = await open().readWrite('doc').write({ waitMs: 5_000 });
    expect(second.fence > first.fence).toBe(true);
    await aborted;
    expect(first.valid).toBe(false);
  });

  it('[PR5] 100 permits are renewed in batches, not one by one', async () => {
    const gpu = open().semaphore('gpu', { permits: 100 });
    const permits: Lease[] = await Promise.all(Array.from({ length: 100 }, () => gpu.acquire({ ttlMs: 1_000 })));
    // About seven renewals each in this while; the sweeps are among the calls.
    expect(await counted(() => elapse(2_000))).toBeLessThan(200);
    expect(permits.every(({ valid }) => valid)).toBe(true);
  });

  it('[PR7] with minReplicas a permit is answered when the replica has it, or given back', async () => {
    await using replica = await startRedis({ config: { replicaof: ['127.0.0.1', `${redis.port}`] } });
    const link = RedisLink.open({ redis: redis.url });
    await expect
      .poll(async () => String(await link.command('info', 'replication')), { timeout: 15_000, interval: 20 })
      .toMatch(/state=online/);
    await link.close();
    // Long enough for a replica on a busy machine to answer.
    const replicated = { minReplicas: 1, replicaTimeoutMs: 1_500, commandTimeoutMs: 5_000 };
    const pools = [open(replicated), open(replicated)].map((one) => one.semaphore('gpu', { permits: 2 }));
    const [gpu, elsewhere] = pools as [(typeof pools)[0], (typeof pools)[0]];
    const first = await gpu.acquire({ count: 2, meta: { ключ: 'é' } });
    const waiting = elsewhere.acquire({ holder: { id: 'bob' }, waitMs: 20_000 });
    await expect.poll(async () => (await gpu.inspect()).queue, { interval: 5 }).toBe(1);
    await first.release();
    const second = await waiting;
    expect(second.fence > first.fence).toBe(true);
    expect((await gpu.inspect()).holders).toMatchObject([{ holder: { id: 'bob' }, offered: false }]);
    replica.pause();
    expect(await gpu.tryAcquire()).toMatchObject({
      kind: 'unavailable',
      cause: { code: 'STORE_UNAVAILABLE', applied: 'no' },
    });
    replica.resume();
    expect((await open().semaphore('gpu', { permits: 2 }).inspect()).held).toBe(1);
  });

  it('[PR6] several locks are one script call to take and one to give back', async () => {
    const locks = open();
    await locks.acquire('warm');
    const names = Array.from({ length: 32 }, (_, n) => `project:${n}`);
    let lease: Awaited<ReturnType<typeof locks.acquireAll>> | undefined;
    const calls = await counted(async () => {
      lease = await locks.acquireAll(names);
      expect((await lease.release()).kind).toBe('released');
    });
    // A sweep may fall into the moment.
    expect(calls).toBeLessThanOrEqual(4);
    expect(lease?.resources).toHaveLength(32);
  });

  it('[PR6] several locks on Redis Cluster lie in as many slots as they like', async () => {
    await using backend = await startRedisCluster();
    const cluster = new Cluster([...backend.urls], safeClusterOptions(2_000));
    const locks = new RedisLockManager({ redis: cluster, namespace: 'spread' });
    const names = Array.from({ length: 20 }, (_, n) => `project:${n}`);
    expect(new Set(names.map((name) => locks.log.bucketOf(name))).size).toBeGreaterThan(5);
    const all = await locks.acquireAll(names, { waitMs: 20_000 });
    expect(all.valid).toBe(true);
    const refused = await locks.tryAcquireAll(['other', 'project:7']);
    expect(refused).toMatchObject({ kind: 'refused', resource: 'project:7', outcome: { kind: 'busy' } });
    expect(await locks.inspect('other')).toMatchObject({ kind: 'free' });
    await all.release();
    const doc = locks.readWrite('doc');
    const readers = await Promise.all([doc.read({ waitMs: 20_000 }), doc.read({ waitMs: 20_000 })]);
    const writing = doc.write({ waitMs: 20_000 });
    for (const reader of readers) await reader.release();
    expect((await writing).fence > (readers[1] as Lease).fence).toBe(true);
    await locks.close();
    cluster.disconnect();
  });
});
