import { beforeEach, describe, expect, it } from 'vitest';
import type { LeaseStore } from '../src/index.ts';
import { CoordinationError, MemoryLeaseStore, MemoryLockManager } from '../src/index.ts';

const press = 'project:press';

/** A store that, once told to, answers no release. */
class DroppingStore extends MemoryLeaseStore {
  isDropping = false;
  readonly #answer: LeaseStore['submit'] = (command) => super.submit(command);

  override submit: LeaseStore['submit'] = (command) =>
    this.isDropping && command.kind === 'release'
      ? Promise.reject(new CoordinationError('REPLY_LOST', 'the answer is lost', { applied: 'unknown' }))
      : this.#answer(command);
}

let store: DroppingStore;
let locks: MemoryLockManager;

beforeEach(() => {
  store = new DroppingStore();
  locks = new MemoryLockManager({ store });
});

const isHeld = async (resource = press): Promise<boolean> => (await locks.inspect(resource)).kind === 'held';

describe('a lease in a block', () => {
  it('[HL10] `await using` has given it back when the block is left', async () => {
    {
      await using lease = await locks.acquire(press);
      expect([lease.valid, await isHeld()]).toEqual([true, true]);
    }
    expect(await isHeld()).toBe(false);
  });

  it('[HL10] `using` begins to give it back, and waits for nothing', async () => {
    const before = await (async () => {
      using lease = await locks.acquire(press);
      return lease;
    })();
    expect(before.valid).toBe(false);
    expect(await before.release()).toEqual({ kind: 'released' });
    expect(await isHeld()).toBe(false);
  });

  it('[HL10] an early return, a break and a throw give it back as well', async () => {
    const left = async (): Promise<string> => {
      for (const turn of [1, 2]) {
        await using lease = await locks.acquire(press);
        if (turn === 1) continue;
        return lease.fence;
      }
      return '';
    };
    expect(await left()).toMatch(/^\d{16}$/);
    expect(await isHeld()).toBe(false);
  });

  it.each(['await using', 'using'])(
    '[HL10] `%s` never masks the body’s error, even where the release fails',
    async (form) => {
      const boom = new Error('boom');
      const body =
        form === 'using'
          ? async () => {
              using _lease = await locks.acquire(press);
              store.isDropping = true;
              throw boom;
            }
          : async () => {
              await using _lease = await locks.acquire(press);
              store.isDropping = true;
              throw boom;
            };
      const fault = await body().catch((caught: unknown) => caught);
      // Not wrapped either: releasing rejects with nothing that would have to be told beside it.
      expect(fault).toBe(boom);
    },
  );

  it('[HL10] permits, several at once and shared ones are given back alike', async () => {
    const doc = locks.readWrite('doc');
    {
      await using first = await locks.acquire('a');
      await using second = await locks.acquireAll(['b', 'c']);
      await using reader = await doc.read();
      await using party = first.share();
      expect([first, second, reader, party].every(({ valid }) => valid)).toBe(true);
    }
    expect(await Promise.all(['a', 'b', 'c'].map((name) => isHeld(name)))).toEqual([false, false, false]);
    expect(await doc.inspect()).toMatchObject({ reading: 0 });
  });

  it('[HL10] releasing by hand within the block is enough', async () => {
    await using lease = await locks.acquire(press);
    expect(await lease.release()).toEqual({ kind: 'released' });
    await using next = await locks.acquire(press, { instance: 'next' });
    expect(next.fence > lease.fence).toBe(true);
  });
});
