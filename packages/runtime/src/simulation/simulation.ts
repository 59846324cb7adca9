// Simulation
//
// One world played through a scenario, and judged. `simulate` is for a test of one scenario; a defined
// simulation is explored over many seeds, from each of which its steps and faults are drawn.
import fc from 'fast-check';
import type { Fault } from './fault.ts';
import { nonVacuous, type VacuityOptions } from './run-checks.ts';
import type { Check, Seen, Violation } from './seen.ts';
import type { Servers } from './servers.ts';
import { SimulationFailure } from './simulation-failure.ts';
import { smallestCase } from './smallest-case.ts';
import { World, type WorldOptions } from './world.ts';

/** A world, what must hold in it, and how long its scenario may take. */
export interface SimulateOptions extends WorldOptions {
  /** What must hold; asked when the scenario is over, in this order. */
  readonly checks?: readonly Check[];
  /** A scenario that takes longer, by the world's time, fails. @default 10 minutes */
  readonly longestMs?: number;
}

const LONGEST_MS = 600_000;

/** What became of one run in which nothing was found. */
export interface Report {
  readonly seed: number;
  readonly seen: Seen;
  /** Of the trace: equal digests are equal runs. Made when asked for, since it reads the whole trace. */
  digest(): string;
}

/**
 * Plays one scenario in one world, and judges it. The world's time passes while the scenario waits, whatever for;
 * what is not of the world, such as a file, it waits for with `world.outside`.
 *
 * Rejects with a `SimulationFailure` when a check objects, or the scenario throws.
 *
 * @example
 * await simulate({ seed: 1, actors: [Counter] }, async (world) => {
 *   world.inflict({ kind: 'crash', node: 1, at: { ms: 5 }, restartAfterMs: 1_000 });
 *   await world.node(0).runtime.actor(Counter, 'a').tell({ type: 'add', by: 1 });
 * });
 */
export async function simulate(
  options: SimulateOptions,
  scenario: (world: World) => void | Promise<void>,
): Promise<Report> {
  return await reported(judged(options, scenario));
}

/** A failure that somebody is to read has its timeline. */
async function reported<T>(run: Promise<T>): Promise<T> {
  try {
    return await run;
  } catch (thrown) {
    throw thrown instanceof SimulationFailure ? thrown.withTimeline() : thrown;
  }
}

/** Plays and judges; a failure is told briefly. */
export async function judged(
  options: SimulateOptions,
  scenario: (world: World) => void | Promise<void>,
): Promise<Report> {
  const world = await World.start(options);
  const violations: Violation[] = [];
  let cause: unknown;
  try {
    await world.run((async () => await scenario(world))(), options.longestMs ?? LONGEST_MS);
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

/** A simulation: how cases are drawn and played, and what must hold. */
export interface SimulationOptions<Step> extends Omit<SimulateOptions, 'seed' | 'faults'> {
  /** By which a case that is kept finds it again. */
  readonly name: string;
  /** What clients do; shrunk when something is found. */
  readonly steps: fc.Arbitrary<readonly Step[]>;
  /** What breaks, as `faultPlan` draws it. */
  readonly faults: fc.Arbitrary<readonly Fault[]>;
  /** Does the steps in a world; its time passes while this waits. */
  readonly play: (world: World, steps: readonly Step[]) => void | Promise<void>;
  /** Labels of `reached` sightings: each is to be seen in some history of an exploration. */
  readonly sometimes?: readonly string[];
  /** What a drawn case has to come to; one in which nothing happened fails. @default one acknowledged operation */
  readonly atLeast?: VacuityOptions;
}

/** A world, what is done in it, and what must hold. */
export interface Simulation<Step = unknown> {
  readonly name: string;
  readonly sometimes: readonly string[];
  /** The case that a seed gives. */
  caseOf(seed: number): Promise<Case<Step>>;
  /** Plays a case as it is; rejects with a `SimulationFailure` when something is found. */
  play(played: Case<Step>): Promise<Report>;
  /** The same, standing on other servers: a seed gives the same case. */
  over(services: Servers): Simulation<Step>;
  /** Plays the case of a seed; when something is found, the smallest case in which it is. */
  find(seed: number): Promise<Found<Step>>;
}

/** What came of a seed. Of a failure, the smallest case that fails by the same check. */
export type Found<Step> =
  | { readonly kind: 'passed'; readonly report: Report }
  | {
      readonly kind: 'failed';
      readonly case: Case<Step>;
      readonly shrinks: number;
      readonly failure: SimulationFailure;
    };

/**
 * Defines a simulation. Steps and faults are drawn from fast-check's arbitraries, a case from each seed; both have to be
 * JSON for a case to be kept in a file. `play` starts the steps, each at a time of its own, and ends when there is no
 * more to see; what it throws is a finding of the check `scenario`.
 *
 * @example
 * export default defineSimulation<Step>({
 *   name: 'bookings',
 *   steps: several(step, { atLeast: 10, atMost: 20 }),
 *   faults: faultPlan({ withinMs: 3_000 }),
 *   play: async (world, steps) => { … },
 *   checks: [linearizableBy(model, isBooking)],
 * });
 */
export function defineSimulation<Step>(options: SimulationOptions<Step>): Simulation<Step> {
  const { name, steps, faults, play, sometimes = [], atLeast, ...world } = options;
  const playCase = async (played: Case<Step>): Promise<Report> => {
    try {
      return await judged({ ...world, seed: played.seed, faults: played.faults }, (made) => play(made, played.steps));
    } catch (thrown) {
      throw thrown instanceof SimulationFailure ? thrown.of(name, played.steps) : thrown;
    }
  };
  const cases = (seed: number): fc.Arbitrary<Case<Step>> => fc.record({ seed: fc.constant(seed), steps, faults });
  const draw = (seed: number, use: (drawn: Case<Step>) => Promise<void>): Promise<fc.RunDetails<[Case<Step>]>> =>
    fc.check(fc.asyncProperty(cases(seed), use), { seed: seed | 0, numRuns: 1 });
  const caseOf = async (seed: number): Promise<Case<Step>> => {
    let first: Case<Step> | undefined;
    const { errorInstance } = await draw(seed, async (one) => {
      first = one;
    });
    if (first === undefined) throw new Error(`seed ${seed} of ${name} gives no case`, { cause: errorInstance });
    return first;
  };
  const failureOf = async (played: Case<Step>): Promise<SimulationFailure | Report> =>
    await playCase(played).catch((thrown: unknown) => {
      if (thrown instanceof SimulationFailure) return thrown;
      throw thrown;
    });
  const find = async (seed: number): Promise<Found<Step>> => {
    const drawn = await caseOf(seed);
    const outcome = await failureOf(drawn);
    if (outcome instanceof SimulationFailure) {
      const smallest = await smallestCase<Step, SimulationFailure>({
        drawn,
        failure: outcome,
        play: async (tried) => {
          const failure = await failureOf(tried);
          return failure instanceof SimulationFailure ? failure : undefined;
        },
        simpler: (use) => draw(seed, use),
        text: ({ steps, faults }) => fc.stringify([steps, faults]),
      });
      return { kind: 'failed', ...smallest, failure: smallest.failure.withTimeline() };
    }
    // Shrinking would end here for every failure, so only a case as it was drawn is asked for more than nothing.
    const vacuous = nonVacuous(atLeast).inspect(outcome.seen);
    if (vacuous.length === 0) return { kind: 'passed', report: outcome };
    const empty = new SimulationFailure({ seed, violations: vacuous, seen: outcome.seen, cause: undefined });
    return { kind: 'failed', case: drawn, shrinks: 0, failure: empty.of(name, drawn.steps).withTimeline() };
  };
  return {
    name,
    sometimes,
    caseOf,
    play: (played) => reported(playCase(played)),
    find,
    over: (services) => defineSimulation({ ...options, services }),
  };
}

/**
 * Runs a seed's case again, or a case that was written down: the same, to the byte, for the same code. Rejects with a
 * `SimulationFailure` when something is found; nothing is made smaller.
 */
export async function replay<Step>(simulation: Simulation<Step>, what: number | Case<Step>): Promise<Report> {
  return await simulation.play(typeof what === 'number' ? await simulation.caseOf(what) : what);
}
