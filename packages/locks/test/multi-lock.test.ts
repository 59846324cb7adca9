import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease, LeaseStore } from '../src/index.ts';
import {
  CoordinationError,
  LockAcquisitionError,
  MemoryLeaseStore,
  MemoryLockManager,
  MultiLease,
} from '../src/index.ts';
import { seededEntropy } from '../src/testing.ts';
import { anew, clock, locks, open, settled, store } from './in-memory.ts';

const ada = { id: 'ada' };
const bob = { id: 'bob' };

async function held(...resources: string[]): Promise<string> {
  const views = await Promise.all(resources.map((resource) => locks.inspect(resource)));
  return views.map((view) => (view.kind === 'held' ? view.holder.id : '-')).join(' ');
}

describe('several resources at once', () => {
  it('[ML1] are all held, each with a fence of its own, and given back together', async () => {
    const both = await locks.acquireAll(['b', 'a', 'c'], { holder: ada });
    expect(both.resources).toEqual(['a', 'b', 'c']);
    for (const resource of both.resources)
      expect(await locks.inspect(resource)).toMatchObject({ fence: both.fences.get(resource) });
    expect(both.fence('b')).toBe(both.fences.get('b'));
    expect(() => both.fence('d')).toThrow('d is none of a, b, c');
    expect(await held('a', 'b', 'c')).toBe('ada ada ada');
    const outcome = await both.release();
    expect(outcome.kind).toBe('released');
    expect([...outcome.outcomes]).toEqual([
      ['a', { kind: 'released' }],
      ['b', { kind: 'released' }],
      ['c', { kind: 'released' }],
    ]);
    expect(await both.release()).toBe(outcome);
    expect(await held('a', 'b', 'c')).toBe('- - -');
  });

  it('[ML1] are none held when one cannot be had, and that one is named', async () => {
    await locks.acquire('b', { holder: bob });
    const refused = await locks.tryAcquireAll(['c', 'b', 'a'], { holder: ada });
    expect(refused).toMatchObject({
      kind: 'refused',
      resource: 'b',
      outcome: { kind: 'busy', why: 'held', current: { holder: bob } },
    });
    if (refused.kind === 'refused')
      expect([...refused.givenBack]).toEqual([
        ['a', { kind: 'released' }],
        ['c', { kind: 'released' }],
      ]);
    expect(await held('a', 'b', 'c')).toBe('- bob -');
    const fault = await locks.acquireAll(['c', 'b', 'a'], { holder: ada }).catch((caught: unknown) => caught);
    expect(fault).toBeInstanceOf(LockAcquisitionError);
    expect(fault).toMatchObject({ code: 'RESOURCE_LOCKED', resource: 'b' });
  });

  it('[ML1] are none held when the caller gives up, or the time is over, while one is waited for', async () => {
    await locks.acquire('b', { holder: bob });
    const caller = new AbortController();
    const waiting = locks
      .acquireAll(['a', 'b', 'c'], { holder: ada, waitMs: 60_000, signal: caller.signal })
      .catch((reason: unknown) => reason);
    await clock.advance(1_000);
    expect(await held('a', 'b', 'c')).toBe('ada bob -');
    const reason = new Error('changed my mind');
    caller.abort(reason);
    expect(await settled(waiting)).toBe(reason);
    expect(await held('a', 'b', 'c')).toBe('- bob -');
    const late = locks.tryAcquireAll(['a', 'b', 'c'], { holder: ada, waitMs: 2_000 });
    await clock.advance(2_100);
    expect(await late).toMatchObject({ kind: 'refused', resource: 'b', outcome: { kind: 'busy', why: 'waited' } });
    expect(await held('a', 'b', 'c')).toBe('- bob -');
  });

  it('[ML1] are none held when one of them was lost while another was waited for', async () => {
    const other = await locks.acquire('b', { holder: bob });
    const waiting = locks.tryAcquireAll(['a', 'b'], { holder: ada, ttlMs: 1_000, renew: 'manual', waitMs: 60_000 });
    await clock.advance(5_000);
    await other.release();
    expect(await settled(waiting)).toMatchObject({
      kind: 'refused',
      resource: 'a',
      outcome: { kind: 'lost', reason: 'expired' },
    });
    expect(await held('a', 'b')).toBe('- -');
    const again = await locks.acquire('b', { holder: bob });
    const lost = locks
      .acquireAll(['a', 'b'], { holder: ada, ttlMs: 1_000, renew: 'manual', waitMs: 60_000 })
      .catch((fault: unknown) => fault);
    await clock.advance(5_000);
    await again.release();
    expect(await settled(lost)).toMatchObject({ code: 'LEASE_LOST', resource: 'a' });
  });

  it('[ML1] are none held when the store fails for one of them', async () => {
    const failing = new WatchedStore(store, (resource) => {
      if (resource === 'b') throw new CoordinationError('STORE_UNAVAILABLE', 'gone for b', { applied: 'no' });
    });
    const manager = new MemoryLockManager({ store: failing, clock, entropy: seededEntropy(3) });
    expect(await manager.tryAcquireAll(['a', 'b', 'c'], { holder: ada })).toMatchObject({
      kind: 'refused',
      resource: 'b',
      outcome: { kind: 'unavailable' },
    });
    expect(await held('a', 'c')).toBe('- -');
  });

  it('[ML2] are waited for in order of their names, and nothing that comes after is held meanwhile', async () => {
    const b = await locks.acquire('b', { holder: bob });
    const waiting = locks.acquireAll(['c', 'b', 'a'], { holder: ada, waitMs: 60_000 });
    await clock.advance(1_000);
    expect(await held('a', 'b', 'c')).toBe('ada bob -');
    const c = await locks.acquire('c', { holder: bob });
    await b.release();
    await clock.advance(1_000);
    expect(await held('a', 'b', 'c')).toBe('ada ada bob');
    await c.release();
    const all = await settled(waiting);
    expect(all.valid).toBe(true);
    expect(await held('a', 'b', 'c')).toBe('ada ada ada');
  });

  it('[ML2] never wait for each other in a circle, whatever is asked for at once', async () => {
    let grants = 0;
    const user = fc.record({
      at: fc.nat({ max: 500 }),
      wants: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
      hold: fc.nat({ max: 800 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(user, { minLength: 2, maxLength: 8 }), async (users) => {
        anew();
        const managers = [open(1), open(2)];
        const inside = new Map<string, number>();
        const runs = users.map(async ({ at, wants, hold }, n) => {
          await new Promise<void>((resolve) => clock.after(at, resolve));
          const all = await (managers[n % 2] as MemoryLockManager).acquireAll(wants, { ttlMs: 500, waitMs: 300_000 });
          for (const resource of wants) {
            expect(inside.get(resource)).toBe(undefined);
            inside.set(resource, n);
          }
          expect(all.valid).toBe(true);
          grants += 1;
          await new Promise<void>((resolve) => clock.after(hold, resolve));
          for (const resource of wants) inside.delete(resource);
          await all.release();
        });
        await clock.advance(60_000);
        await Promise.all(runs);
        await Promise.all(managers.map((manager) => manager.close()));
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
    expect(grants).toBeGreaterThan(120);
  });

  it('[ML3] are asked for in one tick when none is held elsewhere', async () => {
    let submitted = 0;
    const watched = new WatchedStore(store, () => {
      submitted += 1;
    });
    const manager = new MemoryLockManager({ store: watched, clock, entropy: seededEntropy(3) });
    await manager.open();
    const asking = manager.acquireAll(['a', 'b', 'c', 'd'], { waitMs: 5_000 });
    for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
    expect(submitted).toBe(4);
    const all = await asking;
    expect(submitted).toBe(4);
    void all.release();
    expect(submitted).toBe(8);
  });

  it('[ML4] are as good as the weakest of them', async () => {
    const all = await locks.acquireAll(['a', 'b'], { holder: ada, ttlMs: 10_000, renew: 'manual' });
    const { signal } = all;
    expect(all.remainingMs()).toBe(10_000 - 102);
    await clock.advance(4_000);
    await (all.leases[1] as Lease).renew();
    expect(all.remainingMs()).toBe(6_000 - 102);
    await clock.advance(6_000);
    expect((all.leases[1] as Lease).valid).toBe(true);
    expect([all.valid, all.remainingMs(), signal.aborted]).toEqual([false, 0, true]);
    expect(signal.reason).toMatchObject({ code: 'LEASE_LOST', resource: 'a' });
    expect(() => all.assertValid()).toThrow('The lease on a');
    const outcome = await all.release();
    expect(outcome.kind).toBe('partly');
    expect([...outcome.outcomes.values()].map(({ kind }) => kind)).toEqual(['expired', 'released']);
  });

  it('[ML4] are renewed together', async () => {
    const all = await locks.acquireAll(['a', 'b'], { ttlMs: 1_000 });
    all.renewal('manual');
    await clock.advance(900);
    expect([...(await all.renew()).values()].map(({ kind }) => kind)).toEqual(['renewed', 'renewed']);
    all.renewal('auto');
    await clock.advance(20_000);
    expect(all.valid).toBe(true);
  });

  it('[ML5] keep two calls apart, and leave a party what it had before', async () => {
    await locks.acquireAll(['a', 'b'], { holder: ada });
    expect(await locks.tryAcquireAll(['b', 'c'], { holder: ada })).toMatchObject({ kind: 'refused', resource: 'b' });
    const mine = await locks.acquire('d', { holder: ada, instance: 'tab' });
    await locks.acquire('e', { holder: bob });
    expect(await locks.tryAcquireAll(['d', 'e'], { holder: ada, instance: 'tab' })).toMatchObject({ kind: 'refused' });
    expect(mine.valid).toBe(true);
    const again = await locks.acquireAll(['d', 'f'], { holder: ada, instance: 'tab' });
    await again.release();
    expect(mine.valid).toBe(true);
    expect(await held('d', 'f')).toBe('ada -');
  });

  it('[ML5] withLocks gives back, and never masks the body’s error', async () => {
    const boom = new Error('boom');
    const work = locks.withLocks(['a', 'b'], { holder: ada }, async (all) => {
      expect(all).toBeInstanceOf(MultiLease);
      expect(await held('a', 'b')).toBe('ada ada');
      throw boom;
    });
    await expect(work).rejects.toBe(boom);
    expect(await held('a', 'b')).toBe('- -');
    expect(await locks.withLocks(['a'], {}, (all) => all.valid)).toBe(true);
  });

  it.each([
    [[], 'at least one'],
    [['a', 'b', 'a'], 'a is named twice'],
    [Array.from({ length: 65 }, (_, n) => `r${n}`), 'at most 64'],
    [['a', ''], 'resource is empty'],
  ])('[ML6] refuses a list before anything is asked for, case %#', async (resources, words) => {
    const fault = await locks.tryAcquireAll(resources).catch((caught: unknown) => caught);
    expect(fault).toMatchObject({ code: 'LOCK_CONFIG', applied: 'no' });
    expect((fault as Error).message).toContain(words);
  });

  it('[ML6] gives all back when one is asked for wrongly', async () => {
    await expect(locks.tryAcquireAll(['a', 'b'], { ttlMs: 1 })).rejects.toMatchObject({ code: 'LOCK_CONFIG' });
    expect(await held('a', 'b')).toBe('- -');
  });
});

/** Another store's commands, told of before they are sent. */
class WatchedStore extends MemoryLeaseStore {
  readonly #inner: MemoryLeaseStore;
  readonly #before: (resource: string) => void;

  constructor(inner: MemoryLeaseStore, before: (resource: string) => void) {
    super({ clock });
    this.#inner = inner;
    this.#before = before;
  }

  override submit: LeaseStore['submit'] = async (command) => {
    this.#before(command.resource);
    return this.#inner.submit(command);
  };
}
