import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goThrough, history, print } from './model/history.ts';
import { mutants } from './model/mutants.ts';

/** Long enough for every mutant, with room; the seed makes each run the same. */
const histories = 3_000;
const seed = 20_261_123;

describe('without one rule, the model finds a history that shows it:', () => {
  it.each(Object.entries(mutants))('[LS2] [LS3] [LS5] [LS7] [LS10] %s', async (rule, pervert) => {
    const found = await fc.check(
      fc.asyncProperty(history, async (steps) => {
        const { objections } = await goThrough(steps, pervert);
        if (objections.length > 0) throw new Error(objections[0]);
      }),
      { numRuns: histories, seed },
    );
    expect(found.failed, `${rule}: not missed in ${found.numRuns} histories`).toBe(true);
    const [shortest] = found.counterexample ?? [[]];
    const { message } = found.errorInstance as Error;
    console.log(`without "${rule}": ${message}, after ${found.numRuns} histories, shrunk to\n${print(shortest)}`);
  });
});
