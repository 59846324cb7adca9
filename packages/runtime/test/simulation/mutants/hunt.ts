// Hunts one mutant: plays seed after seed of a simulation until a check objects, and tells the story. argv =
// module, name of its export, first seed, how many, and perhaps one that comes before all. It tells its parent, or standard output, how it ended.
import type { Simulation } from '@devmentor/runtime/simulation';

export type Hunted =
  | {
      readonly kind: 'found';
      readonly seed: number;
      readonly shrinks: number;
      /** What was violated, by which steps and faults. */
      readonly message: string;
      readonly checks: readonly string[];
      readonly steps: number;
      readonly faults: number;
    }
  | { readonly kind: 'survived'; readonly seeds: number };

const [module = '', name = '', from = '1', seeds = '2000', first] = process.argv.slice(2);
const exports = (await import(module)) as { readonly [name: string]: Simulation | undefined };
const simulation = exports[name];
if (simulation === undefined) throw new Error(`${module} exports no simulation ${name}`);

async function hunt(hunted: Simulation): Promise<Hunted> {
  const inLine = Array.from({ length: Number(seeds) }, (_, nth) => Number(from) + nth);
  for (const seed of first === undefined ? inLine : [Number(first), ...inLine]) {
    const found = await hunted.find(seed);
    if (found.kind === 'passed') continue;
    const { failure, shrinks } = found;
    return {
      kind: 'found',
      seed,
      shrinks,
      message: failure.message,
      checks: [...new Set(failure.violations.map(({ check }) => check))],
      steps: found.case.steps.length,
      faults: found.case.faults.length,
    };
  }
  return { kind: 'survived', seeds: Number(seeds) };
}

const hunted = await hunt(simulation);
if (process.send === undefined) process.stdout.write(`${JSON.stringify(hunted, null, 2)}\n`);
else process.send(hunted);
process.disconnect?.();
