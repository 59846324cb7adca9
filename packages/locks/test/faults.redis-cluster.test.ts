import { setTimeout as elapse } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RedisCluster, startRedisCluster } from '../../../test/redis-cluster.ts';
import { RedisLockManager, safeClusterOptions } from '../src/redis.ts';

const press = 'project:press';
const ada = { id: 'ada' };
const bob = { id: 'bob' };

describe('locks on a Redis Cluster in trouble', { timeout: 40_000 }, () => {
  let backend: RedisCluster;
  let nodes: Redis[];
  let client: Cluster;
  let locks: RedisLockManager;
  let tests = 0;
  beforeAll(async () => {
    backend = await startRedisCluster({ config: { 'cluster-node-timeout': '1000' } });
  });
  afterAll(() => backend.stop());
  beforeEach(async () => {
    tests += 1;
    nodes = backend.urls.map((url) => new Redis(url, { retryStrategy: () => 20 }));
    for (const node of nodes) node.on('error', () => undefined);
    client = new Cluster([...backend.urls], safeClusterOptions(400));
    client.on('error', () => undefined);
    locks = new RedisLockManager({ redis: client, namespace: `trouble${tests}`, commandTimeoutMs: 400 });
    await locks.open();
  });
  afterEach(async () => {
    await locks.close();
    client.disconnect();
    for (const node of nodes) node.disconnect();
  });

  /** The slot of a resource's bucket, and which of the nodes serves it. */
  async function home(resource: string): Promise<{ slot: number; node: number }> {
    const key = `trouble${tests}:{b${locks.log.bucketOf(resource)}}:lock:${resource}`;
    const slot = Number(await (nodes[0] as Redis).cluster('KEYSLOT', key));
    const answers = await Promise.allSettled(nodes.map((node) => node.get(key)));
    const refusals = answers.map((answer) => (answer.status === 'rejected' ? String(answer.reason.message) : ''));
    return { slot, node: refusals.findIndex((message) => !message.startsWith('MOVED')) };
  }

  it('[PF9] follows a bucket that moves to another node, with its lease', async () => {
    const lease = await locks.acquire(press, { holder: ada });
    const { slot, node } = await home(press);
    const [from, to] = [nodes[node], nodes[(node + 1) % 3]];
    if (from === undefined || to === undefined) throw new Error('no node');
    const [fromId, toId] = (await Promise.all([from.cluster('MYID'), to.cluster('MYID')])) as [string, string];
    await to.cluster('SETSLOT', slot, 'IMPORTING', fromId);
    await from.cluster('SETSLOT', slot, 'MIGRATING', toId);
    const keys = (await from.cluster('GETKEYSINSLOT', slot, 1_000)) as string[];
    const { port } = backend.nodes[(node + 1) % 3] ?? { port: 0 };
    await from.call('migrate', '127.0.0.1', port, '', 0, 5_000, 'KEYS', ...keys);
    await Promise.all(nodes.map((one) => one.cluster('SETSLOT', slot, 'NODE', toId)));
    expect((await home(press)).node).toBe((node + 1) % 3);
    expect(await lease.renew()).toMatchObject({ kind: 'renewed', view: { fence: lease.fence } });
    expect(await locks.tryAcquire(press, { holder: bob })).toMatchObject({ kind: 'busy' });
    expect(await lease.release()).toEqual({ kind: 'released' });
  });

  it('[PF9] is unavailable while a part of the cluster is down, and goes on when it is back', async () => {
    const before = await locks.acquire(press, { holder: ada, ttlMs: 60_000 });
    const { node } = await home(press);
    const lost = backend.nodes[node];
    if (lost === undefined) throw new Error('no node');
    await lost.kill();
    expect(await locks.tryAcquire(press, { holder: bob })).toMatchObject({ kind: 'unavailable' });
    // The other nodes stop serving once they have noticed.
    let cause = '';
    while (!cause.includes('CLUSTERDOWN')) {
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, (_, n) => locks.tryAcquire(`other:${n}`, { holder: bob })),
      );
      for (const outcome of outcomes) {
        if (outcome.kind === 'granted') await outcome.lease.release();
        if (outcome.kind !== 'unavailable') continue;
        if (outcome.cause.message.includes('CLUSTERDOWN')) {
          cause = outcome.cause.message;
          expect(outcome.cause).toMatchObject({ code: 'STORE_UNAVAILABLE', applied: 'no' });
        }
      }
      await elapse(50);
    }
    await lost.restart();
    // Nothing of it was persisted: another may have the resource, under a higher fence.
    const next = await locks.acquire(press, { holder: bob, waitMs: 20_000 });
    expect(next.fence > before.fence).toBe(true);
  });
});
