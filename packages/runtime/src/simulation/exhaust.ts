// Exhaustive play
//
// A small world in every order: wherever several messages could reach one place next, each of them is tried.
// A run is a list of choices; the next run makes the last choice that can be made otherwise, and follows its
// nose from there, so each order is played once, and nothing is kept but the list.
import type { Fault } from './fault.ts';
import { judged, type SimulateOptions } from './simulation.ts';
import { SimulationFailure } from './simulation-failure.ts';
import type { World } from './world.ts';

/** A small world, and how many of its orders are played at most. */
export interface ExhaustOptions extends Omit<SimulateOptions, 'seed' | 'faults' | 'latencyMs' | 'chooser'> {
  /** Each is played in every order. @default one without faults */
  readonly plans?: readonly (readonly Fault[])[];
  /** Messages to one place come in any order when they are due within so much of each other; every way takes 1 ms. @default 0.5 */
  readonly windowMs?: number;
  /** Most runs. @default 10000 */
  readonly most?: number;
}

/** What was played. */
export interface Exhausted {
  readonly runs: number;
  /** Every order of every plan was played; else there are more than `most`. */
  readonly complete: boolean;
  /** Choices of the run with the most. */
  readonly choices: number;
}

interface Choice {
  readonly width: number;
  taken: number;
}

/**
 * Plays a scenario in every order, each in a world of its own, and says whether that was all. Rejects with the first
 * `SimulationFailure`, which names the choices that led there.
 */
export async function exhaust(
  options: ExhaustOptions,
  scenario: (world: World) => void | Promise<void>,
): Promise<Exhausted> {
  const { plans = [[]], windowMs = 0.5, most = 10_000, ...simulated } = options;
  let runs = 0;
  let longest = 0;
  for (const faults of plans) {
    let path: Choice[] = [];
    do {
      if (runs === most) return { runs, complete: false, choices: longest };
      runs += 1;
      path = await playAlong(path, { ...simulated, windowMs, faults }, scenario);
      longest = Math.max(longest, path.length);
      path = nextOf(path);
    } while (path.length > 0);
  }
  return { runs, complete: true, choices: longest };
}

/** Makes the choices of `path`, then always the first; answers all that were made. */
async function playAlong(
  path: readonly Choice[],
  options: Omit<SimulateOptions, 'seed'> & { readonly windowMs: number },
  scenario: (world: World) => void | Promise<void>,
): Promise<Choice[]> {
  const made: Choice[] = [];
  const choose = (width: number): number => {
    const taken = path[made.length]?.taken ?? 0;
    made.push({ width, taken });
    return taken;
  };
  const { windowMs, ...rest } = options;
  const always = { seed: 0, latencyMs: { least: 1, most: 1 }, chooser: { windowMs, choose } };
  try {
    await judged({ ...rest, ...always }, scenario);
  } catch (thrown) {
    if (!(thrown instanceof SimulationFailure)) throw thrown;
    throw thrown.of(`in the order of choices [${made.map(({ taken }) => taken).join(', ')}]`, []).withTimeline();
  }
  return made;
}

/** The last choice that can be made otherwise is; empty when there is none. */
function nextOf(path: readonly Choice[]): Choice[] {
  const at = path.findLastIndex(({ width, taken }) => taken + 1 < width);
  const changed = path[at];
  return changed === undefined ? [] : [...path.slice(0, at), { ...changed, taken: changed.taken + 1 }];
}
