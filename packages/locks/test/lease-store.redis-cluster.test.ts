import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { type RedisCluster, startRedisCluster } from '../../../test/redis-cluster.ts';
import { RedisLeaseStore, RedisLink, safeClusterOptions } from '../src/redis.ts';
import { leaseStoreContract } from '../src/testing.ts';

describe('LeaseStore contract: Redis Cluster', () => {
  let backend: RedisCluster;
  let cluster: Cluster;
  let link: RedisLink;
  let namespaces = 0;
  beforeAll(async () => {
    backend = await startRedisCluster();
    cluster = new Cluster([...backend.urls], safeClusterOptions(2_000));
    link = RedisLink.open({ redis: cluster });
  }, 30_000);
  afterAll(async () => {
    await link.close();
    cluster.disconnect();
    await backend.stop();
  });
  leaseStoreContract({
    open: async () => {
      namespaces += 1;
      return new RedisLeaseStore({ link, namespace: `cluster${namespaces}` });
    },
    elapse: (ms) => sleep(ms),
  });
});
