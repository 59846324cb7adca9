import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryGuard, parseFence, StaleFenceError, throwIfStale } from '../src/guards.ts';
import { fenceOf } from '../src/index.ts';

const notAFence = fc.oneof(
  fc.constantFrom(
    '',
    '1',
    '000000000000000',
    '00000000000000001',
    ' 000000000000001',
    '1e15',
    '1.79e+15',
    '-00000000000001',
  ),
  fc.constantFrom('٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠١', '0000000000000001\n', '000000000000000x', 'NaN', 'undefined'),
  fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !/^\d{16}$/.test(text)),
);

describe('a guard', () => {
  it('[GD1] [GD4] admits whatever is not older than what it has admitted, and names that to the rest', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5 }), { minLength: 1 }), (counts) => {
        const guard = new MemoryGuard();
        let highest = 0;
        for (const count of counts) {
          const outcome = guard.admit('doc', fenceOf(count));
          if (count >= highest) expect(outcome).toEqual({ kind: 'admitted' });
          else
            expect(outcome).toEqual({ kind: 'stale', resource: 'doc', fence: fenceOf(count), seen: fenceOf(highest) });
          highest = Math.max(highest, count);
          expect(guard.seen('doc')).toBe(fenceOf(highest));
        }
      }),
    );
  });

  it('[GD1] keeps resources apart', () => {
    const guard = new MemoryGuard();
    guard.admit('a', fenceOf(9));
    expect(guard.admit('b', fenceOf(1))).toEqual({ kind: 'admitted' });
  });

  it('[GD2] lets one lease write many times', () => {
    const guard = new MemoryGuard();
    for (let write = 0; write < 3; write += 1) expect(guard.admit('doc', fenceOf(7)).kind).toBe('admitted');
  });

  it('[GD5] refuses what is no fence, and remembers nothing of it', () => {
    const guard = new MemoryGuard();
    fc.assert(
      fc.property(notAFence, (text) => {
        expect(() => parseFence(text)).toThrow(RangeError);
        expect(() => guard.admit('doc', text)).toThrow(RangeError);
        expect(guard.seen('doc')).toBeUndefined();
      }),
    );
  });

  it('[GD4] its refusal becomes an exception for those who want one', () => {
    const guard = new MemoryGuard();
    throwIfStale(guard.admit('doc', fenceOf(2)));
    const late = guard.admit('doc', fenceOf(1));
    expect(() => throwIfStale(late)).toThrow(StaleFenceError);
    expect(() => throwIfStale(late)).toThrow(
      expect.objectContaining({ code: 'STALE_FENCE', applied: 'no', seen: fenceOf(2) }),
    );
  });
});
