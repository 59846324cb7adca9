import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeaseLostError, type LockManager } from '../src/index.ts';
import type { Adapter, World } from './adapters.ts';

const press = 'project:press';
const ada = { id: 'ada' };
const bob = { id: 'bob' };
const cyd = { id: 'cyd' };
const TERM_MS = 300;
const PAST_TERM_MS = 330;

/** What goes wrong with locks, as tests that every adapter passes. What a network must do for it is elsewhere. */
export function pitfalls(adapter: Adapter): void {
  describe(`pitfalls: ${adapter.name}`, () => {
    let world: World;
    let locks: LockManager;
    let others: LockManager;
    beforeEach(() => {
      world = adapter.world();
      locks = world.open();
      others = world.open(world.otherClock);
    });
    afterEach(() => world.end());

    /** The outcome of what needs the world's time to pass. */
    async function meanwhile<T>(promise: Promise<T>): Promise<T> {
      let isSettled = false;
      const settle = (): void => {
        isSettled = true;
      };
      promise.then(settle, settle);
      for (let turn = 0; turn < 4_000 && !isSettled; turn += 1) await world.elapse(4);
      return promise;
    }
    const eventually = async (isSo: () => Promise<boolean>): Promise<void> => {
      for (let turn = 0; turn < 1_000; turn += 1) {
        if (await isSo()) return;
        await world.elapse(5);
      }
      throw new Error('it never came to be');
    };
    const queueIs = (length: number): Promise<void> =>
      eventually(async () => (await others.inspect(press)).queue === length);
    const types = async (): Promise<string[]> => {
      const { events } = await others.log.read(others.log.bucketOf(press), 'start', 100);
      return events.filter((event) => event.resource === press).map((event) => event.type);
    };

    it('[PF1] a release after the end answers expired, and after another’s grant superseded, and disturbs nobody', async () => {
      const early = await locks.acquire(press, { holder: ada, ttlMs: TERM_MS, renew: 'manual' });
      await world.elapse(PAST_TERM_MS);
      expect(await early.release()).toEqual({ kind: 'expired' });
      const late = await locks.acquire(press, { holder: ada, ttlMs: TERM_MS, renew: 'manual' });
      await world.elapse(PAST_TERM_MS);
      const next = await others.acquire(press, { holder: bob });
      const waiting = others.acquire(press, { holder: cyd, waitMs: 10_000 });
      await queueIs(1);
      expect(await late.release()).toEqual({ kind: 'superseded' });
      expect(await others.inspect(press)).toMatchObject({ holder: bob, fence: next.fence, queue: 1 });
      expect(await next.release()).toEqual({ kind: 'released' });
      expect(await locks.release({ resource: press, leaseId: next.leaseId })).toEqual({ kind: 'already' });
      expect((await meanwhile(waiting)).holder).toEqual(cyd);
    });

    it('[PF2] a renewal after the end revives nothing and creates nothing', async () => {
      const lease = await locks.acquire(press, { holder: ada, ttlMs: TERM_MS, renew: 'manual' });
      await world.elapse(PAST_TERM_MS);
      expect(await others.renew({ resource: press, leaseId: lease.leaseId })).toEqual({
        kind: 'ended',
        how: 'expired',
      });
      expect(await lease.renew()).toEqual({ kind: 'ended', how: 'expired' });
      expect(lease.valid).toBe(false);
      expect(await others.inspect(press)).toMatchObject({ kind: 'free' });
    });

    it('[PF3] a release that races a renewal wins, and leaves no alarm behind', async () => {
      // All leases share one timer, which is not taken back when nobody needs it any more.
      await (await locks.acquire(press, { holder: ada, ttlMs: TERM_MS })).release();
      const idle = world.clock.pending;
      for (let round = 0; round < 10; round += 1) {
        const lease = await locks.acquire(press, { holder: ada, ttlMs: TERM_MS });
        const [, released] = await Promise.all([lease.renew(), lease.release(), lease.renew()]);
        expect(released).toEqual({ kind: 'released' });
        expect(await others.inspect(press)).toMatchObject({ kind: 'free' });
      }
      expect(world.clock.pending).toBeLessThanOrEqual(idle);
      await world.elapse(2 * TERM_MS);
      expect(await others.inspect(press)).toMatchObject({ kind: 'free' });
      await locks.close();
      expect(world.clock.pending).toBe(0);
    });

    it('[PF4] a wall clock set back an hour changes nothing; set forward, it costs one round trip', async () => {
      const lease = await locks.acquire(press, { holder: ada, ttlMs: 30_000 });
      world.clock.setWall(-3_600_000);
      expect(lease.valid).toBe(true);
      expect(lease.remainingMs()).toBeGreaterThan(25_000);
      expect(await others.tryAcquire(press, { holder: bob })).toMatchObject({ kind: 'busy' });
      await lease.renew();
      world.clock.setWall(7_200_000);
      await eventually(async () => lease.valid);
      expect(lease.remainingMs()).toBeGreaterThan(25_000);
      expect(lease.remainingMs()).toBeLessThanOrEqual(30_000);
      const second = await locks.acquire('project:second', { holder: ada, ttlMs: TERM_MS, renew: 'manual' });
      expect(second.remainingMs()).toBeLessThanOrEqual(TERM_MS);
      await world.elapse(PAST_TERM_MS);
      expect(second.valid).toBe(false);
    });

    it('[PF5] a machine that slept is unsure in its first statement, and learns from the store', async () => {
      const lease = await locks.acquire(press, { holder: ada, ttlMs: 10_000, renew: 'manual' });
      world.clock.sleep();
      await world.elapse(200);
      world.clock.wake();
      expect(lease.valid).toBe(false);
      expect(lease.state).toBe('suspended');
      expect(() => lease.assertValid()).toThrow(LeaseLostError);
      await eventually(async () => lease.valid);
      expect(lease.state).toBe('held');
    });

    it('[PF5] a machine that slept past its term finds the lease with another', async () => {
      const lease = await locks.acquire(press, { holder: ada, ttlMs: TERM_MS });
      const { signal } = lease;
      world.clock.sleep();
      await world.elapse(PAST_TERM_MS);
      const next = await meanwhile(others.acquire(press, { holder: bob, waitMs: 5_000 }));
      world.clock.wake();
      expect(lease.valid).toBe(false);
      await eventually(async () => signal.aborted);
      expect(signal.reason).toMatchObject({ code: 'LEASE_LOST', reason: 'superseded' });
      expect(next.valid).toBe(true);
    });

    it('[PF6] the first statement after a stall past the term sees an invalid lease and an aborted signal', async () => {
      const lease = await locks.acquire(press, { holder: ada, ttlMs: TERM_MS });
      world.stall(PAST_TERM_MS);
      expect(lease.valid).toBe(false);
      const other = await others.acquire('project:other', { holder: ada, ttlMs: TERM_MS });
      world.stall(PAST_TERM_MS);
      expect(other.signal.aborted).toBe(true);
      // Kept before the stall, as code that was given the signal alone does.
      const { signal } = await others.acquire('project:kept', { holder: ada, ttlMs: TERM_MS });
      const { signal: second } = await others.acquire('project:second', { holder: ada, ttlMs: TERM_MS });
      world.stall(PAST_TERM_MS);
      expect(signal.aborted).toBe(true);
      expect(() => second.throwIfAborted()).toThrow(LeaseLostError);
      const third = await others.acquire('project:third', { holder: ada, ttlMs: TERM_MS });
      world.stall(PAST_TERM_MS);
      expect(() => third.assertValid()).toThrow(LeaseLostError);
      expect(third.remainingMs()).toBe(0);
    });

    it('[PF8] one request id is one grant: asked for twice, by two processes, and after its end', async () => {
      const claim = { holder: ada, requestId: 'double-click', ttlMs: 5_000 };
      const [one, two, three] = await Promise.all([
        locks.acquire(press, claim),
        locks.acquire(press, claim),
        others.acquire(press, claim),
      ]);
      expect(two).toMatchObject({ leaseId: one.leaseId, fence: one.fence });
      expect(three).toMatchObject({ leaseId: one.leaseId, fence: one.fence });
      expect(await types()).toEqual(['claimed']);
      await one.release();
      expect(await others.tryAcquire(press, claim)).toEqual({ kind: 'gone', how: 'released' });
      expect(await others.inspect(press)).toMatchObject({ kind: 'free' });
    });

    it.each([0, -1, 1.5, 49, 249, Number.NaN, Number.POSITIVE_INFINITY, 86_400_001])(
      '[PF10] a term of %s ms with automatic renewal is refused, and the fix named',
      async (ttlMs) => {
        const refusal = await locks.tryAcquire(press, { ttlMs }).catch((fault: unknown) => fault);
        expect(refusal).toMatchObject({ code: 'LOCK_CONFIG', applied: 'no' });
        expect(await types()).toEqual([]);
      },
    );

    it('[PF10] the shortest term is renewed a bounded number of times', async () => {
      const lease = await locks.acquire(press, { holder: ada, ttlMs: 250 });
      let changes = 0;
      let untilMs = lease.untilMs;
      for (let turn = 0; turn < 100; turn += 1) {
        await world.elapse(10);
        if (lease.untilMs !== untilMs) changes += 1;
        untilMs = lease.untilMs;
      }
      expect(lease.valid).toBe(true);
      // A quarter less than a third of the term, at the earliest: 62 ms.
      expect(changes).toBeGreaterThan(3);
      expect(changes).toBeLessThan(30);
    });

    it('[PF11] a waiter that gives up leaves the queue, or returns what it was just given', async () => {
      const first = await locks.acquire(press, { holder: ada });
      const patience = new AbortController();
      const waiting = locks.acquire(press, { holder: bob, waitMs: 10_000, signal: patience.signal });
      await queueIs(1);
      const reason = new Error('never mind');
      patience.abort(reason);
      await expect(meanwhile(waiting)).rejects.toBe(reason);
      expect(await others.inspect(press)).toMatchObject({ queue: 0, holder: ada });

      // Given up in the very moment of the release: whichever came first, nothing is left.
      for (let round = 0; round < 10; round += 1) {
        const held = round === 0 ? first : await locks.acquire(press, { holder: ada });
        const hasty = new AbortController();
        const asked = others.acquire(press, { holder: cyd, waitMs: 10_000, signal: hasty.signal });
        await queueIs(1);
        const released = held.release();
        hasty.abort(reason);
        const [outcome] = await meanwhile(Promise.allSettled([asked, released]));
        if (outcome.status === 'fulfilled') await outcome.value.release();
        expect(await others.inspect(press)).toMatchObject({ kind: 'free', queue: 0 });
      }
    });

    it('[PF12] what the work throws is what the caller gets, also when the lease was lost meanwhile', async () => {
      const wrong = new Error('out of ink');
      await expect(
        locks.withLock(press, { holder: ada, ttlMs: TERM_MS, renew: 'manual' }, async () => {
          await world.elapse(PAST_TERM_MS);
          throw wrong;
        }),
      ).rejects.toBe(wrong);
      expect(await others.tryAcquire(press, { holder: bob })).toMatchObject({ kind: 'granted' });
    });
  });
}
