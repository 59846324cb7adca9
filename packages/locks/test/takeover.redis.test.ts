import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import type { Lease, LockManager } from '../src/index.ts';
import { RedisLockManager } from '../src/redis.ts';

const press = 'project:press';
const ada = { id: 'ada' };
const bob = { id: 'bob' };

describe('takeovers between processes on a real Redis', { timeout: 40_000 }, () => {
  let redis: Backend;
  let managers: RedisLockManager[];
  let children: ChildProcess[];

  beforeEach(async () => {
    redis = await startRedis();
    managers = [];
    children = [];
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(managers.map((manager) => manager.close()));
    await redis.stop();
  });

  function open(): RedisLockManager {
    const manager = new RedisLockManager({ redis: redis.url, namespace: 'takeovers', commandTimeoutMs: 1_000 });
    managers.push(manager);
    return manager;
  }

  async function child(script: string, argument: string): Promise<{ process: ChildProcess; line(): Promise<string> }> {
    const file = fileURLToPath(new URL(`children/${script}`, import.meta.url));
    const process_ = spawn(
      process.execPath,
      ['--conditions=@devmentor/source', file, redis.url, 'takeovers', press, argument],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    children.push(process_);
    const lines = createInterface({ input: process_.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    return { process: process_, line: async () => (await lines.next()).value as string };
  }

  it('[RF15] a holder elsewhere is told at once, drains, and hands over with a pointer', async () => {
    const holder = await child('taken-from.ts', '300');
    const [, fence = ''] = (await holder.line()).split(' ');
    const asking = open().requestTakeover(press, { by: bob, graceMs: 20_000 });
    expect(await holder.line()).toBe('asked by bob');
    expect(await holder.line()).toBe('draining');
    expect(await holder.line()).toBe('lost handed-over');
    const taken = await granted(asking);
    expect(taken.fence > fence).toBe(true);
    expect(taken.handedOver).toEqual({ from: { id: 'child' }, how: 'granted', pointer: { from: holder.process.pid } });
    expect(taken.valid).toBe(true);
  });

  it('[RF15] whoever asks gets it first when the holder is killed, and nothing is left of an asker that is', async () => {
    const holder = await child('holder.ts', '1500');
    await holder.line();
    const locks = open();
    const waiting = locks.acquire(press, { holder: ada, waitMs: 30_000 });
    await queued(locks, 1);
    const asking = open().requestTakeover(press, { by: bob, graceMs: 20_000, onSilence: 'deny' });
    await asked(locks);
    holder.process.kill('SIGKILL');
    await once(holder.process, 'exit');
    const taken = await granted(asking);
    expect(taken.handedOver).toMatchObject({ from: { id: 'child' }, how: 'left' });
    await taken.release();
    const next = await waiting;
    const asker = await child('asker.ts', '20000');
    expect(await asker.line()).toBe('asked');
    asker.process.kill('SIGKILL');
    await once(asker.process, 'exit');
    await expect
      .poll(async () => (await breakingOf(locks)) === undefined, { timeout: 10_000, interval: 50 })
      .toBe(true);
    expect(next.valid).toBe(true);
    await next.release();
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free' });
  });

  it('[RF15] a takeover by force ends the work of the one before within a moment', async () => {
    const lease = await open().acquire(press, { holder: ada });
    const lost = once(lease.signal, 'abort');
    const startMs = performance.now();
    const forced = await open().force(press, { by: bob, reason: 'an emergency' });
    if (forced.kind !== 'granted') throw new Error(forced.kind);
    await lost;
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(lease.lossReason).toBe('revoked');
    expect(forced.lease.fence > lease.fence).toBe(true);
  });

  it('[RF15] the audit on Redis tells who took what from whom, and goes on from its cursor', async () => {
    const locks = open();
    const lease = await locks.acquire(press, { holder: ada });
    await locks.force(press, { by: bob, reason: 'an "audit"' });
    expect((await lease.release()).kind).toBe('already');
    const told: unknown[] = [];
    let cursor = '';
    for await (const record of locks.audit()) {
      cursor = record.cursor;
      if (record.kind === 'gap') throw new Error('nothing is missing');
      told.push([record.type, record.who.id, record.by?.id, record.from?.id, record.reason]);
      if (told.length === 3) break;
    }
    expect(told).toEqual([
      ['claimed', 'ada', undefined, undefined, undefined],
      ['released', 'ada', 'bob', undefined, 'an "audit"'],
      ['taken-over', 'bob', undefined, 'ada', 'an "audit"'],
    ]);
    const [rest] = await Promise.all([
      open().audit({ after: cursor }).next(),
      locks.acquire('project:other', { holder: ada }),
    ]);
    expect(rest.value).toMatchObject({ kind: 'entry', type: 'claimed', resource: 'project:other' });
  });
});

async function granted(asking: ReturnType<LockManager['requestTakeover']>): Promise<Lease> {
  const outcome = await asking;
  if (outcome.kind !== 'granted') throw new Error(JSON.stringify(outcome));
  return outcome.lease;
}

async function breakingOf(locks: LockManager) {
  const view = await locks.inspect(press);
  return view.kind === 'held' ? view.breaking : undefined;
}

const asked = (locks: LockManager) =>
  expect.poll(async () => (await breakingOf(locks))?.state, { timeout: 10_000, interval: 5 }).toBe('asked');
const queued = (locks: LockManager, count: number) =>
  expect.poll(async () => (await locks.inspect(press)).queue, { timeout: 10_000, interval: 5 }).toBe(count);
