// Plays a simulation on a real redis-server, in a process with a mutant of a script, until a check objects, and
// tells its parent which. argv = the server, module, name of its export, the seed to begin with, and how many more
// from 1.
import { type Simulation, SimulationFailure } from '@devmentor/runtime/simulation';
import { RedisServices } from '../redis-services.ts';

export interface PlayedOnRedis {
  readonly checks: readonly string[];
  /** What was violated, by which steps and faults; empty when nothing was. */
  readonly message: string;
}

const [url = '', module = '', name = '', first = '1', more = '0'] = process.argv.slice(2);
const exported = (await import(module)) as { readonly [name: string]: Simulation | undefined };
const simulation = exported[name];
if (simulation === undefined) throw new Error(`${module} exports no simulation ${name}`);
const services = await RedisServices.open(url, `sim-${process.pid}`);

async function played(onRedis: Simulation): Promise<PlayedOnRedis> {
  const further = Array.from({ length: Number(more) }, (_, nth) => 1 + nth);
  for (const seed of [Number(first), ...further])
    try {
      await onRedis.play(await onRedis.caseOf(seed));
    } catch (thrown) {
      if (!(thrown instanceof SimulationFailure)) throw thrown;
      return { checks: thrown.violations.map(({ check }) => check), message: thrown.message };
    }
  return { checks: [], message: '' };
}

process.send?.(await played(simulation.over(services)));
await services.close();
process.disconnect?.();
