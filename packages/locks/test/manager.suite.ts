import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseChange, LockManager } from '../src/index.ts';
import type { Adapter, World } from './adapters.ts';

const press = 'project:press';
const ada = { id: 'ada' };
const bob = { id: 'bob' };

/** What a manager promises, in short, on every adapter: its parts have suites of their own. */
export function manager(adapter: Adapter): void {
  describe(`manager: ${adapter.name}`, () => {
    let world: World;
    let locks: LockManager;
    let others: LockManager;
    beforeEach(() => {
      world = adapter.world();
      locks = world.open();
      others = world.open(world.otherClock);
    });
    afterEach(() => world.end());

    /** Reads again and again, while the world's time passes, until it is as expected. */
    async function eventually<T>(read: () => Promise<T> | T, isSo: (value: T) => boolean): Promise<T> {
      for (let turn = 0; turn < 1_500; turn += 1) {
        const value = await read();
        if (isSo(value)) return value;
        await world.elapse(4);
      }
      throw new Error('it never came to be');
    }

    it('[LS7] waiters of two processes are served in the order they asked, under rising fences', async () => {
      const first = await locks.acquire(press, { holder: ada });
      const served: { readonly n: number; readonly fence: string }[] = [];
      for (let n = 0; n < 10; n += 1) {
        void (n % 2 === 0 ? locks : others)
          .acquire(press, { holder: { id: `w${n}` }, waitMs: 30_000 })
          .then(async (lease) => {
            served.push({ n, fence: lease.fence });
            await lease.release();
          });
        await eventually(
          () => others.inspect(press),
          (view) => view.queue === n + 1,
        );
      }
      await first.release();
      await eventually(
        () => served.length,
        (length) => length === 10,
      );
      expect(served.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      const fences = [first.fence as string, ...served.map(({ fence }) => fence)];
      expect(fences).toEqual([...fences].sort());
      expect(new Set(fences).size).toBe(11);
    });

    it('[LM6] [LM8] a lease that is kept over the end of its process goes on in another, under the same fence', async () => {
      const lease = await locks.acquire(press, { holder: ada, ttlMs: 5_000, meta: { why: 'deploy' } });
      await locks.close({ leases: 'keep' });
      expect(await others.tryAcquire(press, { holder: bob })).toMatchObject({ kind: 'busy', current: { holder: ada } });
      const resumed = await others.resume({ resource: press, leaseId: lease.leaseId });
      if (resumed.kind !== 'resumed') throw new Error(resumed.kind);
      expect(resumed.lease).toMatchObject({ fence: lease.fence, valid: true, meta: { why: 'deploy' } });
      expect(await resumed.lease.release()).toEqual({ kind: 'released' });
    });

    it('[LM9] [LM10] a watcher sees where it stands, and then the claim, the lapse and the next claim', async () => {
      const stop = new AbortController();
      const seen: LeaseChange[] = [];
      const watching = (async () => {
        for await (const change of others.watch(press, { signal: stop.signal })) seen.push(change);
      })().catch(() => undefined);
      await eventually(
        () => seen.length,
        (length) => length > 0,
      );
      const lease = await locks.acquire(press, { holder: ada, ttlMs: 300, renew: 'manual' });
      const types = (): string[] => seen.flatMap((change) => (change.kind === 'event' ? [change.event.type] : []));
      await eventually(types, (all) => all.includes('expired'));
      await others.acquire(press, { holder: bob });
      await eventually(types, (all) => all.length >= 3);
      stop.abort();
      await watching;
      expect(seen[0]).toMatchObject({ kind: 'view', view: { kind: 'free' } });
      expect(types()).toEqual(['claimed', 'expired', 'claimed']);
      expect(lease.valid).toBe(false);
    });

    it('[LM10] a lapse that nobody waits for is announced within a second or so', async () => {
      const lease = await locks.acquire(press, { holder: ada, ttlMs: 300, renew: 'manual' });
      const expired = await eventually(
        async () => (await others.log.read(others.log.bucketOf(press), 'start', 10)).events.at(-1),
        (event) => event?.type === 'expired',
      );
      expect((expired?.atMs ?? 0) - lease.untilMs).toBeLessThan(1_500);
    });

    it('[LS15] lists by prefix, in order, page by page, over all buckets', async () => {
      const names = Array.from({ length: 25 }, (_, n) => `list:${String(n).padStart(2, '0')}`);
      await Promise.all(names.map((name) => locks.acquire(name, { holder: ada })));
      await locks.acquire('other:1', { holder: ada });
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await others.list({ prefix: 'list:', limit: 10, ...(cursor === undefined ? {} : { cursor }) });
        found.push(...page.items.map((view) => view.resource));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      expect(found).toEqual(names);
    });

    it('[LS11] a connection keeps a lease, and its grace ends it when it is gone', async () => {
      const lease = await locks.acquire(press, { holder: ada, instance: 'tab', ttlMs: 30_000 });
      const ref = { resource: press, leaseId: lease.leaseId };
      const attached = await others.attach({ ...ref, instance: 'tab', node: 'n1', conn: 'c1' });
      expect(attached).toMatchObject({ kind: 'attached', view: { link: { kind: 'attached', conn: 'c1' } } });
      if (attached.kind !== 'attached') return;
      expect(await others.away({ ...ref, gen: attached.view.gen, graceMs: 200 })).toMatchObject({ kind: 'away' });
      await eventually(
        () => others.inspect(press),
        (view) => view.kind === 'free',
      );
    });
  });
}
