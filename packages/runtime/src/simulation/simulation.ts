// Simulation
//
// One world played through a scenario, and judged. `simulate` is for a test of one scenario; a defined
// simulation is explored over many seeds, from each of which its steps and faults are drawn.
import fc from 'fast-check';
import type { Fault } from './fault.ts';
import type { Check, Seen, Violation } from './seen.ts';
import { SimulationFailure } from './simulation-failure.ts';
import { World, type WorldOptions } from './world.ts';

export interface SimulateOptions extends WorldOptions {
  readonly checks?: readonly Check[];
}

/** What became of one run in which nothing was found. */
export interface Report {
  readonly seed: number;
  readonly seen: Seen;
  /** Made when asked for: it reads the whole trace. */
  digest(): string;
}

/** Plays one scenario in one world; rejects with a `SimulationFailure` when a check objects, or the scenario throws. */
export async function simulate(
  options: SimulateOptions,
  scenario: (world: World) => void | Promise<void>,
): Promise<Report> {
  const world = await World.start(options);
  const violations: Violation[] = [];
  let cause: unknown;
  try {
    await scenario(world);
  } catch (thrown) {
    cause = thrown;
    violations.push({ check: 'scenario', message: thrown instanceof Error ? thrown.message : String(thrown) });
  }
  const seen = world.seen();
  world.end();
  for (const check of options.checks ?? []) violations.push(...(await check.inspect(seen)));
  if (violations.length > 0) throw new SimulationFailure({ seed: options.seed, violations, seen, cause });
  return { seed: options.seed, seen, digest: () => world.trace.digest() };
}

/** A run as a value. */
export interface Case<Step> {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly faults: readonly Fault[];
}

export interface SimulationOptions<Step> extends Omit<SimulateOptions, 'seed' | 'faults'> {
  readonly name: string;
  /** What clients do; shrunk when something is found. */
  readonly steps: fc.Arbitrary<readonly Step[]>;
  readonly faults: fc.Arbitrary<readonly Fault[]>;
  readonly play: (world: World, steps: readonly Step[]) => void | Promise<void>;
  /** Labels of `reached` sightings: each is to be seen in some history of an exploration. */
  readonly sometimes?: readonly string[];
}

/** A world, what is done in it, and what must hold. */
export interface Simulation<Step = unknown> {
  readonly name: string;
  readonly sometimes: readonly string[];
  /** The case that a seed gives. */
  caseOf(seed: number): Promise<Case<Step>>;
  play(played: Case<Step>): Promise<Report>;
  /** Plays the case of a seed; when something is found, the smallest case in which it is. */
  find(seed: number): Promise<Found<Step>>;
}

export type Found<Step> =
  | { readonly kind: 'passed'; readonly report: Report }
  | {
      readonly kind: 'failed';
      readonly case: Case<Step>;
      readonly shrinks: number;
      readonly failure: SimulationFailure;
    };

/** So many smaller cases are tried. */
const MOST_TRIES = 500;

export function defineSimulation<Step>(options: SimulationOptions<Step>): Simulation<Step> {
  const { name, steps, faults, play, sometimes = [], ...world } = options;
  const playCase = (played: Case<Step>): Promise<Report> =>
    simulate({ ...world, seed: played.seed, faults: played.faults }, (made) => play(made, played.steps));
  const drawn = (seed: number, use: (drawn: Case<Step>) => Promise<void>): Promise<fc.RunDetails<[Case<Step>]>> => {
    const cases = fc.record({ seed: fc.constant(seed), steps, faults });
    return fc.check(fc.asyncProperty(cases, use), { seed: seed | 0, numRuns: 1 });
  };
  return {
    name,
    sometimes,
    play: playCase,
    caseOf: async (seed) => {
      let first: Case<Step> | undefined;
      await drawn(seed, async (one) => {
        first = one;
      });
      if (first === undefined) throw new Error(`seed ${seed} gives no case`);
      return first;
    },
    find: async (seed) => {
      let report: Report | undefined;
      let failure: SimulationFailure | undefined;
      let tries = 0;
      const { failed, counterexample, numShrinks } = await drawn(seed, async (one) => {
        if (tries++ > MOST_TRIES) return;
        try {
          report = await playCase(one);
        } catch (thrown) {
          if (thrown instanceof SimulationFailure) failure = thrown;
          throw thrown;
        }
      });
      if (!failed && report !== undefined) return { kind: 'passed', report };
      const smallest = counterexample?.[0];
      if (smallest === undefined || failure === undefined)
        throw new Error(`seed ${seed} of ${name} could not be played`);
      return { kind: 'failed', case: smallest, shrinks: numShrinks, failure: failure.of(name, smallest) };
    },
  };
}

/** Runs a seed's case again, or a case that was written down. */
export async function replay<Step>(simulation: Simulation<Step>, what: number | Case<Step>): Promise<Report> {
  return await simulation.play(typeof what === 'number' ? await simulation.caseOf(what) : what);
}
