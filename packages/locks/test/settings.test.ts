import { expect, it } from 'vitest';
import { type FencingToken, MemoryLockManager } from '../src/index.ts';
import { RedisLink, RedisLockManager, type ServerWarning } from '../src/redis.ts';

const redis = 'redis://127.0.0.1:1';

it.each([
  [{ namespace: '' }, 'name your application'],
  [{ namespace: 'a{b}' }, 'use others'],
  [{ namespace: 'a\nb' }, 'use others'],
  [{ namespace: 'x'.repeat(129) }, 'shorten it'],
  [{ buckets: 0 }, 'leave it out'],
  [{ buckets: 2.5 }, 'leave it out'],
  [{ buckets: 10_000 }, 'from 1 to 1024'],
  [{ logEntries: 0 }, 'log: false'],
  [{ commandTimeoutMs: 0 }, 'slowest round trip'],
  [{ commandTimeoutMs: Number.NaN }, 'slowest round trip'],
  [JSON.parse('{ "redis": null }') as { redis: string }, 'give a URL'],
])('[LM5] a manager made with %j is refused before it connects, and the fix named', (options, words) => {
  const made = (): unknown => new RedisLockManager({ redis, ...options });
  expect(made).toThrow(expect.objectContaining({ code: 'LOCK_CONFIG', applied: 'no' }));
  expect(made).toThrow(words);
});

it('[LM5] so is one in memory', () => {
  expect(() => new MemoryLockManager({ buckets: -1 })).toThrow('leave it out');
  expect(() => new MemoryLockManager({ fenceFloor: '12' as FencingToken })).toThrow('make it with fenceOf');
});

it('[LM5] so is a link', () => {
  expect(() => RedisLink.open({ redis, commandTimeoutMs: Number.NaN })).toThrow('slowest round trip');
});

it('[LM5] warns once of a term that an answer which does not come would cost', async () => {
  const told: ServerWarning[] = [];
  const onWarning = (warning: ServerWarning): void => void told.push(warning);
  const locks = new RedisLockManager({ redis: { lazyConnect: true, port: 1 }, commandTimeoutMs: 50, onWarning });
  for (const ttlMs of [100, 99, 98]) await locks.tryAcquire('a', { ttlMs: 10 * ttlMs });
  const short = new RedisLockManager({ redis: { lazyConnect: true, port: 1 }, commandTimeoutMs: 200, onWarning });
  for (const renew of ['manual', 'auto', 'auto'] as const) await short.tryAcquire('a', { ttlMs: 300, renew });
  expect(told).toEqual([
    expect.objectContaining({
      setting: 'commandTimeoutMs',
      message: expect.stringContaining('commandTimeoutMs to 100, or ttlMs to 600') as string,
    }),
  ]);
  await Promise.all([locks.close(), short.close()]);
});
