// Plays a range of seeds of one simulation in a process of its own, and tells its parent what came of them.
// argv = module, name of its export, first seed, how many, and how many operations and faults make a history count.
import { reachedIn, type Simulation } from '@devmentor/runtime/simulation';

export interface Played {
  readonly histories: number;
  /** Those with so many operations, and so many faults that met something, as are asked for. */
  readonly full: number;
  readonly operations: number;
  readonly faults: number;
  /** In how many histories each of the simulation's `sometimes` was reached. */
  readonly sometimes: { readonly [label: string]: number };
  readonly failures: readonly string[];
}

const [module = '', name = '', from = '1', seeds = '1', operations = '0', faults = '0'] = process.argv.slice(2);
const exports = (await import(module)) as { readonly [name: string]: Simulation | undefined };
const simulation = exports[name];
if (simulation === undefined) throw new Error(`${module} exports no simulation ${name}`);

async function play(played: Simulation): Promise<Played> {
  const sometimes = Object.fromEntries(played.sometimes.map((label) => [label, 0]));
  const failures: string[] = [];
  const sum = { histories: 0, full: 0, operations: 0, faults: 0 };
  for (let seed = Number(from); seed < Number(from) + Number(seeds); seed++) {
    const found = await played.find(seed);
    if (found.kind === 'failed') {
      failures.push(found.failure.message);
      break;
    }
    const { seen } = found.report;
    const asked = seen.history.operations().length;
    const struck = seen.faults.filter((fault) => fault.struck).length;
    sum.histories += 1;
    sum.operations += asked;
    sum.faults += struck;
    if (asked >= Number(operations) && struck >= Number(faults)) sum.full += 1;
    for (const label of reachedIn(seen).keys()) sometimes[label] = (sometimes[label] ?? 0) + 1;
  }
  return { ...sum, sometimes, failures };
}

process.send?.(await play(simulation));
process.disconnect();
