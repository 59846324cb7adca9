import { afterEach, describe, expect, it } from 'vitest';
import { type RedisSentinel, startRedisSentinel } from '../../../test/redis-sentinel.ts';
import type { Lease } from '../src/index.ts';
import { RedisLockManager } from '../src/redis.ts';
import { type FaultProxy, startFaultProxy } from '../src/testing.ts';

const ada = { id: 'ada' };
const bob = { id: 'bob' };
const resources = Array.from({ length: 20 }, (_, n) => `project:${n}`);

describe('a primary that dies, with sentinels watching', { timeout: 60_000 }, () => {
  let redis: RedisSentinel;
  const managers: RedisLockManager[] = [];
  afterEach(async () => {
    await Promise.all(managers.splice(0).map((manager) => manager.close()));
    await redis.stop();
  });

  const open = (): RedisLockManager => {
    const manager = new RedisLockManager({
      redis: { sentinels: [...redis.sentinels], name: redis.name },
      namespace: 'promoted',
      commandTimeoutMs: 500,
    });
    managers.push(manager);
    return manager;
  };

  it('[PF9] a lease that was copied lives on, and who waits behind it gets its turn', async () => {
    redis = await startRedisSentinel();
    const [locks, others] = [open(), open()];
    const lease = await locks.acquire('project:press', { holder: ada, ttlMs: 10_000 });
    const waiting = others.acquire('project:press', { holder: bob, waitMs: 40_000 });
    await expect.poll(async () => (await locks.inspect('project:press')).queue).toBe(1);
    const [primary] = redis.nodes;
    if (primary === undefined) throw new Error('no primary');
    await primary.kill();
    await redis.promoted(primary);
    // The new primary is found without anybody's help.
    await expect.poll(async () => (await lease.renew()).kind, { timeout: 8_000 }).toBe('renewed');
    expect(lease.valid).toBe(true);
    expect(await lease.release()).toEqual({ kind: 'released' });
    const next = await waiting;
    expect(next.valid).toBe(true);
    expect(next.fence > lease.fence).toBe(true);
  });

  it('[PF9] [LS3] a promotion that lost every grant of a while hands out higher fences nevertheless', async () => {
    const proxies: FaultProxy[] = [];
    redis = await startRedisSentinel({
      copyFrom: async (primary) => {
        const proxy = await startFaultProxy({ to: { host: '127.0.0.1', port: primary.port } });
        proxies.push(proxy);
        return proxy;
      },
    });
    const [locks, others] = [open(), open()];
    await Promise.all([locks.open(), others.open()]);
    for (const proxy of proxies) proxy.blackHole();
    // Acknowledged by the primary, and known to nobody else: a grant, a release, a second grant.
    const lost: Lease[] = [];
    for (const resource of resources) {
      await (await locks.acquire(resource, { holder: ada })).release();
      lost.push(await locks.acquire(resource, { holder: ada, ttlMs: 60_000 }));
    }
    const [primary] = redis.nodes;
    if (primary === undefined) throw new Error('no primary');
    await primary.kill();
    await redis.promoted(primary);
    for (const [index, resource] of resources.entries()) {
      const before = lost[index] as Lease;
      await expect.poll(() => others.inspect(resource).catch(() => undefined)).toMatchObject({ kind: 'free' });
      const next = await others.acquire(resource, { holder: bob });
      expect(next.fence > before.fence).toBe(true);
      expect(await before.renew()).toMatchObject({ kind: 'ended' });
      expect(before.valid).toBe(false);
    }
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });
});
