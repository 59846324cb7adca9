import { setTimeout as elapse } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RedisBackend, startRedis } from '../../../test/backends.ts';
import type { Lease } from '../src/index.ts';
import { RedisLockManager } from '../src/redis.ts';

const resources = Array.from({ length: 20 }, (_, n) => `project:${n}`);

describe('fences of a server that forgets', () => {
  let redis: RedisBackend;
  let direct: Redis;
  let locks: RedisLockManager;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    direct = new Redis(redis.url, { retryStrategy: () => 20 });
    direct.on('error', () => undefined);
    await direct.config('SET', 'maxmemory', '0');
    await direct.flushall();
    locks = new RedisLockManager({ redis: redis.url, namespace: 'fences', commandTimeoutMs: 1_000 });
  });
  afterEach(async () => {
    await locks.close();
    direct.disconnect();
  });

  const claim = (who: string): Promise<Lease[]> =>
    Promise.all(resources.map((resource) => locks.acquire(resource, { holder: { id: who }, waitMs: 10_000 })));
  const remembered = async (): Promise<number> => (await direct.keys('fences:*')).length;

  it.each([
    [
      'let every key expire',
      async () => {
        const keys = await direct.keys('fences:*');
        await Promise.all(keys.map((key) => direct.pexpire(key, 1)));
        while ((await remembered()) > 0) await elapse(2);
      },
    ],
    [
      'evicted every key to make room',
      async () => {
        const used = Number(/used_memory:(\d+)/.exec(await direct.info('memory'))?.[1]);
        await direct.config('SET', 'maxmemory-policy', 'allkeys-lru');
        await direct.config('SET', 'maxmemory-samples', '64');
        await direct.config('SET', 'maxmemory', `${used + 1_000_000}`);
        for (let n = 0; (await remembered()) > 0; n += 1) await direct.set(`filling:${n}`, 'x'.repeat(50_000));
      },
    ],
    [
      'was flushed, with its scripts',
      async () => void (await Promise.all([direct.flushall(), direct.script('FLUSH')])),
    ],
    [
      'restarted without persistence',
      async () => {
        await redis.kill();
        await redis.restart();
        expect(await remembered()).toBe(0);
      },
    ],
  ])('[PF9] [LS3] rise though the server %s', async (_what, forget) => {
    const first = await claim('ada');
    await forget();
    const second = await claim('bob');
    await Promise.all(second.map((lease) => lease.release()));
    const third = await claim('cyd');
    for (const [index, lease] of second.entries()) {
      expect(lease.fence > (first[index] as Lease).fence).toBe(true);
      expect((third[index] as Lease).fence > lease.fence).toBe(true);
    }
    // Whoever held before the server forgot is told, and stops nobody.
    expect(await (first[0] as Lease).renew()).toMatchObject({ kind: 'ended' });
    expect((third[0] as Lease).valid).toBe(true);
  });
});
