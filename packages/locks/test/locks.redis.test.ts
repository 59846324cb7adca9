import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as elapse } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import type { ClaimOptions, Lease } from '../src/index.ts';
import {
  givenTime,
  RedisLeaseStore,
  RedisLink,
  RedisLockManager,
  type RedisLockManagerOptions,
  type ServerWarning,
} from '../src/redis.ts';

/** Reads again and again until what is expected of it holds. */
const eventually = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 10_000, interval: 5 });

const press = 'project:press';
const ada = { id: 'ada' };
const bob = { id: 'bob' };

describe('locks on a real Redis', { timeout: 40_000 }, () => {
  let redis: Backend;
  let managers: RedisLockManager[];
  let children: ChildProcess[];

  beforeEach(async () => {
    redis = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
    managers = [];
    children = [];
  });
  afterEach(async () => {
    redis.resume();
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(managers.map((manager) => manager.close()));
    await redis.stop();
  });

  function open(options: Partial<RedisLockManagerOptions> = {}): RedisLockManager {
    const manager = new RedisLockManager({ redis: redis.url, namespace: 'faults', commandTimeoutMs: 400, ...options });
    managers.push(manager);
    return manager;
  }

  async function child(script: string, ttlMs: number): Promise<{ process: ChildProcess; line: () => Promise<string> }> {
    const file = fileURLToPath(new URL(`children/${script}`, import.meta.url));
    const process_ = spawn(
      process.execPath,
      ['--conditions=@devmentor/source', file, redis.url, 'faults', press, `${ttlMs}`],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    children.push(process_);
    const lines = createInterface({ input: process_.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    return { process: process_, line: async () => (await lines.next()).value as string };
  }

  const lost = (lease: Lease, withinMs: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const startMs = performance.now();
      const late = setTimeout(() => reject(new Error(`not aborted within ${withinMs} ms`)), withinMs);
      lease.signal.addEventListener('abort', () => {
        clearTimeout(late);
        resolve(performance.now() - startMs);
      });
    });

  async function granted(manager: RedisLockManager, options: ClaimOptions): Promise<Lease> {
    const outcome = await manager.tryAcquire(press, options);
    if (outcome.kind !== 'granted') throw new Error(JSON.stringify(outcome));
    return outcome.lease;
  }

  it('[RF1] a process stopped past its term reads valid === false in its first statement', async () => {
    const holder = await child('stalled-holder.ts', 600);
    const [, fence = ''] = (await holder.line()).split(' ');
    holder.process.kill('SIGSTOP');
    const next = await open().acquire(press, { holder: bob, waitMs: 10_000 });
    expect(next.fence > fence).toBe(true);
    holder.process.kill('SIGCONT');
    expect(await holder.line()).toBe('valid false');
  });

  it('[RF2] a black-holed link aborts the lease at its local deadline, not later', async () => {
    const lease = await granted(open(), { holder: ada, ttlMs: 1_500 });
    const leftMs = lease.remainingMs();
    redis.pause();
    const afterMs = await lost(lease, 3_000);
    expect(afterMs).toBeLessThanOrEqual(leftMs + 50);
    expect(afterMs).toBeGreaterThan(leftMs - 50);
    expect(lease.valid).toBe(false);
    expect(lease.lossReason).toBe('unreachable');
  });

  it('[RF3] a claim whose reply was lost is one grant: asking again by its id returns it', async () => {
    const locks = open();
    await locks.open();
    redis.pause();
    const outcome = await locks.tryAcquire(press, { holder: ada, requestId: 'once', ttlMs: 30_000 });
    expect(outcome).toMatchObject({ kind: 'unavailable', cause: { applied: 'unknown', code: 'REPLY_LOST' } });
    redis.resume();
    // The server may execute what reached it during the pause before, after, or never.
    const again = await granted(open(), { holder: ada, requestId: 'once', ttlMs: 30_000 });
    expect(await open().tryAcquire(press, { holder: bob })).toMatchObject({
      kind: 'busy',
      current: { fence: again.fence },
    });
    const { events } = await locks.log.read(locks.log.bucketOf(press), 'start', 10);
    expect(events.map((event) => event.type)).toEqual(['claimed']);
  });

  it('[RF3] a claim nobody can name again is taken back when its reply is lost', async () => {
    const locks = open();
    await locks.open();
    redis.pause();
    expect(await locks.tryAcquire(press, { holder: ada })).toMatchObject({ kind: 'unavailable' });
    redis.resume();
    const next = await open().acquire(press, { holder: bob, waitMs: 3_000 });
    expect(next.valid).toBe(true);
  });

  it('[RF4] kill -9 of Redis: the lease lives on after the restart, and is nobody else’s', async () => {
    const locks = open();
    const lease = await granted(locks, { holder: ada, ttlMs: 6_000 });
    await redis.kill();
    expect(await open().tryAcquire(press, { holder: bob })).toMatchObject({ kind: 'unavailable' });
    await redis.restart();
    expect(await lease.renew()).toMatchObject({ kind: 'renewed', view: { fence: lease.fence } });
    expect(lease.state).toBe('held');
    expect(await open().tryAcquire(press, { holder: bob })).toMatchObject({ kind: 'busy' });
  });

  it('[RF5] fences rise over FLUSHALL, and the one flushed away learns that it lost', async () => {
    const locks = open();
    const first = await granted(locks, { holder: ada, ttlMs: 900 });
    const aborted = lost(first, 2_000);
    const link = RedisLink.open({ redis: redis.url });
    await link.command('flushall');
    await link.command('script', 'flush');
    await link.close();
    const second = await granted(open(), { holder: bob });
    expect(second.fence > first.fence).toBe(true);
    await aborted;
    expect(await first.release()).toEqual({ kind: 'unknown' });
    expect(second.valid).toBe(true);
  });

  it('[RF6] 20 claimers at 4 processes, 100 rounds: one grant each, with rising fences', async () => {
    const four = [open(), open(), open(), open()];
    let last = '';
    for (let round = 0; round < 100; round += 1) {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          (four[n % 4] as RedisLockManager).tryAcquire(press, { holder: { id: `p${n}` } }),
        ),
      );
      const winners = outcomes.filter((outcome) => outcome.kind === 'granted');
      expect(winners).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome.kind === 'busy')).toHaveLength(19);
      const [winner] = winners;
      if (winner?.kind !== 'granted') throw new Error('no winner');
      expect(winner.lease.fence > last).toBe(true);
      last = winner.lease.fence;
      await Promise.all([winner.lease.release(), winner.lease.release()]);
    }
  });

  it('[RF7] 20 waiters at 4 processes get it in the order they asked, without polling', async () => {
    const four = [open(), open(), open(), open()];
    await Promise.all(four.map((locks) => locks.open()));
    const first = await granted(four[0] as RedisLockManager, { holder: ada });
    const order: number[] = [];
    const waiters: Promise<void>[] = [];
    for (let n = 0; n < 20; n += 1) {
      waiters.push(
        (four[n % 4] as RedisLockManager)
          .acquire(press, { holder: { id: `w${n}` }, waitMs: 20_000 })
          .then(async (lease) => {
            order.push(n);
            expect(lease.valid).toBe(true);
            await lease.release();
          }),
      );
      // The ticket is drawn at the server: the next one asks after this one stands in line.
      await eventually(async () => (await (four[1] as RedisLockManager).inspect(press)).queue).toBeGreaterThan(n);
    }
    const startMs = performance.now();
    await first.release();
    await Promise.all(waiters);
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it('[RF8] a waiter whose subscription is cut off keeps its turn', async () => {
    const locks = open();
    const first = await granted(locks, { holder: ada });
    const waiting = open().acquire(press, { holder: bob, waitMs: 20_000 });
    await eventually(async () => (await locks.inspect(press)).queue).toBe(1);
    const link = RedisLink.open({ redis: redis.url });
    await Promise.all([link.command('client', 'kill', 'type', 'pubsub'), first.release()]);
    await link.close();
    expect((await waiting).valid).toBe(true);
  });

  it('[RF9] kill -9 of a holder: refused while the lease lives, told within a second, then granted', async () => {
    const holder = await child('holder.ts', 1_000);
    const [, fence = ''] = (await holder.line()).split(' ');
    const locks = open();
    holder.process.kill('SIGKILL');
    await once(holder.process, 'exit');
    const busy = await locks.tryAcquire(press, { holder: bob });
    if (busy.kind !== 'busy') throw new Error(busy.kind);
    const bucket = locks.log.bucketOf(press);
    const last = async () => (await locks.log.read(bucket, 'start', 10)).events.at(-1);
    await eventually(async () => (await last())?.type).toBe('expired');
    expect(((await last())?.atMs ?? 0) - busy.current.untilMs).toBeLessThanOrEqual(1_000);
    expect((await granted(locks, { holder: bob })).fence > fence).toBe(true);
  });

  it('[RF10] a namespace laid out for another number of buckets is refused, and the fix named', async () => {
    await open({ buckets: 16 }).open();
    const fault = await open({ buckets: 4 })
      .open()
      .catch((caught: unknown) => caught);
    expect(fault).toMatchObject({ code: 'BUCKETS_MISMATCH', applied: 'no' });
    expect((fault as Error).message).toContain('pass buckets: 16');
  });

  it('[RF11] warns of settings under which grants can be lost, and of no others', async () => {
    const warnings: ServerWarning[] = [];
    await open({ onWarning: (warning) => warnings.push(warning) }).open();
    expect(warnings).toEqual([]);
    const link = RedisLink.open({ redis: redis.url });
    await link.command('config', 'set', 'maxmemory-policy', 'allkeys-lru');
    await link.command('config', 'set', 'appendfsync', 'everysec');
    await link.close();
    await open({ onWarning: (warning) => warnings.push(warning) }).open();
    expect(warnings.map((warning) => warning.setting)).toEqual(['maxmemory-policy', 'appendfsync']);
    expect(warnings[0]?.message).toContain('set maxmemory-policy noeviction');
  });

  it('[RF13] a server that goes away while the manager opens is unavailable, not a hang; the next call opens', async () => {
    const locks = open();
    redis.pause();
    expect(await locks.tryAcquire(press, { holder: ada })).toMatchObject({ kind: 'unavailable' });
    redis.resume();
    expect((await locks.acquire(press, { holder: ada, waitMs: 2_000 })).valid).toBe(true);
  });

  it('[RF14] everything of a resource is gone from the server once it is past its window', async () => {
    const link = RedisLink.open({ redis: redis.url });
    let nowUs = 1_800_000_000_000_000;
    const store = new RedisLeaseStore({
      link,
      namespace: 'spent',
      time: givenTime(() => nowUs),
    });
    await store.open();
    const base = { holder: ada, instance: 'i', ttlMs: 1_000, meta: undefined, waitMs: 5_000, listener: 'x' };
    for (let n = 0; n < 300; n += 1) {
      const resource = `r:${n % 3} /`;
      await store.submit<'request'>({
        kind: 'request',
        resource,
        leaseId: `l${n}`,
        requestId: `q${n}`,
        ...base,
        holder: { id: `h${n}` },
      });
      if (n % 2 === 0)
        await store.submit<'release'>({
          kind: 'release',
          resource,
          leaseId: `l${n}`,
          how: 'released',
          reason: undefined,
        });
    }
    expect(Number(await link.command('dbsize'))).toBeGreaterThan(10);
    for (let turn = 0; turn < 400; turn += 1) {
      nowUs += 5_000_000;
      await store.sweep();
    }
    const keys = (await link.command('keys', 'spent:*')) as string[];
    expect(keys.filter((key) => !/:(bucket|log|swept|locks)$/.test(key))).toEqual([]);
    await link.close();
  });

  it('[LS14] [LS15] a sweep drops old events and takes what is free off the names; the record leaves by itself', async () => {
    const link = RedisLink.open({ redis: redis.url });
    let nowUs = 1_800_000_000_000_000;
    const time = givenTime(() => nowUs);
    const store = new RedisLeaseStore({ link, namespace: 'kept', time });
    const base = { holder: ada, instance: 'i', ttlMs: 86_400_000, meta: undefined, waitMs: 0, listener: 'x' };
    const claim = (n: number) =>
      store.submit<'request'>({ kind: 'request', resource: press, leaseId: `l${n}`, requestId: `q${n}`, ...base });
    const release = (n: number) =>
      store.submit<'release'>({
        kind: 'release',
        resource: press,
        leaseId: `l${n}`,
        how: 'released',
        reason: undefined,
      });
    const prefix = `kept:{b${store.bucketOf(press)}}`;
    await claim(1);
    expect(await link.command('zrange', `${prefix}:names`, 0, -1)).toEqual([`h${press}`]);
    await release(1);
    await store.sweep();
    expect(await link.command('zcard', `${prefix}:names`)).toBe(0);
    expect(Number(await link.command('pttl', `${prefix}:lock:${press}`))).toBeGreaterThan(2 * 86_400_000);
    nowUs += 601_000_000;
    await claim(2);
    expect(await link.command('pttl', `${prefix}:lock:${press}`)).toBe(-1);
    await store.sweep();
    const { events } = await store.readLog(store.bucketOf(press), 'start', 10);
    expect(events.map(({ type, leaseId }) => `${type} ${leaseId}`)).toEqual(['claimed l2']);
    expect((await store.list({ prefix: '', after: '', limit: 10 })).views.map(({ leaseId }) => leaseId)).toEqual([
      'l2',
    ]);
    await link.close();
  });

  it('[RF14] of a record that left by itself, long before the next sweep, nothing stays behind', async () => {
    const link = RedisLink.open({ redis: redis.url });
    let nowUs = 1_800_000_000_000_000;
    const store = new RedisLeaseStore({
      link,
      namespace: 'left',
      time: givenTime(() => nowUs),
    });
    const base = { kind: 'request', holder: ada, instance: 'i', ttlMs: 1_000, meta: undefined, waitMs: 0 } as const;
    const prefix = `left:{b${store.bucketOf(press)}}`;
    for (const leaseId of ['l1', 'l2', 'l3']) {
      await store.submit<'request'>({ ...base, resource: press, leaseId, requestId: leaseId, listener: 'x' });
      const how = 'released' as const;
      await store.submit<'release'>({ kind: 'release', resource: press, leaseId, how, reason: undefined });
    }
    await store.sweep();
    expect(await link.command('hlen', `${prefix}:ended`)).toBe(2);
    await link.command('del', `${prefix}:lock:${press}`);
    nowUs += 86_400_000_000;
    await store.sweep();
    expect(await link.command('exists', `${prefix}:ended`, `${prefix}:due`, `${prefix}:names`)).toBe(0);
    await link.close();
  });

  it('[RF12] 200 idle leases are renewed in batches, not one by one', async () => {
    const locks = open();
    const leases = await Promise.all(
      Array.from({ length: 200 }, (_, n) => locks.acquire(`many:${n}`, { holder: ada, ttlMs: 1_000 })),
    );
    const link = RedisLink.open({ redis: redis.url });
    await link.command('config', 'resetstat');
    await elapse(2_000);
    const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(await link.command('info', 'commandstats')))?.[1]);
    await link.close();
    expect(leases.every((lease) => lease.valid)).toBe(true);
    // 200 leases, renewed about seven times each in this while.
    expect(calls).toBeLessThan(500);
  });

  it('[RC5] claims that travel with releases look nothing up of the leases before', async () => {
    const locks = open({ namespace: 'mixed', buckets: 1 });
    const claim = (n: number) => locks.acquire(`mixed:${n}`, { holder: ada });
    const names = Array.from({ length: 20 }, (_, n) => n);
    for (let round = 0; round < 3; round += 1)
      for (const lease of await Promise.all(names.map(claim))) await lease.release();
    const link = RedisLink.open({ redis: redis.url });
    await link.command('config', 'resetstat');
    let held = await Promise.all(names.slice(0, 10).map(claim));
    for (let round = 0; round < 4; round += 1) {
      const theirs = round % 2 === 0 ? names.slice(10) : names.slice(0, 10);
      const released = held.map((lease) => lease.release());
      held = await Promise.all(theirs.map(claim));
      expect((await Promise.all(released)).map(({ kind }) => kind)).toEqual(released.map(() => 'released'));
    }
    const stats = String(await link.command('info', 'commandstats'));
    await link.close();
    expect(Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1])).toBeLessThan(20);
    expect(stats).not.toContain('cmdstat_hmget');
  });
});

describe('the link', () => {
  it('[RL3] tells a request that was not sent from one whose reply is lost', async () => {
    const redis = await startRedis();
    const link = RedisLink.open({ redis: redis.url, commandTimeoutMs: 200 });
    expect(await link.command('ping')).toBe('PONG');
    redis.pause();
    await expect(link.command('ping')).rejects.toMatchObject({ code: 'REPLY_LOST', applied: 'unknown' });
    redis.resume();
    const isDown = new Promise<void>((resolve) => {
      link.onStatus((status) => status === 'down' && resolve());
    });
    await redis.kill();
    await isDown;
    await expect(link.command('ping')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', applied: 'no' });
    await link.close();
    await expect(link.command('ping')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', applied: 'no' });
    await redis.stop();
  });
});
