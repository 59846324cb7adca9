import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { type RedisCluster, startRedisCluster } from '../../../test/redis-cluster.ts';
import { RedisPermitStore } from '../src/permit-store.redis.ts';
import { RedisLink } from '../src/redis-link.ts';
import { safeClusterOptions } from '../src/redis-settings.ts';
import { permitStoreContract } from '../src/testing.ts';

describe('PermitStore contract: Redis Cluster', () => {
  let backend: RedisCluster;
  let cluster: Cluster;
  let link: RedisLink;
  let namespaces = 0;
  beforeAll(async () => {
    backend = await startRedisCluster();
    cluster = new Cluster([...backend.urls], safeClusterOptions(2_000));
    await once(cluster, 'ready');
    // A node's first command opens its connection; until then its others are refused.
    await Promise.all(cluster.nodes('master').map((node) => node.ping()));
    link = RedisLink.open({ redis: cluster });
  }, 30_000);
  afterAll(async () => {
    await link.close();
    cluster.disconnect();
    await backend.stop();
  });
  permitStoreContract({
    open: async () => {
      namespaces += 1;
      return new RedisPermitStore({ link, namespace: `cluster${namespaces}`, buckets: () => 16 });
    },
    elapse: (ms) => sleep(ms),
  });
});
