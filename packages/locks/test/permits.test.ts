import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditRecord, Lease, PermitStore } from '../src/index.ts';
import { CapacityMismatchError, LockAcquisitionError, MemoryLockManager } from '../src/index.ts';
import { Locks } from '../src/locks.ts';
import { seededEntropy } from '../src/testing.ts';
import { anew, clock, locks, open, settled, store } from './in-memory.ts';

const ada = { id: 'ada', name: 'Ada' };
const bob = { id: 'bob' };

describe('a semaphore', () => {
  it('[PP1] gives leases like any other: renewed by themselves, valid by the clock, lost with a reason', async () => {
    const gpu = locks.semaphore('gpu', { permits: 4 });
    const lease = await gpu.acquire({ holder: ada, count: 3, ttlMs: 1_000, meta: { job: 7 } });
    expect(lease).toMatchObject({ resource: 'gpu', holder: ada, ttlMs: 1_000, state: 'held', meta: { job: 7 } });
    await clock.advance(60_000);
    expect(lease.valid).toBe(true);
    const { signal } = lease;
    const [shown] = (await gpu.inspect({ withLeaseId: true })).holders;
    await gpu.release({ leaseId: shown?.leaseId ?? '', how: 'revoked' });
    expect(signal.reason).toMatchObject({ code: 'LEASE_LOST', reason: 'revoked', fence: lease.fence });
    clock.stall(1_000);
    expect(lease.valid).toBe(false);
    expect(await lease.release()).toEqual({ kind: 'already' });
  });

  it('[PP15] granted while the machine slept, it is unsure of its permits in its first statement, and asks', async () => {
    const gpu = locks.semaphore('gpu', { permits: 1 });
    await settled((await settled(gpu.acquire())).release());
    const asking = gpu.acquire({ holder: ada, ttlMs: 10_000 });
    clock.jumpWall(9_000);
    const lease = await asking;
    expect([lease.valid, lease.state]).toEqual([false, 'suspended']);
    await clock.settle();
    expect([lease.valid, lease.state]).toEqual([true, 'held']);
  });

  it('[PP14] is watched: a view, and another within a second of each change of who holds or waits, and no other', async () => {
    const gpu = locks.semaphore('gpu', { permits: 2 });
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { free, queue, waiters } of gpu.watch({ signal: stop.signal }))
        seen.push(`${free} free, ${queue} wait${waiters.map(({ holder }) => ` ${holder.id}`).join('')}`);
    })();
    await clock.advance(10_000);
    const lease = await settled(gpu.acquire({ holder: ada, count: 2, ttlMs: 3_000 }));
    await clock.advance(60_000);
    const waiting = gpu.acquire({ holder: bob, waitMs: 60_000 });
    await clock.advance(1_000);
    await settled(lease.release());
    await clock.advance(1_000);
    expect((await settled(waiting)).valid).toBe(true);
    stop.abort();
    await watching;
    expect(seen).toEqual(['2 free, 0 wait', '0 free, 0 wait', '0 free, 1 wait bob', '1 free, 0 wait']);
  });

  it('[PP14] is shown once, however often two who hold it renew', async () => {
    const gpu = locks.semaphore('gpu', { permits: 2 });
    const leases = [await settled(gpu.acquire({ holder: ada, ttlMs: 3_000 }))];
    await clock.advance(700);
    leases.push(await settled(gpu.acquire({ holder: bob, ttlMs: 3_000 })));
    const seen: number[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { held } of gpu.watch({ signal: stop.signal })) seen.push(held);
    })();
    await clock.advance(60_000);
    expect(leases.map(({ valid }) => valid)).toEqual([true, true]);
    stop.abort();
    await watching;
    expect(seen).toEqual([2]);
  });

  it('[PP14] whoever watches a pool, or the lock of readers and writers, is let go when the manager closes', async () => {
    const doc = locks.readWrite('doc');
    const seen: number[] = [];
    const watching = (async () => {
      for await (const { reading } of doc.watch()) seen.push(reading);
    })();
    await clock.advance(10);
    await settled(doc.read());
    await clock.advance(1_000);
    await settled(locks.close());
    await watching;
    expect(seen).toEqual([0, 1]);
    expect(clock.pending).toBe(0);
    await expect(settled(doc.watch().next())).rejects.toMatchObject({ code: 'LOCKS_CLOSED' });
  });

  it('[PP1] leaves no timer behind once it is given back and closed', async () => {
    const lease = await locks.semaphore('gpu', { permits: 2 }).acquire();
    const other = lease.share();
    await lease.release();
    expect(other.valid).toBe(true);
    expect(await other.release()).toEqual({ kind: 'released' });
    await locks.close();
    expect(clock.pending).toBe(0);
  });

  it('[PP2] gives each claim permits of its own, also to one party; a repeated request gets what it has', async () => {
    const gpu = locks.semaphore('gpu', { permits: 3 });
    const first = await gpu.acquire({ holder: ada });
    const second = await gpu.acquire({ holder: ada });
    expect(second.leaseId).not.toBe(first.leaseId);
    const once = await gpu.tryAcquire({ holder: ada, requestId: 'one' });
    const again = await gpu.tryAcquire({ holder: ada, requestId: 'one' });
    if (once.kind !== 'granted' || again.kind !== 'granted') throw new Error('granted');
    expect(again.lease).toBe(once.lease);
    expect([once.fresh, again.fresh]).toEqual([true, false]);
    await once.lease.release();
    expect(await gpu.tryAcquire({ requestId: 'one' })).toEqual({ kind: 'gone', how: 'released' });
  });

  it('[PP2] says who holds when there are not enough, and acquire throws it', async () => {
    const gpu = locks.semaphore('gpu', { permits: 2 });
    await gpu.acquire({ holder: ada, count: 2, ttlMs: 5_000 });
    expect(await gpu.tryAcquire({ holder: bob })).toMatchObject({
      kind: 'busy',
      why: 'held',
      current: { holder: ada },
      position: 1,
      retryAfterMs: 5_000,
    });
    const refused = await gpu.acquire({ holder: bob }).catch((fault: unknown) => fault);
    expect(refused).toBeInstanceOf(LockAcquisitionError);
    expect(refused).toMatchObject({ code: 'RESOURCE_LOCKED', resource: 'gpu' });
    const late = gpu.acquire({ holder: bob, waitMs: 1_000 }).catch((fault: unknown) => fault);
    await clock.advance(1_100);
    expect(await late).toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect(await gpu.inspect()).toMatchObject({ queue: 0 });
  });

  it('[PP3] refuses another number of permits with both numbers, waiting or not', async () => {
    await locks.semaphore('gpu', { permits: 4 }).acquire();
    const wrong = locks.semaphore('gpu', { permits: 5 });
    for (const waitMs of [0, 5_000]) {
      const fault = await settled(wrong.tryAcquire({ waitMs }).catch((caught: unknown) => caught));
      expect(fault).toBeInstanceOf(CapacityMismatchError);
      expect(fault).toMatchObject({ code: 'LOCK_CONFIG', applied: 'no', resource: 'gpu', stored: 4, asked: 5 });
      expect((fault as Error).message).toContain('4 permits, not 5');
    }
  });

  it.each([
    [() => locks.semaphore('gpu', { permits: 0 }), 'permits 0'],
    [() => locks.semaphore('gpu', { permits: 1.5 }), 'permits 1.5'],
    [() => locks.semaphore('', { permits: 1 }), 'resource is empty'],
    [() => locks.semaphore('gpu', { permits: 2 }).acquire({ count: 3 }), 'the 2 permits of gpu'],
    [() => locks.semaphore('gpu', { permits: 2 }).acquire({ ttlMs: 10 }), 'too short'],
    [() => new Locks(store, { clock }).readWrite('doc'), 'no pools'],
  ])('[PP3] refuses what cannot be meant, case %#', async (ask, words) => {
    const asking = async (): Promise<unknown> => await ask();
    const fault = await asking().catch((caught: unknown) => caught);
    expect(fault).toMatchObject({ code: 'LOCK_CONFIG', applied: 'no' });
    expect((fault as Error).message).toContain(words);
  });

  it('[PP4] an aborted wait rejects with the caller’s reason and lets those behind it in', async () => {
    const gpu = locks.semaphore('gpu', { permits: 4 });
    await gpu.acquire({ count: 3 });
    const caller = new AbortController();
    const big = gpu.acquire({ count: 4, waitMs: 60_000, signal: caller.signal }).catch((reason: unknown) => reason);
    const small = gpu.acquire({ waitMs: 60_000 });
    await clock.advance(100);
    const reason = new Error('changed my mind');
    caller.abort(reason);
    expect(await settled(big)).toBe(reason);
    expect((await settled(small)).valid).toBe(true);
  });

  it('[PP4] any interleaving of claims, releases, aborts and time overdraws nothing, and goes by the order of arrival', async () => {
    let grants = 0;
    let waits = 0;
    const user = fc.record({
      at: fc.nat({ max: 3_000 }),
      count: fc.integer({ min: 1, max: 5 }),
      hold: fc.nat({ max: 1_500 }),
      abortAt: fc.option(fc.nat({ max: 4_000 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(user, { minLength: 2, maxLength: 10 }), async (users) => {
        anew();
        const managers = [open(1), open(2)];
        const pools = managers.map((manager) => manager.semaphore('gpu', { permits: 5 }));
        await Promise.all(pools.map((pool) => pool.inspect()));
        let inside = 0;
        const fences = new Map<number, string>();
        const runs = users.map(async ({ at, count, hold, abortAt }, n) => {
          await new Promise<void>((resolve) => clock.after(at, resolve));
          const caller = new AbortController();
          if (abortAt !== undefined) clock.after(abortAt, () => caller.abort(new Error('enough')));
          const lease = await pools[n % 2]
            ?.acquire({ holder: { id: `u${n}` }, count, ttlMs: 500, waitMs: 60_000, signal: caller.signal })
            .catch(() => undefined);
          if (lease === undefined) return;
          inside += count;
          expect(inside).toBeLessThanOrEqual(5);
          expect(lease.valid).toBe(true);
          fences.set(n, lease.fence);
          grants += 1;
          if (clock.nowMs() > at) waits += 1;
          await new Promise<void>((resolve) => clock.after(hold, resolve));
          expect(lease.valid).toBe(true);
          inside -= count;
          await Promise.all([lease.release(), lease.release()]);
        });
        await clock.advance(100_000);
        await Promise.all(runs);
        const arrivals = [...fences.keys()].sort((a, b) => (users[a]?.at ?? 0) - (users[b]?.at ?? 0) || a - b);
        const inOrder = arrivals.map((n) => fences.get(n));
        expect(inOrder).toEqual([...inOrder].sort());
        expect(await pools[0]?.inspect()).toMatchObject({ held: 0, queue: 0, free: 5 });
        await Promise.all(managers.map((manager) => manager.close()));
        await clock.settle();
        expect(clock.pending).toBe(users.filter(({ abortAt }) => abortAt !== undefined && abortAt > 100_000).length);
      }),
      { numRuns: 100 },
    );
    expect(grants).toBeGreaterThan(200);
    expect(waits).toBeGreaterThan(50);
  });

  it('[PP7] is resumed in another process when it was kept, and free when it was not', async () => {
    const kept = await locks.semaphore('gpu', { permits: 2 }).acquire({ holder: ada, ttlMs: 5_000 });
    const { signal } = kept;
    await locks.close({ leases: 'keep' });
    expect(signal.reason).toMatchObject({ reason: 'shutdown' });
    const elsewhere = open(7);
    const gpu = elsewhere.semaphore('gpu', { permits: 2 });
    const resumed = await gpu.resume({ leaseId: kept.leaseId });
    if (resumed.kind !== 'resumed') throw new Error(resumed.kind);
    expect(resumed.lease).toMatchObject({ fence: kept.fence, holder: ada });
    await clock.advance(20_000);
    expect(resumed.lease.valid).toBe(true);
    const waiting = gpu.acquire({ count: 2, waitMs: 60_000 }).catch((fault: unknown) => fault);
    await clock.settle();
    await elsewhere.close();
    expect(await waiting).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(await open(8).semaphore('gpu', { permits: 2 }).inspect()).toMatchObject({ free: 2, queue: 0 });
    expect(await gpu.tryAcquire()).toMatchObject({ kind: 'unavailable', cause: { code: 'LOCKS_CLOSED' } });
  });

  it('[PP7] a claim whose answer comes after the manager closed is given back', async () => {
    const gpu = locks.semaphore('gpu', { permits: 2 });
    await gpu.inspect();
    const claiming = gpu.tryAcquire();
    const closing = locks.close();
    const outcome = await settled(claiming);
    await closing;
    if (outcome.kind === 'granted') expect(outcome.lease).toMatchObject({ valid: false, lossReason: 'shutdown' });
    await clock.settle();
    expect(await open(8).semaphore('gpu', { permits: 2 }).inspect()).toMatchObject({ held: 0 });
  });

  it('[PP10] what is answered when its term is over is asked again: a permit, and a writer’s, are valid when handed out', async () => {
    let late = 0;
    let isOnItsWayBack = false;
    const submit: PermitStore['submit'] = async (command) => {
      late -= 1;
      const isLate = late >= 0;
      if (isLate && !isOnItsWayBack) clock.stall(1_000);
      const reply = await store.permits.submit(command);
      if (isLate && isOnItsWayBack) clock.stall(1_000);
      return reply;
    };
    const permits: PermitStore = {
      submit,
      sweep: () => store.permits.sweep(),
      logs: 1,
      list: (query) => store.permits.list(query),
      readLog: (log, after, limit) => store.permits.readLog(log, after, limit),
      listen: (listener, onOffer) => store.permits.listen(listener, onOffer),
    };
    const slow = new MemoryLockManager({ store, permits, clock, entropy: seededEntropy(5) });
    late = 1;
    const gpu = await settled(slow.semaphore('gpu', { permits: 1 }).acquire({ ttlMs: 900 }));
    expect(gpu.valid).toBe(true);
    [late, isOnItsWayBack] = [9, true];
    expect(await settled(slow.semaphore('tpu', { permits: 1 }).tryAcquire({ ttlMs: 900 }))).toMatchObject({
      kind: 'unavailable',
    });
    expect(await locks.semaphore('tpu', { permits: 1 }).inspect()).toMatchObject({ held: 0 });
    [late, isOnItsWayBack] = [0, false];
    const doc = slow.readWrite('doc');
    const reading = await doc.read({ ttlMs: 1_500 });
    late = 1;
    const outcome = await settled(doc.upgrade(reading));
    if (outcome.kind !== 'granted') throw new Error(outcome.kind);
    expect(outcome.lease.valid).toBe(true);
  });

  it('[PP2] a request repeated while its lease is being released is gone, not the lease once more', async () => {
    let answered: Promise<void> | undefined;
    const submit: PermitStore['submit'] = async (command) => {
      const reply = await store.permits.submit(command);
      await answered;
      return reply;
    };
    const permits: PermitStore = {
      submit,
      sweep: () => store.permits.sweep(),
      logs: 1,
      list: (query) => store.permits.list(query),
      readLog: (log, after, limit) => store.permits.readLog(log, after, limit),
      listen: (listener, onOffer) => store.permits.listen(listener, onOffer),
    };
    const slow = new MemoryLockManager({ store, permits, clock, entropy: seededEntropy(5) });
    const gpu = slow.semaphore('gpu', { permits: 2 });
    const lease = await gpu.acquire({ requestId: 'one' });
    let answer: () => void = () => undefined;
    answered = new Promise((resolve) => {
      answer = resolve;
    });
    const again = gpu.tryAcquire({ requestId: 'one' });
    await clock.settle();
    // It was held when that was asked; the answer is on the way.
    const releasing = lease.release();
    answer();
    expect(await settled(again)).toEqual({ kind: 'gone', how: 'released' });
    expect(await releasing).toEqual({ kind: 'released' });
  });

  it('[PP8] shows who holds and waits, and no lease id unless asked', async () => {
    const gpu = locks.semaphore('gpu', { permits: 2 });
    const lease = await gpu.acquire({ holder: ada, instance: 'w1', count: 2 });
    const waiting = gpu.acquire({ holder: bob, waitMs: 5_000 });
    await clock.settle();
    const view = await gpu.inspect();
    expect(view).toMatchObject({
      resource: 'gpu',
      permits: 2,
      free: 0,
      held: 1,
      queue: 1,
      holders: [{ holder: ada, instance: 'w1', weight: 2, fence: lease.fence }],
      waiters: [{ holder: bob, weight: 1 }],
    });
    expect(JSON.stringify(view)).not.toContain(lease.leaseId);
    expect(JSON.stringify(await gpu.inspect({ withLeaseId: true }))).toContain(lease.leaseId);
    await lease.release();
    await (await settled(waiting)).release();
    expect(await gpu.inspect()).toMatchObject({ permits: 2, free: 2, held: 0 });
  });

  it('[PP11] a permit that another process ends by its name is over with the notice, without a round trip', async () => {
    const elsewhere = open(8).semaphore('gpu', { permits: 2 });
    await elsewhere.inspect();
    const gpu = locks.semaphore('gpu', { permits: 2 });
    const [lease, other] = [await gpu.acquire(), await gpu.acquire()];
    const { signal } = lease;
    expect(await settled(elsewhere.release({ leaseId: lease.leaseId, how: 'revoked' }))).toEqual({ kind: 'released' });
    expect([lease.valid, lease.lossReason, signal.aborted]).toEqual([false, 'revoked', true]);
    expect(await settled(elsewhere.release({ leaseId: other.leaseId }))).toEqual({ kind: 'released' });
    expect([other.valid, other.lossReason]).toEqual([false, 'released-elsewhere']);
  });

  it('[PP12] lists pools that are in use, a page at a time, without lease ids', async () => {
    for (const name of ['a', 'b', 'c']) await locks.semaphore(`gpu:${name}`, { permits: 2 }).acquire();
    const { items, nextCursor } = await locks.listPools({ prefix: 'gpu:', limit: 2 });
    expect(items.map(({ resource, held, permits }) => [resource, held, permits])).toEqual([
      ['gpu:a', 1, 2],
      ['gpu:b', 1, 2],
    ]);
    expect(items[0]?.holders[0]).not.toHaveProperty('leaseId');
    const rest = await locks.listPools({ prefix: 'gpu:', cursor: nextCursor ?? '' });
    expect(rest.items.map(({ resource }) => resource)).toEqual(['gpu:c']);
    expect(rest).not.toHaveProperty('nextCursor');
    await expect(locks.listPools({ prefix: '', limit: 0 })).rejects.toMatchObject({ code: 'LOCK_CONFIG' });
  });

  it('[PP13] the audit of pools tells of every grant and every end, and goes on after a cursor', async () => {
    const gpu = locks.semaphore('gpu', { permits: 3 });
    const ada = await gpu.acquire({ holder: { id: 'ada', name: 'Ada' }, count: 2 });
    await ada.release();
    await gpu.acquire({ holder: { id: 'bob' }, ttlMs: 1_000, renew: 'manual' });
    await clock.advance(3_000);
    const told = async (manager: Locks, after?: string) => {
      const records: AuditRecord[] = [];
      const controller = new AbortController();
      const following = (async () => {
        const options = { signal: controller.signal, ...(after === undefined ? {} : { after }) };
        for await (const record of manager.auditPools(options)) records.push(record);
      })();
      await clock.settle();
      controller.abort();
      await following;
      return records;
    };
    const records = await told(locks);
    expect(records).toMatchObject([
      { kind: 'entry', resource: 'gpu', type: 'claimed', who: { id: 'ada', name: 'Ada' }, permits: 2 },
      { kind: 'entry', type: 'released', how: 'released', who: { id: 'ada' }, fence: ada.fence },
      { kind: 'entry', type: 'claimed', who: { id: 'bob' }, permits: 1 },
      { kind: 'entry', type: 'expired', who: { id: 'bob' } },
    ]);
    expect(JSON.stringify(records)).not.toContain(ada.leaseId);
    const elsewhere = new Locks(store, {
      clock,
      entropy: seededEntropy(9),
      permits: store.permits,
      redact: () => ({ id: 'somebody' }),
    });
    expect(await told(elsewhere, records[2]?.cursor)).toMatchObject([{ type: 'expired', who: { id: 'somebody' } }]);
  });

  it('[PP9] what a holder keeps for longer than it may is lost like any lease', async () => {
    const gpu = locks.semaphore('gpu', { permits: 1 });
    const capped = await gpu.acquire({ ttlMs: 1_000, maxHoldMs: 5_000 });
    await clock.advance(7_000);
    expect(capped).toMatchObject({ state: 'lost', lossReason: 'max-hold' });
    expect((await gpu.acquire()).fence > capped.fence).toBe(true);
  });

  it('[PP9] a permit has no takeover', async () => {
    const lease = await locks.semaphore('gpu', { permits: 1 }).acquire();
    expect(await lease.handOff({ to: bob })).toMatchObject({ kind: 'unavailable', cause: { code: 'LOCK_CONFIG' } });
    expect(lease.valid).toBe(true);
  });
});

describe('readers and writers', () => {
  const names = async (doc: ReturnType<MemoryLockManager['readWrite']>): Promise<string> => {
    const { writer, readers, waiters } = await doc.inspect();
    const held = writer === undefined ? readers.map(({ holder }) => holder.id).sort() : [`${writer.holder.id}!`];
    return [...held, '|', ...waiters.map(({ holder, wants }) => `${holder.id}:${wants}`)].join(' ');
  };

  it('[PP5] who asks to read after a writer has asked waits for the writer', async () => {
    const doc = locks.readWrite('doc:1');
    const claim = (id: string) => ({ holder: { id }, waitMs: 60_000 });
    const r1 = await doc.read(claim('r1'));
    const r2 = await doc.read(claim('r2'));
    const writing = doc.write(claim('w'));
    await clock.settle();
    const late = [doc.read(claim('r3')), doc.read(claim('r4'))];
    await clock.settle();
    expect(await names(doc)).toBe('r1 r2 | w:write r3:read r4:read');
    await r1.release();
    await clock.settle();
    expect(await names(doc)).toBe('r2 | w:write r3:read r4:read');
    await r2.release();
    const w = await settled(writing);
    expect(await names(doc)).toBe('w! | r3:read r4:read');
    expect(w.fence > r2.fence).toBe(true);
    await w.release();
    const readers = await settled(Promise.all(late));
    expect(await names(doc)).toBe('r3 r4 |');
    expect(readers.every(({ fence }) => fence > w.fence)).toBe(true);
  });

  it('[PP5] writers come to write however many read, and readers to read however many write', async () => {
    const doc = locks.readWrite('doc:1');
    const written: number[] = [];
    const read: number[] = [];
    const crowd = Array.from({ length: 60 }, async (_, n) => {
      await new Promise<void>((resolve) => clock.after(n * 7, resolve));
      const isWriter = n % 10 === 5;
      const lease = await (isWriter ? doc.write({ waitMs: 60_000 }) : doc.read({ waitMs: 60_000 }));
      await new Promise<void>((resolve) => clock.after(50, resolve));
      (isWriter ? written : read).push(n);
      await lease.release();
    });
    await clock.advance(30_000);
    await Promise.all(crowd);
    expect(written).toEqual([5, 15, 25, 35, 45, 55]);
    expect(read).toHaveLength(54);
  });

  it('[PP6] a writer becomes a reader under the same lease, and lets readers in', async () => {
    const doc = locks.readWrite('doc:1');
    const lease = await doc.write({ holder: ada });
    const reading = doc.read({ holder: bob, waitMs: 5_000 });
    await clock.settle();
    expect(await doc.downgrade(lease)).toEqual({ kind: 'downgraded', lease });
    const other = await settled(reading);
    expect([lease.valid, other.valid, other.fence > lease.fence]).toEqual([true, true, true]);
    expect(await names(doc)).toBe('ada bob |');
    await other.release();
    await lease.release();
    expect(await doc.downgrade(lease)).toEqual({ kind: 'ended', how: 'released' });
  });

  it('[PP6] the only reader becomes the writer by a new lease; the one it read by is over for all its parties', async () => {
    const doc = locks.readWrite('doc:1');
    const reader = await doc.read({ holder: ada, ttlMs: 1_000 });
    const party = reader.share();
    const upgraded = await doc.upgrade(reader);
    if (upgraded.kind !== 'granted') throw new Error(upgraded.kind);
    expect(upgraded.lease.fence > reader.fence).toBe(true);
    expect(upgraded.lease).toMatchObject({ holder: ada, ttlMs: 1_000 });
    expect(reader).toMatchObject({ valid: false, lossReason: 'superseded' });
    expect(party.signal.reason).toMatchObject({ code: 'LEASE_LOST', reason: 'superseded' });
    expect(await names(doc)).toBe('ada! |');
    await clock.advance(10_000);
    expect(upgraded.lease.valid).toBe(true);
    expect(await doc.upgrade(upgraded.lease)).toEqual({ kind: 'granted', lease: upgraded.lease });
  });

  it('[PP6] one reader of several is refused, and told why', async () => {
    const doc = locks.readWrite('doc:1');
    const leases: Lease[] = [];
    for (const id of ['r1', 'r2', 'r3']) leases.push(await doc.read({ holder: { id } }));
    const [first] = leases as [Lease, ...Lease[]];
    const refused = await doc.upgrade(first);
    expect(refused).toMatchObject({ kind: 'shared', others: 2 });
    expect((refused as { message: string }).message).toContain('wait for each other to leave wait for ever');
    expect(first.valid).toBe(true);
    await expect(locks.readWrite('doc:2').upgrade(first)).rejects.toMatchObject({ code: 'LOCK_CONFIG' });
  });

  it('[PP6] withRead and withWrite give back, and never mask the body’s error', async () => {
    const doc = locks.readWrite('doc:1');
    const boom = new Error('boom');
    await expect(doc.withWrite({}, () => Promise.reject(boom))).rejects.toBe(boom);
    await expect(doc.withRead({}, () => Promise.reject(boom))).rejects.toBe(boom);
    expect(await doc.withRead({}, (lease) => lease.valid)).toBe(true);
    expect(await names(doc)).toBe('|');
  });
});
