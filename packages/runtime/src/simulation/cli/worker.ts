// The side of a run that plays: a process for each core. It is given one seed at a time, and whatever it
// finds depends on the seed alone.
import type { CaseFile } from '../case-file.ts';
import { explore } from '../explore.ts';
import type { Simulation } from '../simulation.ts';
import { traceDigest } from '../trace.ts';
import { failureOf, loadSimulations, ModuleError } from './module.ts';
import type { Answer, Job, Order } from './protocol.ts';

/** Serves the process that started this one until that one is gone. */
export async function work(module: string): Promise<void> {
  // Ctrl-C reaches everybody in the terminal; the run decides what becomes of its workers.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(0));
  let simulations: ReadonlyMap<string, Simulation>;
  try {
    simulations = await loadSimulations(module);
  } catch (fault) {
    if (!(fault instanceof ModuleError)) throw fault;
    say({ kind: 'unusable', message: fault.message });
    return;
  }
  process.on('message', (order: Order) => {
    void carryOut(simulations, order).then(say);
  });
  say({ kind: 'ready', simulations: [...simulations.keys()] });
}

async function carryOut(simulations: ReadonlyMap<string, Simulation>, order: Order): Promise<Answer> {
  const name = order.kind === 'explore' ? order.simulation : order.file.simulation;
  const simulation = simulations.get(name);
  if (simulation === undefined) throw new ModuleError(`no simulation is named ${name}`);
  return order.kind === 'explore' ? await exploreOne(simulation, order) : await confirm(simulation, order.file);
}

async function exploreOne(simulation: Simulation, { simulation: name, seed }: Job): Promise<Answer> {
  try {
    const { failures, ...figures } = await explore(simulation, { seeds: 1, from: seed });
    const [failed] = failures;
    if (failed === undefined) return { kind: 'explored', simulation: name, seed, figures, found: undefined };
    const { trace } = failed.failure.seen;
    const file: CaseFile = {
      format: 1,
      simulation: name,
      seed,
      steps: failed.case.steps,
      faults: failed.case.faults,
      digest: traceDigest(trace),
      violations: failed.failure.violations,
      trace,
    };
    return { kind: 'explored', simulation: name, seed, figures, found: { file, shrinks: failed.shrinks } };
  } catch (fault) {
    const message = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
    return { kind: 'broken', simulation: name, seed, message };
  }
}

async function confirm(simulation: Simulation, { seed, steps, faults }: CaseFile): Promise<Answer> {
  try {
    const report = await simulation.play({ seed, steps, faults });
    return { kind: 'confirmed', digest: report.digest(), violations: [] };
  } catch (thrown) {
    const failure = failureOf(thrown);
    if (failure === undefined) return { kind: 'confirmed', digest: 'none', violations: [] };
    return { kind: 'confirmed', digest: traceDigest(failure.seen.trace), violations: failure.violations };
  }
}

function say(answer: Answer): void {
  process.send?.(answer);
}
