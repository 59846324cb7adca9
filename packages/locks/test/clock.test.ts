import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Alarm, Alarms } from '../src/alarms.ts';
import type { Clock } from '../src/clock.ts';
import { SimulatedClock } from '../src/testing.ts';

/** As a process has it whose time began elsewhere: its moments are finer than the world's. */
function offset(world: SimulatedClock, byMs: number): Clock {
  return {
    nowMs: () => world.nowMs() - byMs,
    wallMs: () => world.wallMs(),
    after: (delayMs, wake) => world.after(delayMs, wake),
    background: (delayMs, wake) => world.background(delayMs, wake),
    soon: (wake) => world.soon(wake),
  };
}

it('[CK1] a delay too small to be added to the time still moves it', async () => {
  const clock = new SimulatedClock();
  await clock.advance(2 ** 40);
  const before = clock.nowMs();
  let woke = 0;
  clock.after(Number.MIN_VALUE, () => {
    woke = clock.nowMs();
  });
  await clock.advance(1);
  expect(woke).toBeGreaterThan(before);
  expect(woke - before).toBeLessThan(0.001);
});

it('[CK1] an alarm rings once, not before its time, whatever the offset of the clock it is set by', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0, max: 2 ** 41, noNaN: true }),
      fc.double({ min: 0, max: 2 ** 41, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: 1, maxLength: 8 }),
      async (sinceMs, byMs, delays) => {
        const world = new SimulatedClock();
        world.stall(sinceMs);
        let timers = 0;
        const clock = offset(world, byMs);
        const counted: Clock = {
          ...clock,
          background: (delayMs, wake) => {
            timers += 1;
            // A timer that is made anew without end is the fault that is looked for.
            if (timers > 1_000) throw new Error('time stands still');
            return clock.background(delayMs, wake);
          },
        };
        const alarms = new Alarms(counted);
        const rung: number[] = [];
        for (const delayMs of delays) {
          const dueMs = clock.nowMs() + delayMs;
          alarms.set(
            new Alarm(() => {
              rung.push(delayMs);
              expect(clock.nowMs()).toBeGreaterThanOrEqual(dueMs);
            }),
            dueMs,
          );
        }
        await world.advance(51);
        expect(rung.sort()).toEqual([...delays].sort());
        expect(world.pending).toBe(0);
      },
    ),
    { numRuns: 2_000 },
  );
});
