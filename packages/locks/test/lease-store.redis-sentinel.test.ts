import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe } from 'vitest';
import { type RedisSentinel, startRedisSentinel } from '../../../test/redis-sentinel.ts';
import { RedisLeaseStore, RedisLink } from '../src/redis.ts';
import { leaseStoreContract } from '../src/testing.ts';

describe('LeaseStore contract: Redis Sentinel', () => {
  let backend: RedisSentinel;
  let link: RedisLink;
  let namespaces = 0;
  beforeAll(async () => {
    backend = await startRedisSentinel();
    link = RedisLink.open({ redis: { sentinels: [...backend.sentinels], name: backend.name } });
  }, 40_000);
  afterAll(async () => {
    await link.close();
    await backend.stop();
  });
  leaseStoreContract({
    open: async () => {
      namespaces += 1;
      return new RedisLeaseStore({ link, namespace: `sentinel${namespaces}` });
    },
    elapse: (ms) => sleep(ms),
  });
});
