import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import type { PermitRequest } from '../src/permit-command.ts';
import { RedisPermitStore } from '../src/permit-store.redis.ts';
import { RedisLink } from '../src/redis-link.ts';
import { givenTime } from '../src/redis-time.ts';
import { permitStoreContract } from '../src/testing.ts';

let redis: Backend;
let link: RedisLink;
let namespaces = 0;

beforeAll(async () => {
  redis = await startRedis();
  link = RedisLink.open({ redis: redis.url });
});
afterAll(async () => {
  await link.close();
  await redis.stop();
});

describe('PermitStore contract: Redis', () => {
  permitStoreContract({
    open: async () => {
      namespaces += 1;
      return new RedisPermitStore({ link, namespace: `contract${namespaces}`, buckets: () => 16 });
    },
    elapse: (ms) => sleep(ms),
  });
});

describe('pools on a real Redis', () => {
  const claim = (id: string, weight = 1): PermitRequest => ({
    kind: 'request',
    resource: 'gpu',
    capacity: 4,
    weight,
    leaseId: `l${id}`,
    requestId: id,
    holder: { id },
    instance: 'tab',
    ttlMs: 1_000,
    meta: undefined,
    waitMs: 5_000,
    listener: 'here',
  });

  it('[PS11] nothing of a pool is left on the server once it is past its window', async () => {
    let us = 1_800_000_000_000_000;
    const time = givenTime(() => us);
    const store = new RedisPermitStore({ link, namespace: 'swept', buckets: () => 16, time });
    for (const id of ['a', 'b', 'c']) await store.submit<'request'>(claim(id, 2));
    await store.submit<'cancel'>({ kind: 'cancel', resource: 'gpu', requestId: 'c' });
    expect(await link.command('keys', 'swept:*')).not.toEqual([]);
    us += 1_100_000;
    await store.sweep();
    expect((await store.submit<'inspect'>({ kind: 'inspect', resource: 'gpu' })).view.held).toBe(0);
    us += 601_000_000;
    await store.sweep();
    // The log goes by itself.
    expect(await link.command('keys', 'swept:*')).toEqual([expect.stringMatching(/:pool-log$/)]);
  });

  it('[PS11] should nobody sweep, a pool leaves by itself some time later', async () => {
    const store = new RedisPermitStore({ link, namespace: 'left', buckets: () => 16 });
    await store.submit<'request'>(claim('a', 4));
    await store.submit<'request'>(claim('b', 4));
    for (const key of (await link.command('keys', 'left:*')) as string[])
      if (!key.endsWith('pool-due')) expect(Number(await link.command('pttl', key))).toBeGreaterThan(500_000);
  });

  it('[LG1] without a log there are permits as ever and no events; whoever asks for events is told so', async () => {
    const store = new RedisPermitStore({ link, namespace: 'silent', buckets: () => 1, log: false });
    expect((await store.submit<'request'>(claim('a', 4))).kind).toBe('granted');
    expect(await link.command('exists', 'silent:{b0}:pool-log')).toBe(0);
    await expect(store.readLog(0, 'start', 1)).rejects.toThrow('no event log');
  });

  it('[PS12] a script touches no key that it was not passed', async () => {
    const client = new Redis(redis.url);
    const monitor = await client.monitor();
    const passed = new Set<string>();
    const touched: string[][] = [];
    monitor.on('monitor', (_time, [name = '', ...args]: string[], source) => {
      if (source !== 'lua' && name.startsWith('eval'))
        for (const key of args.slice(2, 2 + Number(args[1]))) passed.add(key);
      if (source === 'lua' && !/^(time|publish)$/i.test(name)) touched.push([name.toLowerCase(), ...args]);
    });
    const store = new RedisPermitStore({ link, namespace: 'keys', buckets: () => 16 });
    for (const id of ['a', 'b', 'c', 'd']) await store.submit<'request'>(claim(id, 2));
    await store.submit<'renew'>({ kind: 'renew', resource: 'gpu', leaseId: 'la', ttlMs: undefined });
    await store.submit<'release'>({
      kind: 'release',
      resource: 'gpu',
      leaseId: 'la',
      how: 'released',
      reason: undefined,
    });
    const next = { leaseId: 'lb2', requestId: 'b2' };
    await store.submit<'reweigh'>({ kind: 'reweigh', resource: 'gpu', leaseId: 'lb', weight: 1, next });
    await store.submit<'cancel'>({ kind: 'cancel', resource: 'gpu', requestId: 'd' });
    await store.submit<'inspect'>({ kind: 'inspect', resource: 'gpu' });
    await store.sweep();
    await expect.poll(() => touched.some(([name]) => name === 'zrangebyscore')).toBe(true);
    // All that follow the name are keys only for these; for the others the first one is.
    const keys = touched.flatMap(([name, ...args]) => (name === 'del' ? args : args.slice(0, 1)));
    expect(keys.length).toBeGreaterThan(40);
    expect(keys.filter((key) => !passed.has(key))).toEqual([]);
    monitor.disconnect();
    client.disconnect();
  });
});
