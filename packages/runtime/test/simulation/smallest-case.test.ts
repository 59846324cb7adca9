// What is left of a case that fails, and by how many tries.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Failed, smallestCase } from '../../src/simulation/smallest-case.ts';

class Failure implements Failed {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }

  isLike(other: Failure): boolean {
    return other.why === this.why;
  }
}

/** Numbers as steps, no faults; `judge` says why they fail. */
async function smallest(steps: readonly number[], judge: (steps: readonly number[]) => string | undefined) {
  let played = 0;
  const drawn = { seed: 1, steps, faults: [] };
  const failure = new Failure(judge(steps) ?? 'it was to fail');
  // Smaller numbers, as fast-check finds them for a list of this length.
  const simpler = async (use: (one: typeof drawn) => Promise<void>): Promise<void> => {
    const most = fc.tuple(...steps.map((step) => fc.nat({ max: step })));
    const refused = async (numbers: readonly number[]): Promise<boolean> =>
      await use({ ...drawn, steps: numbers }).then(
        () => false,
        () => true,
      );
    let numbers = [...steps];
    if (!(await refused(numbers))) return;
    for (let isSmaller = true; isSmaller; ) {
      isSmaller = false;
      for (const { value } of most.shrink(numbers, undefined)) {
        if (!(await refused(value))) continue;
        numbers = value;
        isSmaller = true;
        break;
      }
    }
  };
  const found = await smallestCase({
    drawn,
    failure,
    play: async (tried) => {
      played += 1;
      const why = judge(tried.steps);
      return why === undefined ? undefined : new Failure(why);
    },
    simpler,
    text: ({ steps }) => steps.join(' '),
  });
  return { steps: found.case.steps, why: found.failure.why, shrinks: found.shrinks, played };
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n + 1);

describe('the smallest case', () => {
  it('[SM19] has nothing that can be left out, and what is left has smaller values', async () => {
    const found = await smallest(upTo(40), (steps) =>
      steps.some((step) => step > 6) && steps.some((step) => step % 5 === 0) ? 'both' : undefined,
    );
    expect(found.steps.length).toBeLessThanOrEqual(2);
    expect(found.steps.every((step) => step <= 10)).toBe(true);
    expect(found.shrinks).toBeGreaterThan(2);
  });

  it('[SM19] is without two of which each is there only because of the other', async () => {
    const found = await smallest([9, 3, 8, 5], (steps) =>
      steps.includes(9) && steps.includes(3) === steps.includes(5) ? 'odd' : undefined,
    );
    expect(found.steps).toEqual([9]);
  });

  it('[SM19] fails as the first did', async () => {
    const found = await smallest(upTo(20), (steps) => {
      if (steps.length < 4) return 'too short';
      return steps.includes(1) ? 'one' : undefined;
    });
    expect(found.why).toBe('one');
    expect(found.steps).toHaveLength(4);
  });

  it('[SM19] is looked for by so many tries and no more', async () => {
    const hard = upTo(400);
    const found = await smallest(hard, (steps) => (steps.length === hard.length ? 'all' : undefined));
    expect(found.steps).toHaveLength(400);
    // Twice to leave out, and once for smaller values.
    expect(found.played).toBeLessThanOrEqual(2 * 600 + 300);
  });
});
