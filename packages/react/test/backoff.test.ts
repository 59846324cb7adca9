import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../src/backoff.ts';

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoff', () => {
  it('[C4] the interval doubles from a quarter of a second and stays below 30 s', () => {
    expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 1))).toEqual([250, 500, 1_000, 2_000]);
    fc.assert(
      fc.property(fc.nat(10_000), chance, (attempt, x) => {
        expect(backoffMs(attempt, x)).toBeGreaterThanOrEqual(0);
        expect(backoffMs(attempt, x)).toBeLessThanOrEqual(30_000);
      }),
    );
  });

  it('[C4] attempts are spread over the whole interval', () => {
    expect(backoffMs(5, 0)).toBe(0);
    expect(backoffMs(5, 0.5)).toBe(4_000);
  });

  it('[C4] a server that has enough is left alone for at least half of 2, 30, 60, 300 s', () => {
    expect([0, 1, 2, 3, 9].map((attempt) => backoffMs(attempt, 0, 'slow'))).toEqual([
      1_000, 15_000, 30_000, 150_000, 150_000,
    ]);
  });
});
