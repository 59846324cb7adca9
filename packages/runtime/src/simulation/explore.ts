// Exploration
//
// Many seeds of one simulation, one after the other, and what came of them in figures.
import { systemClock } from '@devmentor/locks';
import type { Fault, FaultKind } from './fault.ts';
import type { Seen } from './seen.ts';
import type { Found, Simulation } from './simulation.ts';

/** Which seeds are played, and when that ends. */
export interface ExploreOptions<Step> {
  /** How many. */
  readonly seeds: number;
  /** The first of them. @default 1 */
  readonly from?: number;
  /** Ends it before the next seed. */
  readonly signal?: AbortSignal;
  /** Called after each seed. */
  readonly onProgress?: (progress: { readonly seed: number; readonly exploration: Exploration<Step> }) => void;
  /** So many failures are enough. @default 1 */
  readonly failures?: number;
}

/** What came of an exploration, in figures. */
export interface Exploration<Step = unknown> {
  readonly simulation: string;
  readonly from: number;
  readonly histories: number;
  readonly operations: { readonly ok: number; readonly failed: number; readonly unknown: number };
  readonly faults: {
    readonly planned: number;
    /** Those that met something. */
    readonly struck: number;
    readonly byKind: { readonly [kind in FaultKind]?: number };
  };
  /** Timers that rang and messages that came. */
  readonly events: number;
  readonly simulatedMs: number;
  /** In how many histories each of the simulation's `sometimes` was reached. */
  readonly sometimes: { readonly [label: string]: number };
  readonly failures: readonly (Extract<Found<Step>, { readonly kind: 'failed' }> & { readonly seed: number })[];
}

/**
 * Plays a case for each seed, one after the other, and answers with figures; findings are in `failures`, made as small
 * as can be. It ends after the first of them unless `failures` asks for more, or when `signal` aborts.
 *
 * Rejects only where something is wrong with the simulation itself: what a check, or the drawing of a case, throws.
 *
 * @example
 * for (const { failure } of (await explore(simulation, { seeds: 300 })).failures) throw failure;
 */
export async function explore<Step>(
  simulation: Simulation<Step>,
  options: ExploreOptions<Step>,
): Promise<Exploration<Step>> {
  const { seeds, from = 1, signal, onProgress, failures: enough = 1 } = options;
  const tally = new Tally<Step>(simulation, from);
  for (let seed = from; seed < from + seeds && signal?.aborted !== true; seed++) {
    const found = await simulation.find(seed);
    if (found.kind === 'failed') tally.failed(seed, found);
    else tally.add(found.report.seen);
    onProgress?.({ seed, exploration: tally.figures() });
    if (tally.failures >= enough) break;
    // Signals and messages of the host get their turn.
    await new Promise<void>((resolve) => systemClock.soon(resolve));
  }
  return tally.figures();
}

class Tally<Step> {
  readonly #simulation: Simulation<Step>;
  readonly #from: number;
  readonly #operations = { ok: 0, failed: 0, unknown: 0 };
  readonly #byKind: { [kind in FaultKind]?: number } = {};
  readonly #sometimes: { [label: string]: number } = {};
  readonly #failures: Exploration<Step>['failures'][number][] = [];
  #histories = 0;
  #planned = 0;
  #struck = 0;
  #events = 0;
  #simulatedMs = 0;

  constructor(simulation: Simulation<Step>, from: number) {
    this.#simulation = simulation;
    this.#from = from;
    for (const label of simulation.sometimes) this.#sometimes[label] = 0;
  }

  get failures(): number {
    return this.#failures.length;
  }

  failed(seed: number, found: Extract<Found<Step>, { readonly kind: 'failed' }>): void {
    this.#failures.push({ ...found, seed });
  }

  add(seen: Seen): void {
    this.#histories += 1;
    this.#events += seen.events;
    this.#simulatedMs += seen.endMs;
    for (const { outcome } of seen.history.operations()) this.#operations[outcome.kind] += 1;
    for (const { fault, struck } of seen.faults) this.#count(fault, struck);
    const reached = new Set(
      seen.history.sightings().flatMap((sighting) => (sighting.kind === 'reached' ? [sighting.label] : [])),
    );
    for (const label of reached) this.#sometimes[label] = (this.#sometimes[label] ?? 0) + 1;
  }

  figures(): Exploration<Step> {
    return {
      simulation: this.#simulation.name,
      from: this.#from,
      histories: this.#histories,
      operations: { ...this.#operations },
      faults: { planned: this.#planned, struck: this.#struck, byKind: { ...this.#byKind } },
      events: this.#events,
      simulatedMs: this.#simulatedMs,
      sometimes: { ...this.#sometimes },
      failures: [...this.#failures],
    };
  }

  #count(fault: Fault, struck: boolean): void {
    this.#planned += 1;
    if (!struck) return;
    this.#struck += 1;
    this.#byKind[fault.kind] = (this.#byKind[fault.kind] ?? 0) + 1;
  }
}
