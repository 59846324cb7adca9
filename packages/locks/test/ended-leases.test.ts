import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type EndedLease, EndedLeases, MAX_ENDED } from '../src/ended-leases.ts';

it('[LS10] the last 256 that ended are found by either name, and none before them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 * MAX_ENDED }), (count) => {
      const all = Array.from(
        { length: count },
        (_, n): EndedLease => ({
          leaseId: n % 5 === 0 ? '' : `lease${n}`,
          requestId: `request${n}`,
          fence: '',
          how: 'released',
          atMs: n,
          forgetMs: n,
        }),
      );
      const ended = all.reduce((before, one) => before.remember(one), EndedLeases.none);
      expect(ended.isEmpty).toBe(count === 0);
      expect(ended.ofLease('')).toBeUndefined();
      for (const [n, one] of all.entries()) {
        const isKept = n >= count - MAX_ENDED;
        expect(ended.ofRequest(one.requestId)).toBe(isKept ? one : undefined);
        if (one.leaseId !== '') expect(ended.ofLease(one.leaseId)).toBe(isKept ? one : undefined);
      }
    }),
    { numRuns: 40 },
  );
});
