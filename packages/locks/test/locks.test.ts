import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ClaimOptions, JsonObject, LeaseStore, Lock } from '../src/index.ts';
import {
  CoordinationError,
  encodeId,
  fenceOf,
  LeaseLostError,
  LockAcquisitionError,
  MemoryLeaseStore,
  MemoryLockManager,
  releaseOnExit,
  slotOf,
} from '../src/index.ts';
import { Locks } from '../src/locks.ts';
import { SimulatedClock, seededEntropy } from '../src/testing.ts';
import { PassingStore } from './passing-store.ts';

const press = 'project:press';
const ada = { id: 'ada', name: 'Ada' };
const bob = { id: 'bob' };
const circle: Record<string, JsonObject> = {};
circle.circle = circle;

let clock: SimulatedClock;
let store: MemoryLeaseStore;
let locks: MemoryLockManager;

function open(seed = 1): MemoryLockManager {
  return new MemoryLockManager({ store, clock, entropy: seededEntropy(seed) });
}

beforeEach(() => {
  clock = new SimulatedClock();
  store = new MemoryLeaseStore({ clock });
  locks = open();
});

describe('a held lease', () => {
  it('[HL1] is invalid in the first statement after a stall that outlasted it', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 1_000 });
    expect(lease.valid).toBe(true);
    clock.stall(1_000);
    expect(lease.valid).toBe(false);
    expect(lease.remainingMs()).toBe(0);
    expect(() => lease.assertValid()).toThrow(LeaseLostError);
    expect(lease.signal.aborted).toBe(true);
  });

  it('[HL1] counts its term from the send, less the allowance for drift', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 1_000 });
    expect(lease.remainingMs()).toBe(1_000 - 12);
  });

  it('[HL2] stays lost when a renewal is answered after the deadline', async () => {
    const slow = new SlowStore(store);
    const manager = new Locks(slow, { clock, entropy: seededEntropy(2) });
    const lease = await manager.acquire(press, { holder: ada, ttlMs: 1_000, renew: 'manual' });
    await clock.advance(900);
    slow.hold();
    const renewal = lease.renew();
    await clock.advance(200);
    expect(lease.state).toBe('lost');
    slow.letGo();
    expect(await renewal).toMatchObject({ kind: 'ended' });
    expect(lease.valid).toBe(false);
  });

  it('[HL3] aborts its signal at the local deadline though the store never answers', async () => {
    const slow = new SlowStore(store);
    const manager = new Locks(slow, { clock, entropy: seededEntropy(2) });
    const lease = await manager.acquire(press, { holder: ada, ttlMs: 1_000 });
    const { signal } = lease;
    slow.hold();
    await clock.advance(987);
    expect(signal.aborted).toBe(false);
    await clock.advance(2);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: 'LEASE_LOST', reason: 'unreachable', fence: lease.fence });
  });

  it('[HL4] is suspended when wall time ran ahead, until a round trip confirms it', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 10_000 });
    clock.jumpWall(5_000);
    expect(lease.state).toBe('suspended');
    expect(lease.valid).toBe(false);
    await clock.settle();
    expect(lease.state).toBe('held');
    expect(lease.valid).toBe(true);
  });

  it('[HL4] granted while the machine slept, it is suspended from its first statement', async () => {
    await settled((await settled(locks.acquire(press))).release());
    const asking = locks.acquire(press, { holder: ada, ttlMs: 10_000 });
    clock.jumpWall(9_000);
    const lease = await asking;
    expect([lease.valid, lease.state]).toEqual([false, 'suspended']);
    await clock.settle();
    expect([lease.valid, lease.state]).toEqual([true, 'held']);
  });

  it('[HL4] stands for less than its ttl while it drains, and so does the sleep that it can miss', async () => {
    const lease = await settled(locks.acquire(press, { holder: ada, ttlMs: 400_000 }));
    lease.onTakeover((takeover) => {
      if (takeover?.state === 'asked') void lease.answerTakeover({ answer: 'grant', drainMs: 10_000 });
    });
    const asking = locks.requestTakeover(press, { by: { id: 'bob' }, graceMs: 5_000 });
    await clock.advance(100);
    expect(lease.breaking?.state).toBe('draining');
    expect(lease.valid).toBe(true);
    clock.jumpWall(3_000);
    expect([lease.valid, lease.state]).toEqual([false, 'suspended']);
    await clock.advance(20_000);
    expect((await asking).kind).toBe('granted');
  });

  it('[HL4] does not mind wall time that was set back', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 10_000 });
    clock.jumpWall(-3_600_000);
    expect(lease.valid).toBe(true);
  });

  it('[HL5] renews by itself before its term ends, for as long as it is held, and not after', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 1_000 });
    await clock.advance(60_000);
    expect(lease.valid).toBe(true);
    expect(await lease.release()).toEqual({ kind: 'released' });
    await locks.close();
    expect(clock.pending).toBe(0);
  });

  it('[HL6] released by two parties is given back by the last', async () => {
    const lease = await locks.acquire(press, { holder: ada });
    const other = lease.share();
    expect(await lease.release()).toEqual({ kind: 'released' });
    expect(await lease.release()).toEqual({ kind: 'released' });
    expect(other.valid).toBe(true);
    expect(await locks.inspect(press)).toMatchObject({ kind: 'held' });
    await other.release();
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free' });
  });

  it('[HL7] learns why it was lost', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 900 });
    const { signal } = lease;
    await open(3).release({ resource: press, leaseId: lease.leaseId, how: 'revoked' });
    await clock.advance(400);
    expect(signal.reason).toMatchObject({ reason: 'revoked' });
    expect(await lease.release()).toEqual({ kind: 'already' });
  });
});

describe('claiming', () => {
  it('[LM1] answers contention without an exception, and acquire throws it with the code', async () => {
    await locks.acquire(press, { holder: ada });
    expect(await locks.tryAcquire(press, { holder: bob })).toMatchObject({
      kind: 'busy',
      why: 'held',
      current: { holder: ada },
      position: 1,
    });
    const refused = await locks.acquire(press, { holder: bob }).catch((fault: unknown) => fault);
    expect(refused).toBeInstanceOf(LockAcquisitionError);
    expect(refused).toMatchObject({
      code: 'RESOURCE_LOCKED',
      applied: 'no',
      resource: press,
      current: { holder: ada },
    });
    expect((refused as Error).message).toContain('Resource is locked');
  });

  it('[LM2] shows no lease or request id to others', async () => {
    const lease = await locks.acquire(press, { holder: ada });
    const shown = JSON.stringify([
      await locks.tryAcquire(press, { holder: bob }),
      await locks.inspect(press),
      await locks.list({ prefix: '' }),
    ]);
    expect(shown).not.toContain(lease.leaseId);
    expect(shown).not.toContain(lease.requestId);
    expect(await locks.inspect(press, { withLeaseId: true })).toMatchObject({ leaseId: lease.leaseId });
  });

  it('[LM3] gives the same Lease for the same request', async () => {
    const first = await locks.tryAcquire(press, { holder: ada, requestId: 'one' });
    const second = await locks.tryAcquire(press, { holder: ada, requestId: 'one' });
    if (first.kind !== 'granted' || second.kind !== 'granted') throw new Error('granted twice');
    expect(second.lease).toBe(first.lease);
    expect([first.fresh, second.fresh]).toEqual([true, false]);
  });

  it('[LM4] withLock keeps two calls of one holder apart, releases, and never masks the body’s error', async () => {
    const boom = new Error('boom');
    await expect(
      locks.withLock(press, { holder: ada }, async (lease) => {
        expect(lease.valid).toBe(true);
        await expect(locks.withLock(press, { holder: ada }, () => 1)).rejects.toThrow('Resource is locked');
        throw boom;
      }),
    ).rejects.toBe(boom);
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free' });
  });

  it.each([
    [{ ttlMs: 10 }, 'too short'],
    [{ ttlMs: 100 }, "renew 'auto'"],
    [{ ttlMs: 1.5 }, 'round it'],
    [{ ttlMs: 10 ** 9 }, 'automatic renewal'],
    [{ waitMs: -1 }, 'use 0'],
    [{ meta: { big: 'x'.repeat(5_000) } }, 'at most 4096'],
    [{ holder: { id: '' } }, 'holder.id is empty'],
    [{ holder: { id: 'ada', name: 'A\u0001da' } }, 'holder.name contains control characters'],
    [JSON.parse('{ "holder": "ada" }') as ClaimOptions, 'give { id: … }'],
    [JSON.parse('{ "instance": 7 }') as ClaimOptions, 'give it as text'],
    [JSON.parse('{ "waitMs": "5000" }') as ClaimOptions, 'not a duration'],
    [{ meta: circle }, 'leave out circles'],
  ])('[LM5] refuses %j with a message that names the fix', async (options, words) => {
    const fault = await locks.tryAcquire(press, options).catch((caught: unknown) => caught);
    expect(fault).toMatchObject({ code: 'LOCK_CONFIG', applied: 'no' });
    expect((fault as Error).message).toContain(words);
  });

  it.each(['', 'x'.repeat(513), 'a\nb', '\ud800', JSON.parse('7') as string])(
    '[LM5] refuses the resource %j, whatever is asked of it',
    async (resource) => {
      const lease = { resource, leaseId: 'L' };
      const refused = { code: 'LOCK_CONFIG' };
      await expect(locks.tryAcquire(resource)).rejects.toMatchObject(refused);
      await expect(locks.resume(lease)).rejects.toMatchObject(refused);
      await expect(locks.renew(lease)).rejects.toMatchObject(refused);
      await expect(locks.away({ ...lease, graceMs: 1 })).rejects.toMatchObject(refused);
      await expect(locks.attach({ ...lease, node: 'n', conn: 'c', instance: 'i' })).rejects.toMatchObject(refused);
    },
  );

  it('[LM5] refuses what is asked of a lease with anything that the store could not carry, and names the fix', async () => {
    const lease = await locks.acquire(press, { holder: ada });
    const ref = { resource: press, leaseId: lease.leaseId };
    const long = 'x'.repeat(2_000);
    const wrong = JSON.parse('{ "leaseId": 7, "takeoverId": null, "renew": "never", "isAlive": true }') as {
      leaseId: string;
      takeoverId: string;
      renew: 'auto';
      isAlive: () => boolean;
    };
    const { leaseId, takeoverId, renew, isAlive } = wrong;
    const refused = async (asked: Promise<unknown>, words: string): Promise<void> => {
      await expect(asked).rejects.toMatchObject({
        code: 'LOCK_CONFIG',
        applied: 'no',
        message: expect.stringContaining(words) as string,
      });
    };
    await refused(locks.release({ ...ref, reason: long }), 'shorten it');
    await refused(locks.release({ ...ref, by: { id: '' } }), 'by.id is empty');
    await refused(locks.release({ ...ref, leaseId }), 'give it as text');
    await refused(locks.attach({ ...ref, instance: 'tab', node: long, conn: 'c' }), 'node is longer');
    await refused(locks.attach({ ...ref, instance: 'tab', node: 'n', conn: 'a\n' }), 'conn contains control');
    await refused(locks.renew({ ...ref, gen: 1.5 }), 'gen 1.5');
    await refused(locks.away({ ...ref, graceMs: 1, gen: -1 }), 'gen -1');
    await refused(locks.answerTakeover({ ...ref, takeoverId, answer: 'grant' }), 'takeoverId is null');
    await refused(locks.withdrawTakeover({ resource: press, takeoverId }), 'takeoverId is null');
    await refused(locks.resume({ ...ref, maxHoldMs: Number.NaN }), 'leave it out for no cap');
    await refused(locks.resume({ ...ref, renew: 'manual', maxHoldMs: 9 }), 'By hand, stop renewing');
    await refused(locks.resume({ ...ref, renew }), 'neither');
    await refused(locks.resume({ ...ref, isAlive }), 'answers whether');
    await refused(locks.resume({ ...ref, attach: { instance: 'tab', node: '', conn: 'c' } }), 'node is empty');
    await refused(locks.readWrite(press).resume({ leaseId: lease.leaseId, renew }), 'neither');
    await refused(locks.semaphore(press, { permits: 1 }).release({ leaseId }), 'give it as text');
    await refused(locks.list({ prefix: JSON.parse('null') as string }), 'prefix is null');
    await refused(locks.log.read(16, 'start', 1), 'ask bucketOf');
    await refused(locks.log.read(0.5, 'start', 1), 'ask bucketOf');
    await refused(locks.log.read(0, 'yesterday', 1), "pass 'start'");
    await refused(locks.releaseLock(JSON.parse('{ "id": "L" }') as Lock), 'what acquireLock resolved with');
    await refused(locks.releaseLock(JSON.parse('null') as Lock), 'what acquireLock resolved with');
    expect(() => releaseOnExit(locks, { budgetMs: Number.NaN })).toThrow('leave it out (2,000)');
    expect(lease.valid).toBe(true);
  });

  it.each([0, -1, 1.5, Number.NaN])('[LM5] refuses pages of %j', async (limit) => {
    const refused = { code: 'LOCK_CONFIG', message: expect.stringContaining('leave it out') as string };
    await expect(locks.list({ prefix: '', limit })).rejects.toMatchObject(refused);
    await expect(locks.log.read(0, 'start', limit)).rejects.toMatchObject(refused);
  });

  it('[PF8] a claim whose grant lapsed before anybody heard of it claims anew, unless it named its request', async () => {
    let loses = 0;
    const slow = new PassingStore(store);
    slow.submit = async (command) => {
      const reply = await store.submit(command);
      loses -= 1;
      if (loses < 0) return reply;
      clock.stall(1_000);
      throw new CoordinationError('REPLY_LOST', 'lost', { applied: 'unknown' });
    };
    const manager = new Locks(slow, { clock, entropy: seededEntropy(9) });
    loses = 1;
    const lease = await manager.acquire(press, { holder: ada, ttlMs: 900 });
    expect([lease.valid, lease.remainingMs() > 800]).toEqual([true, true]);
    await lease.release();
    loses = 1;
    const named = { holder: ada, ttlMs: 900, requestId: 'mine' };
    expect(await manager.tryAcquire(press, named)).toEqual({ kind: 'gone', how: 'expired' });
  });

  /** Answers the next so many commands of these kinds later than `byMs`; what was asked has happened before or after. */
  class LateStore extends PassingStore {
    late = 0;
    kinds: readonly string[] = ['request'];
    /** On its way to the store, or back. */
    way: 'there' | 'back' = 'there';
    readonly sent: string[] = [];
    override submit: LeaseStore['submit'] = async (command) => {
      this.sent.push(command.kind);
      if (!this.kinds.includes(command.kind) || this.late === 0) return store.submit(command);
      this.late -= 1;
      if (this.way === 'there') clock.stall(1_000);
      const reply = await store.submit(command);
      if (this.way === 'back') clock.stall(1_000);
      return reply;
    };
  }

  function lateManager(kinds: readonly string[], way: 'there' | 'back' = 'there'): [Locks, LateStore] {
    const late = new LateStore(store);
    late.kinds = kinds;
    late.way = way;
    return [new Locks(late, { clock, entropy: seededEntropy(9) }), late];
  }

  describe.each([
    ['at once', {}],
    ['in line', { waitMs: 5_000 }],
    ['by a name of its own', { requestId: 'mine' }],
  ] as const)('a claim %s that is answered when its term is over', (_how, options) => {
    it('[LM15] is asked again, and hands out a lease that is valid', async () => {
      const [manager, late] = lateManager(['request']);
      late.late = 1;
      const lease = await settled(manager.acquire(press, { holder: ada, ttlMs: 900, ...options }));
      expect([lease.valid, lease.remainingMs() > 800]).toEqual([true, true]);
      expect(late.sent).toEqual(['request', 'request']);
      await lease.release();
      expect(await locks.inspect(press)).toMatchObject({ kind: 'free' });
    });
  });

  it('[LM15] a claim whose answers are always late is unavailable, and blocks nobody', async () => {
    const [manager, late] = lateManager(['request'], 'back');
    late.late = 100;
    const outcome = await settled(manager.tryAcquire(press, { holder: ada, ttlMs: 900 }));
    expect(outcome).toMatchObject({ kind: 'unavailable', cause: { code: 'STORE_UNAVAILABLE', applied: 'unknown' } });
    expect(late.sent).toEqual(['request', 'request', 'request', 'cancel']);
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free' });
    const waiting = await settled(manager.tryAcquire(press, { holder: ada, ttlMs: 900, waitMs: 3_000 }));
    expect(waiting.kind).not.toBe('granted');
    await clock.settle();
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free' });
  });

  it('[LM15] a takeover and a lease resumed are valid as well when they are handed out', async () => {
    const [manager, late] = lateManager(['takeover', 'renew']);
    const asked = { by: bob, reason: 'mine', ttlMs: 900 };
    late.late = 1;
    const taken = await settled(manager.requestTakeover(press, { ...asked, graceMs: 1 }));
    if (taken.kind !== 'granted') throw new Error(taken.kind);
    expect(taken.lease.valid).toBe(true);
    late.late = 1;
    const forced = await settled(manager.force(press, { ...asked, by: ada }));
    if (forced.kind !== 'granted') throw new Error(forced.kind);
    expect(forced.lease.valid).toBe(true);
    await manager.close({ leases: 'keep' });
    const [next, alsoLate] = lateManager(['renew'], 'back');
    alsoLate.late = 1;
    const { leaseId } = forced.lease;
    const resumed = await settled(next.resume({ resource: press, leaseId, ttlMs: 1_500 }));
    if (resumed.kind !== 'resumed') throw new Error(resumed.kind);
    expect(resumed.lease.valid).toBe(true);
  });

  it('[LM6] resumes in another process with the same fence', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 5_000 });
    await locks.close({ leases: 'keep' });
    expect(lease.valid).toBe(false);
    const elsewhere = open(7);
    const resumed = await elsewhere.resume({ resource: press, leaseId: lease.leaseId });
    if (resumed.kind !== 'resumed') throw new Error(resumed.kind);
    expect(resumed.lease).toMatchObject({ fence: lease.fence, holder: ada });
    await clock.advance(20_000);
    expect(resumed.lease.valid).toBe(true);
    await resumed.lease.release();
    expect(await elsewhere.resume({ resource: press, leaseId: lease.leaseId })).toEqual({
      kind: 'ended',
      how: 'released',
    });
  });

  it('[LM7] the short form locks, refuses, and says whether it released', async () => {
    const lock = await locks.acquireLock('resource');
    expect(lock).toMatchObject({ resource: 'resource', ttl: 30_000 });
    await expect(locks.acquireLock('resource', 1_000)).rejects.toMatchObject({ code: 'RESOURCE_LOCKED' });
    lock.stopAutoRenewal();
    lock.startAutoRenewal();
    expect(await locks.releaseLock(lock)).toBe(true);
    const late = await locks.acquireLock('resource', 1_000);
    late.stopAutoRenewal();
    await clock.advance(2_000);
    expect(await locks.releaseLock(late)).toBe(false);
  });

  it('[LM8] close releases what was claimed here, and refuses later calls', async () => {
    const lease = await locks.acquire(press, { holder: ada });
    const { signal } = lease;
    await locks.close();
    expect(signal.reason).toMatchObject({ reason: 'shutdown' });
    expect(await open(9).inspect(press)).toMatchObject({ kind: 'free' });
    expect(await locks.tryAcquire(press)).toMatchObject({ kind: 'unavailable', cause: { code: 'LOCKS_CLOSED' } });
  });
});

describe('waiting', () => {
  it('[WT1] the first in line owns on release, within the offer until it confirms', async () => {
    const first = await locks.acquire(press, { holder: ada });
    const waiting = locks.acquire(press, { holder: bob, waitMs: 10_000 });
    await clock.advance(4_000);
    await first.release();
    const lease = await settled(waiting);
    expect(lease.valid).toBe(true);
    expect(lease.fence > first.fence).toBe(true);
    await clock.advance(60_000);
    expect(lease.valid).toBe(true);
  });

  it('[WT1] a wait that runs out is busy, and leaves the queue', async () => {
    await locks.acquire(press, { holder: ada });
    const waiting = locks.tryAcquire(press, { holder: bob, waitMs: 5_000 });
    await clock.advance(5_001);
    expect(await waiting).toMatchObject({ kind: 'busy', why: 'waited', position: 1 });
    expect(await locks.inspect(press)).toMatchObject({ queue: 0 });
    const error = locks.acquire(press, { holder: bob, waitMs: 10 }).catch((fault: unknown) => fault);
    await clock.advance(100);
    expect(await error).toMatchObject({ code: 'LOCK_TIMEOUT' });
  });

  it('[WT2] an aborted wait rejects with the caller’s reason and leaves nothing behind', async () => {
    const first = await locks.acquire(press, { holder: ada });
    const caller = new AbortController();
    const waiting = locks
      .tryAcquire(press, { holder: bob, waitMs: 60_000, signal: caller.signal })
      .catch((reason: unknown) => reason);
    await clock.advance(100);
    const reason = new Error('changed my mind');
    caller.abort(reason);
    await clock.settle();
    expect(await waiting).toBe(reason);
    await first.release();
    expect(await locks.inspect(press)).toMatchObject({ kind: 'free', queue: 0 });
  });

  it('[WT3] keeps its turn when the notification is lost', async () => {
    const deaf = new DeafStore(store);
    const manager = new Locks(deaf, { clock, entropy: seededEntropy(4) });
    const first = await locks.acquire(press, { holder: ada });
    const waiting = manager.acquire(press, { holder: bob, waitMs: 60_000 });
    await clock.advance(1_000);
    await first.release();
    await clock.advance(10_000);
    const lease = await settled(waiting);
    expect(lease.valid).toBe(true);
  });

  it('[WT4] any interleaving of release, renewal, abort and time hands over in order, once, and leaks nothing', async () => {
    let handOvers = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            at: fc.nat({ max: 3_000 }),
            hold: fc.nat({ max: 1_500 }),
            abortAt: fc.option(fc.nat({ max: 4_000 }), { nil: undefined }),
            renew: fc.boolean(),
          }),
          { minLength: 2, maxLength: 8 },
        ),
        async (users) => {
          clock = new SimulatedClock();
          store = new MemoryLeaseStore({ clock });
          const managers = [open(1), open(2)];
          let inside = 0;
          const fences: string[] = [];
          const runs = users.map(async (user, n) => {
            await new Promise<void>((resolve) => clock.after(user.at, resolve));
            const caller = new AbortController();
            if (user.abortAt !== undefined) clock.after(user.abortAt, () => caller.abort(new Error('enough')));
            const lease = await managers[n % 2]
              ?.acquire(press, { holder: { id: `u${n}` }, ttlMs: 500, waitMs: 60_000, signal: caller.signal })
              .catch(() => undefined);
            if (lease === undefined) return;
            inside += 1;
            expect(inside).toBe(1);
            expect(lease.valid).toBe(true);
            fences.push(lease.fence);
            handOvers += 1;
            const renewal = user.renew ? lease.renew() : undefined;
            await new Promise<void>((resolve) => clock.after(user.hold, resolve));
            expect(lease.valid).toBe(true);
            inside -= 1;
            await Promise.all([lease.release(), renewal, lease.release()]);
          });
          await clock.advance(100_000);
          await Promise.all(runs);
          expect([...fences].sort()).toEqual(fences);
          expect(await managers[0]?.inspect(press)).toMatchObject({ kind: 'free', queue: 0 });
          await Promise.all(managers.map((manager) => manager.close()));
          await clock.settle();
        },
      ),
      { numRuns: 60 },
    );
    expect(handOvers).toBeGreaterThan(60);
  });
});

describe('telling', () => {
  it('[LM9] watch yields a view and then every event', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const change of locks.watch(press, { signal: stop.signal }))
        seen.push(change.kind === 'view' ? change.view.kind : change.event.type);
    })();
    await clock.advance(10);
    const lease = await locks.acquire(press, { holder: ada });
    await clock.advance(10);
    await lease.release();
    await clock.advance(10);
    stop.abort();
    await clock.settle();
    await watching;
    expect(seen).toEqual(['free', 'claimed', 'released']);
  });

  it('[LM10] a lapse that nobody asks about is told within a second', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 500, renew: 'manual' });
    await clock.advance(1_500);
    const { events } = await locks.log.read(locks.log.bucketOf(press), 'start', 10);
    expect(events.map((event) => event.type)).toEqual(['claimed', 'expired']);
    expect((events[1]?.atMs ?? 0) - lease.untilMs).toBeLessThanOrEqual(1_000);
  });

  it('[LM11] what is past its window is forgotten, and its record gone', async () => {
    const lease = await locks.acquire(press, { holder: ada });
    await lease.release();
    await clock.advance(599_000);
    expect(await locks.release({ resource: press, leaseId: lease.leaseId })).toEqual({ kind: 'already' });
    await clock.advance(3_000);
    expect(await locks.release({ resource: press, leaseId: lease.leaseId })).toEqual({ kind: 'unknown' });
    expect(await locks.inspect(press)).toEqual({
      kind: 'free',
      resource: press,
      cursor: '',
      queue: 0,
      serverMs: expect.any(Number),
    });
  });

  it('[LM12] no fence is below the floor that an earlier process left', async () => {
    const floor = fenceOf(9_000_000_000_000_000);
    const manager = new MemoryLockManager({ clock, fenceFloor: floor });
    expect((await manager.acquire(press)).fence > floor).toBe(true);
  });
});

describe('ids', () => {
  it('[ID1] encodes each part by itself, one to one', () => {
    expect(encodeId('project:42')).toBe('project:42');
    expect(encodeId('node/a b')).toBe('~bm9kZS9hIGI');
    expect(encodeId('a::b')).toBe('a:~:b');
    expect(encodeId('x'.repeat(151))).toMatch(/^~~[\w-]{43}$/);
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.string({ unit: 'binary', maxLength: 60 }),
        (a, b) => (encodeId(a) === encodeId(b)) === (Buffer.from(a).toString('hex') === Buffer.from(b).toString('hex')),
      ),
    );
  });

  it('[ID2] puts an id into a slot by crc32', () => {
    expect(slotOf('123456789', 2 ** 32)).toBe(0xcbf43926);
  });
});

async function settled<T>(waiting: Promise<T>): Promise<T> {
  await clock.settle();
  return waiting;
}

/** A store whose answers can be held back; what was asked has happened all the same. */
class SlowStore extends PassingStore {
  #held: Promise<void> | undefined;
  letGo: () => void = () => undefined;

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.letGo = resolve;
    });
  }
  override submit: LeaseStore['submit'] = async (command) => {
    const reply = await store.submit(command);
    await this.#held;
    return reply;
  };
}

/** A store whose notifications never arrive. */
class DeafStore extends SlowStore {
  override listen: LeaseStore['listen'] = async () => () => undefined;
}
