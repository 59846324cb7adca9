// A store that ends with its process remembers no fence: its floor does.
import { describe, expect, it } from 'vitest';
import { type FencingToken, fenceOf, MemoryLockManager } from '../src/index.ts';
import { SimulatedClock } from '../src/testing.ts';

const startMs = 1_700_000_000_000;
const hourMs = 3_600_000;

async function grant(locks: MemoryLockManager, resource: string): Promise<FencingToken> {
  const lease = await locks.acquire(resource);
  await lease.release();
  return lease.fence;
}

describe('fence floor', () => {
  it('[LS3] grants after a restart with a clock that went back are above the floor, on every resource', async () => {
    const before = new MemoryLockManager({ clock: new SimulatedClock(startMs) });
    const floor = await grant(before, 'r:0');
    await before.close();
    const after = new MemoryLockManager({ clock: new SimulatedClock(startMs - hourMs), fenceFloor: floor });
    const fences: FencingToken[] = [];
    for (let n = 0; n < 64; n += 1) fences.push(await grant(after, `r:${n}`), await grant(after, `r:${n}`));
    for (const fence of fences) expect(fence > floor).toBe(true);
    for (let n = 0; n < 64; n += 1) expect((fences[2 * n + 1] ?? '') > (fences[2 * n] ?? '')).toBe(true);
    await after.close();
  });

  it('[LS3] fences rise while the wall clock steps backwards', async () => {
    const clock = new SimulatedClock(startMs);
    const locks = new MemoryLockManager({ clock });
    const fences: FencingToken[] = [];
    for (let n = 0; n < 5; n += 1) {
      fences.push(await grant(locks, 'r'));
      clock.jumpWall(-hourMs);
    }
    expect(fences).toEqual([...new Set(fences)].toSorted());
    await locks.close();
  });

  it('[LS3] a floor behind the clock changes nothing, and a floor far ahead still has 16 digits above it', async () => {
    const behind = new MemoryLockManager({ clock: new SimulatedClock(startMs), fenceFloor: fenceOf(1) });
    expect(await grant(behind, 'r')).toBe(fenceOf(startMs * 1_000));
    await behind.close();
    const floor = fenceOf(startMs * 4_000);
    const ahead = new MemoryLockManager({ clock: new SimulatedClock(startMs), fenceFloor: floor });
    expect(await grant(ahead, 'r')).toMatch(/^\d{16}$/);
    expect((await grant(ahead, 'r')) > floor).toBe(true);
    await ahead.close();
  });
});
