// The API as others build on it, as it is written down for them.

import { MemoryLockManager } from '@devmentor/locks/memory';
import { RedisLockManager } from '@devmentor/locks/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { type FencingToken, LockAcquisitionError, type LockManager } from '../src/index.ts';

describe('the API', () => {
  let redis: Backend;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it('[LM14] is the same in memory and on Redis', async () => {
    await tour(new MemoryLockManager());
    await tour(new RedisLockManager({ redis: redis.url, namespace: 'app' }));
  });

  it('[LM14] has takeovers among it', async () => {
    const locks = new MemoryLockManager();
    const r = 'project:42';
    await locks.acquire(r, { holder: { id: 'u1' } });
    const by = { id: 'u2' };
    const reason = 'my turn';
    const graceMs = 5_000;
    const asked = locks.requestTakeover(r, { by, reason, graceMs });
    const view = await locks.inspect(r, { withLeaseId: true });
    if (view.kind !== 'held' || view.breaking === undefined || view.leaseId === undefined) throw new Error('not asked');
    const { takeoverId } = view.breaking;
    await locks.answerTakeover({ resource: r, leaseId: view.leaseId, takeoverId, answer: 'grant' });
    expect(await asked).toMatchObject({ kind: 'granted', lease: { holder: by } });
    expect(await locks.force(r, { by: { id: 'u3' }, reason: 'an emergency' })).toMatchObject({ kind: 'granted' });
    await locks.close({ leases: 'keep' });
  });
});

async function tour(locks: LockManager): Promise<void> {
  const requestId = 'request-1';
  const { signal } = new AbortController();
  const ttlMs = 30_000;
  const holder = { id: 'u2' };

  const lease = await locks.acquire('project:42', {
    ttlMs: 30_000,
    holder: { id: 'u1' },
    waitMs: 5_000,
    requestId,
    signal,
  });
  const facts: [FencingToken, boolean, number, AbortSignal] = [
    lease.fence,
    lease.valid,
    lease.remainingMs(),
    lease.signal,
  ];
  lease.assertValid();
  expect(facts).toMatchObject([expect.stringMatching(/^\d{16}$/), true, expect.any(Number), { aborted: false }]);

  const answer = await locks.tryAcquire('project:42', { ttlMs, holder });
  switch (answer.kind) {
    case 'granted':
      throw new Error(`granted to two: ${answer.lease.fence}`);
    case 'busy': {
      const { kind, holder: who, position, retryAfterMs } = answer;
      expect({ kind, who, position }).toEqual({ kind: 'busy', who: { id: 'u1' }, position: 1 });
      expect(retryAfterMs).toBeGreaterThan(29_000);
      break;
    }
    case 'unavailable':
      throw answer.cause;
    case 'gone':
      throw new Error(answer.how);
  }

  const refused = await locks.acquire('project:42', { holder }).catch((fault: unknown) => fault);
  expect(refused).toBeInstanceOf(LockAcquisitionError);
  expect(refused).toMatchObject({ code: 'RESOURCE_LOCKED', holder: { id: 'u1' }, position: 1 });
  const timedOut = await locks.acquire('project:42', { holder, waitMs: 5 }).catch((fault: unknown) => fault);
  expect(timedOut).toMatchObject({ code: 'LOCK_TIMEOUT', holder: { id: 'u1' }, position: 1 });

  expect(await locks.inspect('project:42')).toMatchObject({ kind: 'held', holder: { id: 'u1' } });
  for await (const change of locks.watch('project:42')) {
    expect(change).toMatchObject({ kind: 'view', view: { kind: 'held' } });
    break;
  }
  expect((await locks.list({ prefix: 'project:' })).items).toHaveLength(1);
  expect(await locks.resume({ resource: 'project:42', leaseId: lease.leaseId })).toMatchObject({ kind: 'resumed' });

  expect(await lease.renew()).toMatchObject({ kind: 'renewed' });
  const outcome = await lease.release();
  expect(outcome).toEqual({ kind: 'released' });
  const fence = await locks.withLock('project:42', { holder }, async (mine) => {
    expect(mine.signal.aborted).toBe(false);
    return mine.fence;
  });
  expect(fence > lease.fence).toBe(true);
  {
    await using scoped = await locks.acquire('project:42', { holder });
    expect(scoped.valid).toBe(true);
  }
  expect(await locks.inspect('project:42')).toMatchObject({ kind: 'free' });
  await locks.close({ leases: 'release' });
}
