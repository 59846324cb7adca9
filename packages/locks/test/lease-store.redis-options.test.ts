import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { RedisLink, RedisLockManager, type RedisLockManagerOptions } from '../src/redis.ts';

const press = 'project:press';
const ada = { id: 'ada' };
const bob = { id: 'bob' };

describe('what a manager on Redis can be told', { timeout: 30_000 }, () => {
  let master: Backend;
  let replica: Backend;
  let managers: RedisLockManager[];

  beforeEach(async () => {
    master = await startRedis({ config: { 'repl-diskless-sync-delay': '0' } });
    replica = await startRedis({ config: { replicaof: ['127.0.0.1', `${master.port}`] } });
    managers = [];
    const link = RedisLink.open({ redis: master.url });
    await expect
      .poll(async () => String(await link.command('info', 'replication')), { timeout: 10_000, interval: 20 })
      .toMatch(/state=online/);
    await link.close();
  });
  afterEach(async () => {
    replica.resume();
    await Promise.all(managers.map((manager) => manager.close()));
    await replica.stop();
    await master.stop();
  });

  function open(options: Partial<RedisLockManagerOptions> = {}): RedisLockManager {
    const manager = new RedisLockManager({
      redis: master.url,
      namespace: 'replicas',
      minReplicas: 1,
      replicaTimeoutMs: 900,
      ...options,
    });
    managers.push(manager);
    return manager;
  }

  it('[MR1] a grant is answered when the replica has it', async () => {
    const lease = await open().acquire(press, { holder: ada });
    expect(lease.valid).toBe(true);
    const link = RedisLink.open({ redis: replica.url });
    const keys = (await link.command('keys', 'replicas:*:lock:*')) as string[];
    await link.close();
    expect(keys).toHaveLength(1);
  });

  it('[MR2] a grant that the replica does not have in time is given back and told as not made', async () => {
    const locks = open();
    await locks.open();
    replica.pause();
    expect(await locks.tryAcquire(press, { holder: ada })).toMatchObject({
      kind: 'unavailable',
      cause: { code: 'STORE_UNAVAILABLE', applied: 'no' },
    });
    expect(await open({ minReplicas: 0 }).inspect(press)).toMatchObject({ kind: 'free', last: { how: 'cancelled' } });
    replica.resume();
    expect((await locks.acquire(press, { holder: ada, waitMs: 5_000 })).valid).toBe(true);
  });

  it('[MR3] what a waiter is offered is a lease once the replica has it', async () => {
    const locks = open();
    const first = await locks.acquire(press, { holder: ada });
    const waiting = open().acquire(press, { holder: bob, waitMs: 10_000 });
    await expect.poll(async () => (await locks.inspect(press)).queue, { interval: 5 }).toBe(1);
    await first.release();
    const second = await waiting;
    expect(second.fence > first.fence).toBe(true);
    expect(await locks.inspect(press)).toMatchObject({ kind: 'held', holder: bob, offered: false });
  });

  it('[MR4] settings that cannot hold are refused with the fix', () => {
    expect(() => open({ minReplicas: -1 })).toThrow(/minReplicas -1/);
    expect(() => open({ commandTimeoutMs: 400, replicaTimeoutMs: 400 })).toThrow(/command time-out of 400 ms/);
  });

  it('[LG1] without a log there are leases as ever, and whoever asks for events is told why there are none', async () => {
    const locks = open({ minReplicas: 0, log: false, namespace: 'silent' });
    const lease = await locks.acquire(press, { holder: ada });
    expect(await lease.release()).toEqual({ kind: 'released' });
    const refused = { code: 'LOCK_CONFIG', message: expect.stringContaining('log: false') as string };
    await expect(locks.log.read(0, 'start', 1)).rejects.toMatchObject(refused);
    await expect(locks.watch(press)[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
    const link = RedisLink.open({ redis: master.url });
    expect(await link.command('keys', 'silent:*:log')).toEqual([]);
    await link.close();
  });

  it('[RC1] a record of another version is refused by name, and harms nobody else in its batch', async () => {
    const locks = open({ minReplicas: 0, namespace: 'old', buckets: 1 });
    await locks.open();
    const link = RedisLink.open({ redis: master.url });
    await link.command('set', 'old:{b0}:lock:project:press', '\u0001\u0001 of another form, and long enough to be one');
    await link.close();
    const [refused, fine] = await Promise.all([
      locks.tryAcquire(press, { holder: ada }),
      locks.tryAcquire('project:other', { holder: ada }),
    ]);
    expect(refused).toMatchObject({
      kind: 'unavailable',
      cause: { applied: 'no', message: expect.stringContaining('another version') as string },
    });
    expect(fine.kind).toBe('granted');
  });

  it('[RC2] a manager that names no number of buckets takes the namespace’s', async () => {
    await open({ minReplicas: 0, namespace: 'laid', buckets: 7 }).open();
    const locks = open({ minReplicas: 0, namespace: 'laid' });
    await locks.open();
    expect(locks.log.buckets).toBe(7);
    await expect(open({ minReplicas: 0, namespace: 'laid', buckets: 8 }).open()).rejects.toMatchObject({
      code: 'BUCKETS_MISMATCH',
    });
  });
});
