import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { RedisLeaseStore, RedisLink } from '../src/redis.ts';
import { leaseStoreContract } from '../src/testing.ts';

describe('LeaseStore contract: Redis', () => {
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
  leaseStoreContract({
    open: async () => {
      namespaces += 1;
      return new RedisLeaseStore({ link, namespace: `contract${namespaces}` });
    },
    elapse: (ms) => sleep(ms),
  });
});
