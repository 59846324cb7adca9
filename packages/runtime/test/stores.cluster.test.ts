// The suites against Redis in cluster mode: a script that touched a key it did not declare, or
// two slots at once, would be refused.
import { RedisLink } from '@devmentor/locks/redis';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { logStoreContract } from '../src/log-store.contract.ts';
import { recordStoreContract } from '../src/record-store.contract.ts';
import { redisStores } from '../src/redis.ts';
import { stateStoreContract } from '../src/state-store.contract.ts';
import type { StoreLimits } from '../src/store-limits.ts';
import { elapse } from './redis-stores.fixture.ts';

let redis: Backend;
let cluster: Cluster;
let link: RedisLink;
let opened = 0;

beforeAll(async () => {
  redis = await startRedis({ config: { 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' } });
  const node = new Redis(redis.url);
  await node.call('cluster', 'addslotsrange', '0', '16383');
  while (!String(await node.call('cluster', 'info')).includes('cluster_state:ok')) await elapse(20);
  node.disconnect();
  cluster = new Cluster([{ host: '127.0.0.1', port: redis.port }]);
  link = RedisLink.open({ redis: cluster });
});

afterAll(async () => {
  await link.close();
  cluster.disconnect();
  await redis.stop();
});

async function stores(options: { readonly shards?: number; readonly limits?: Partial<StoreLimits> } = {}) {
  opened += 1;
  const made = redisStores({ link, namespace: `test-${opened}`, ...options });
  await made.state.open();
  return made;
}

stateStoreContract({ open: stores, elapse });
logStoreContract({ open: async (options) => (await stores(options)).log, elapse });
recordStoreContract({ open: async (options) => (await stores(options)).records, elapse });
