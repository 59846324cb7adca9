import { expect, it } from 'vitest';
import { expectedWaitMs } from '../src/index.ts';
import { clock, locks, settled } from './in-memory.ts';

const view = () => settled(locks.inspect('press'));

async function heldFor(ms: number): Promise<void> {
  const lease = await settled(locks.acquire('press'));
  await clock.advance(ms);
  await settled(lease.release());
}

it('[LS16] whoever waits is told the rest of the lease that stands, and a usual one for each before him', async () => {
  const first = await settled(locks.acquire('press'));
  expect(expectedWaitMs(await view())).toBeUndefined();
  await clock.advance(2_000);
  await settled(first.release());
  for (const ms of [4_000, 5_000, 6_000]) await heldFor(ms);
  expect(expectedWaitMs(await view())).toBe(0);

  const held = await settled(locks.acquire('press'));
  await clock.advance(1_000);
  const waiting = locks.acquire('press', { holder: { id: 'bob' }, waitMs: 60_000 });
  await clock.settle();
  const seen = await view();
  expect(seen).toMatchObject({ queue: 1, usualHoldMs: 4_000 });
  expect([1, 2, 3].map((position) => expectedWaitMs(seen, position))).toEqual([3_000, 7_000, 11_000]);
  expect(expectedWaitMs(seen)).toBe(7_000);

  await clock.advance(9_000);
  expect(expectedWaitMs(await view(), 1)).toBe(0);
  await settled(held.release());
  expect((await settled(waiting)).valid).toBe(true);
});

it('[LS16] a position is a whole number from 1', async () => {
  const seen = await view();
  for (const position of [0, -1, 1.5, Number.NaN])
    expect(() => expectedWaitMs(seen, position)).toThrowError(expect.objectContaining({ code: 'LOCK_CONFIG' }));
});
