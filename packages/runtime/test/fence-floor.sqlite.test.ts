// Claims of a server that is alone end with it; their fences do not. A claim is answered only
// after `admit` has stored its fence, so the highest stored one bounds every fence ever answered.
import { fenceOf, MemoryLockManager } from '@devmentor/locks';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ActorId } from '../src/actor-id.ts';
import type { SqliteStateStore } from '../src/sqlite.ts';
import { Owner } from '../src/store-contract.fixtures.ts';
import { MovedClock, sqliteOfThisFile } from './sqlite-stores.fixture.ts';

const sqlite = sqliteOfThisFile();
const resources: readonly ActorId[] = ['project:1', 'project:2', 'project:3'];

/** What a server does before it answers a claim. */
async function claimed(locks: MemoryLockManager, state: SqliteStateStore, resource: ActorId): Promise<string> {
  const lease = await locks.acquire(resource);
  expect(await state.admit(resource, lease.fence)).toEqual({ kind: 'admitted' });
  await lease.release();
  return lease.fence;
}

it('[DB5] over restarts with a clock that jumps, every answered fence is above those before it', {
  timeout: 60_000,
}, async () => {
  const restarts = fc.array(
    fc.record({
      jumpMs: fc.integer({ min: -90_000_000, max: 90_000_000 }),
      claims: fc.array(fc.constantFrom(...resources), { maxLength: 5 }),
    }),
    { minLength: 2, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(restarts, async (starts) => {
      const dir = sqlite.folder();
      const clock = new MovedClock();
      const answered: string[] = [];
      for (const { jumpMs, claims } of starts) {
        clock.move(jumpMs);
        const { database, state } = await sqlite.stores({ dir });
        const locks = new MemoryLockManager({ clock, fenceFloor: database.highestFence() });
        const floor = answered.toSorted().at(-1) ?? '';
        for (const resource of claims) {
          const fence = await claimed(locks, state, resource);
          expect(fence > floor).toBe(true);
          answered.push(fence);
        }
        await locks.close();
        database.close();
      }
    }),
    { numRuns: 40 },
  );
});

it('[DB5] without the floor, a clock that went back makes stale fences', async () => {
  const { state } = await sqlite.stores();
  const clock = new MovedClock();
  const before = new MemoryLockManager({ clock });
  await claimed(before, state, 'project:1');
  await before.close();
  clock.move(-3_600_000);
  const after = new MemoryLockManager({ clock });
  const lease = await after.acquire('project:1');
  expect((await state.admit('project:1', lease.fence)).kind).toBe('stale');
  await after.close();
});

it('[DB5] commits and seals raise the floor as admissions do; what was refused does not', async () => {
  const { database, state } = await sqlite.stores();
  expect(database.highestFence()).toBe('0000000000000000');
  const owner = await Owner.of(state);
  expect(database.highestFence()).toBe(owner.epoch);
  const [low, high, higher] = [1, 2, 3].map((n) => fenceOf(Number(owner.epoch) + n * 1_000_000));
  if (low === undefined || high === undefined || higher === undefined) throw new Error('three fences');
  await owner.committed({ fence: high });
  expect(database.highestFence()).toBe(high);
  expect((await state.admit(owner.id, low)).kind).toBe('stale');
  expect((await owner.commit({ fence: higher, basis: 9 })).kind).toBe('conflict');
  expect(database.highestFence()).toBe(high);
  await state.admit('project:other', low);
  expect(database.highestFence()).toBe(high);
});
