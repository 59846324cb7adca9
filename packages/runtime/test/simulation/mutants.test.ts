// Each safeguard that is taken out of the product is missed by a workload. Here each mutant is met where it was
// found last, or a little further on; `pnpm prove mutants` hunts for it from the first seed.
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Hunted } from './mutants/hunt.ts';
import { hunted } from './mutants/hunted.ts';
import { type Mutant, mutants } from './mutants/mutants.ts';

const SEEDS = 2_000;
const HUNT_MS = 180_000;
const root = new URL('../../../../', import.meta.url);

type Ended = { readonly found: Hunted } | { readonly thrown: unknown };

/** Two processes at a time, one after the other in each of two lines. */
function huntAll(): ReadonlyMap<Mutant, Promise<Ended>> {
  const lines: [Promise<unknown>, Promise<unknown>] = [Promise.resolve(), Promise.resolve()];
  const hunt = async (mutant: Mutant): Promise<Ended> => {
    return await hunted(mutant, { first: mutant.foundAt, from: 1, seeds: SEEDS }).then(
      (found) => ({ found }),
      (thrown: unknown) => ({ thrown }),
    );
  };
  return new Map(
    mutants.map((mutant, nth) => {
      const line = nth % 2 === 0 ? 0 : 1;
      const ended = lines[line].then(() => hunt(mutant));
      lines[line] = ended;
      return [mutant, ended];
    }),
  );
}

describe('a product without one of its safeguards', () => {
  let hunts: ReturnType<typeof huntAll>;
  beforeAll(() => {
    hunts = huntAll();
  });

  for (const mutant of mutants) {
    const { name, checks, simulation } = mutant;
    it(`[MU1] ${simulation} finds out where it is not so that ${name}`, { timeout: HUNT_MS }, async () => {
      const ended = await hunts.get(mutant);
      if (ended === undefined || 'thrown' in ended) throw ended?.thrown;
      const { found } = ended;
      if (found.kind === 'survived') throw new Error(`it survived ${found.seeds} seeds`);
      expect(
        found.checks.filter((check) => checks.includes(check)),
        found.message,
      ).not.toEqual([]);
      // The story is one that a person reads.
      expect(found.steps, found.message).toBeLessThanOrEqual(4);
      expect(found.faults, found.message).toBeLessThanOrEqual(2);
    });
  }
});

describe('a mutant', () => {
  it.each(mutants)('[MU2] changes a passage that is there once: $name', async ({ file, passage, instead }) => {
    const source = await readFile(new URL(file, root), 'utf8');
    expect(source.split(passage), `say in mutants.ts where this stands in ${file} now`).toHaveLength(2);
    expect(instead).not.toBe(passage);
  });

  it('[MU2] whose passage is not there is told of, with what to do', async () => {
    const [mutant] = mutants;
    if (mutant === undefined) throw new Error('there are mutants');
    const lost = hunted({ ...mutant, passage: 'nobody wrote this' }, { from: 1, seeds: 1 });
    await expect(lost).rejects.toThrow(/nobody wrote this\n.*say so in test\/simulation\/mutants\/mutants.ts/);
  });
});
