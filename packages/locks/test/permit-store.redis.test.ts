import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import type { PermitRequest } from '../src/permit-command.ts';
import { RedisPermitStore } from '../src/permit-store.redis.ts';
import { PERMIT_GIVEN_TIME } from '../src/permit-store.redis-script.ts';
import { RedisLink } from '../src/redis-link.ts';
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
    const time = { prelude: PERMIT_GIVEN_TIME, us: () => `${us}` };
    const store = new RedisPermitStore({ link, namespace: 'swept', buckets: () => 16, time });
    for (const id of ['a', 'b', 'c']) await store.submit<'request'>(claim(id, 2));
    await store.submit<'cancel'>({ kind: 'cancel', resource: 'gpu', requestId: 'c' });
    expect(await link.command('keys', 'swept:*')).not.toEqual([]);
    us += 1_100_000;
    await store.sweep();
    expect((await store.submit<'inspect'>({ kind: 'inspect', resource: 'gpu' })).view.held).toBe(0);
    us += 601_000_000;
    await store.sweep();
    expect(await link.command('keys', 'swept:*')).toEqual([]);
  });

  it('[PS11] should nobody sweep, a pool leaves by itself some time later', async () => {
    const store = new RedisPermitStore({ link, namespace: 'left', buckets: () => 16 });
    await store.submit<'request'>(claim('a', 4));
    await store.submit<'request'>(claim('b', 4));
    for (const key of (await link.command('keys', 'left:*')) as string[])
      if (!key.endsWith('pool-due')) expect(Number(await link.command('pttl', key))).toBeGreaterThan(500_000);
  });

  it('[PS12] a script touches only keys that it was passed', async () => {
    await link.command('acl', 'setuser', 'narrow', 'on', '>pw', '~narrow:{b*', '+@all', '&*');
    const url = new URL(redis.url);
    url.username = 'narrow';
    url.password = 'pw';
    const narrow = RedisLink.open({ redis: url.href });
    const store = new RedisPermitStore({ link: narrow, namespace: 'narrow', buckets: () => 16 });
    expect((await store.submit<'request'>(claim('a'))).kind).toBe('granted');
    await store.sweep();
    await narrow.close();
  });
});
