import { expect, it } from 'vitest';
import { type FencingToken, MemoryLockManager } from '../src/index.ts';
import { RedisLockManager } from '../src/redis.ts';

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
