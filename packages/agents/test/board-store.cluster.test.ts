// The suite against Redis in cluster mode: a script that touched a key it did not declare, or two
// slots at once, would be refused.
import { RedisLink } from '@devmentor/locks/redis';
import { RedisNamespace } from '@devmentor/runtime/redis';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { RedisBoardStore } from '../src/redis.ts';
import { boardStoreContract } from '../src/testing.ts';

let redis: Backend;
let cluster: Cluster;
let link: RedisLink;
let opened = 0;

beforeAll(async () => {
  redis = await startRedis({ config: { 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' } });
  const node = new Redis(redis.url);
  await node.call('cluster', 'addslotsrange', '0', '16383');
  while (!String(await node.call('cluster', 'info')).includes('cluster_state:ok')) await node.ping();
  node.disconnect();
  cluster = new Cluster([{ host: '127.0.0.1', port: redis.port }]);
  link = RedisLink.open({ redis: cluster });
});

afterAll(async () => {
  await link.close();
  cluster.disconnect();
  await redis.stop();
});

boardStoreContract({
  open: async () => {
    opened += 1;
    return new RedisBoardStore(new RedisNamespace({ link, namespace: `c${opened}` }));
  },
});
