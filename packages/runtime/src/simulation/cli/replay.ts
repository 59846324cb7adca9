// Playing one case again, in this process, and telling what happens.
import { dirname, resolve } from 'node:path';
import { type CaseFile, readCaseFile } from '../case-file.ts';
import type { Case, Simulation } from '../simulation.ts';
import { traceDigest } from '../trace.ts';
import { caseStory, isVacuous } from './cases.ts';
import { chooseSimulation, failureOf, loadSimulations } from './module.ts';
import type { Command } from './options.ts';
import { EXIT } from './summary.ts';

export interface Screen {
  readonly width: number;
  readonly color: boolean;
  write(text: string): unknown;
}

/** Answers the exit code: the case failed again, or it did not. */
export async function replayCommand(
  { of, module, seed, only }: Extract<Command, { readonly kind: 'replay' }>,
  screen: Screen,
): Promise<number> {
  const file = seed === undefined ? readCaseFile(of) : undefined;
  const path = module ?? (file === undefined ? of : moduleOf(file, of));
  const simulation = chooseSimulation(await loadSimulations(path), only ?? file?.simulation, path);
  const played: Case<unknown> = file ?? (await simulation.caseOf(seed ?? 0));
  const again = await playedCase(simulation, played);
  const isSame = again.digest === file?.digest;
  const seen = isSame && file !== undefined && isVacuous(file) ? { ...again, violations: file.violations } : again;
  screen.write(caseStory(seen, { ...screen, path: seed === undefined ? of : `${of} --seed ${seed}` }));
  if (file !== undefined)
    screen.write(
      isSame
        ? 'The same as when it was kept, to the byte.\n'
        : `Not what was kept: its digest is ${file.digest}. The code, the simulation or this version is another.\n`,
    );
  const failed = seen.violations.length > 0;
  screen.write(failed ? 'VIOLATED\n' : 'Nothing is violated.\n');
  return failed ? EXIT.violated : EXIT.ok;
}

/** A case says where its simulation is as seen from its own file. */
function moduleOf(file: CaseFile, path: string): string {
  if (file.module === undefined)
    throw new Error(`${path} does not say where ${file.simulation} is; --module FILE does`);
  return resolve(dirname(path), file.module);
}

async function playedCase(simulation: Simulation, { seed, steps, faults }: Case<unknown>): Promise<CaseFile> {
  const told = { format: 1, simulation: simulation.name, seed, steps, faults } as const;
  try {
    const { seen, digest } = await simulation.play({ seed, steps, faults });
    return { ...told, digest: digest(), violations: [], trace: seen.trace };
  } catch (thrown) {
    const failure = failureOf(thrown);
    if (failure === undefined) throw thrown;
    const { trace } = failure.seen;
    return { ...told, digest: traceDigest(trace), violations: failure.violations, trace };
  }
}
