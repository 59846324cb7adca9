// What came of a run, in figures; sums do not depend on the order in which seeds were done.
import type { FaultKind } from '../fault.ts';
import type { Violation } from '../seen.ts';
import type { Figures, Job } from './protocol.ts';

/** Something that a run is there to find. */
export type Finding = Job &
  (
    | {
        readonly kind: 'violation';
        readonly violations: readonly Violation[];
        readonly shrinks: number;
        readonly steps: number;
        readonly faults: number;
        /** The case file. */
        readonly file: string;
        /** Whether a process that had played nothing else saw the same. */
        readonly repeats: boolean;
      }
    | { readonly kind: 'broken' | 'died' | 'hung'; readonly message: string }
  );

/** Of one simulation. */
export interface SimulationFigures {
  readonly name: string;
  readonly seeds: { readonly from: number; readonly to: number; readonly played: number };
  readonly histories: number;
  readonly operations: { readonly ok: number; readonly failed: number; readonly unknown: number };
  readonly faults: {
    readonly planned: number;
    readonly struck: number;
    readonly byKind: { readonly [kind in FaultKind]?: number };
  };
  readonly events: number;
  readonly simulatedMs: number;
  readonly sometimes: { readonly [label: string]: number };
}

interface Sum {
  played: number;
  to: number;
  histories: number;
  readonly operations: { ok: number; failed: number; unknown: number };
  planned: number;
  struck: number;
  readonly byKind: { [kind in FaultKind]?: number };
  events: number;
  simulatedMs: number;
  readonly sometimes: { [label: string]: number };
}

export class Tally {
  readonly findings: Finding[] = [];
  readonly #from: number;
  readonly #sums = new Map<string, Sum>();

  constructor(from: number, simulations: readonly string[]) {
    this.#from = from;
    for (const name of simulations)
      this.#sums.set(name, {
        played: 0,
        to: from - 1,
        histories: 0,
        operations: { ok: 0, failed: 0, unknown: 0 },
        planned: 0,
        struck: 0,
        byKind: {},
        events: 0,
        simulatedMs: 0,
        sometimes: {},
      });
  }

  /** Seeds of all simulations that were played. */
  get played(): number {
    return [...this.#sums.values()].reduce((all, { played }) => all + played, 0);
  }

  get operations(): number {
    return [...this.#sums.values()].reduce((all, { operations: of }) => all + of.ok + of.failed + of.unknown, 0);
  }

  get struck(): number {
    return [...this.#sums.values()].reduce((all, { struck }) => all + struck, 0);
  }

  /** A seed was played, or its worker is gone over it. */
  add({ simulation, seed }: Job, figures: Figures | undefined): void {
    const sum = this.#sums.get(simulation);
    if (sum === undefined) return;
    sum.played += 1;
    sum.to = Math.max(sum.to, seed);
    if (figures === undefined) return;
    sum.histories += figures.histories;
    sum.operations.ok += figures.operations.ok;
    sum.operations.failed += figures.operations.failed;
    sum.operations.unknown += figures.operations.unknown;
    sum.planned += figures.faults.planned;
    sum.struck += figures.faults.struck;
    for (const [kind, count] of entriesOf(figures.faults.byKind)) sum.byKind[kind] = (sum.byKind[kind] ?? 0) + count;
    sum.events += figures.events;
    sum.simulatedMs += figures.simulatedMs;
    for (const [label, count] of Object.entries(figures.sometimes))
      sum.sometimes[label] = (sum.sometimes[label] ?? 0) + count;
  }

  figures(): readonly SimulationFigures[] {
    return [...this.#sums].map(([name, sum]) => ({
      name,
      seeds: { from: this.#from, to: sum.to, played: sum.played },
      histories: sum.histories,
      operations: { ...sum.operations },
      faults: { planned: sum.planned, struck: sum.struck, byKind: byName(sum.byKind) },
      events: sum.events,
      simulatedMs: Math.round(sum.simulatedMs),
      sometimes: byName(sum.sometimes),
    }));
  }

  /** By simulation and seed, whichever worker was first. */
  sorted(): readonly Finding[] {
    return [...this.findings].sort((a, b) => a.seed - b.seed || a.simulation.localeCompare(b.simulation));
  }

  /** What the simulations say sometimes happens, and never did. */
  neverReached(): readonly { readonly simulation: string; readonly label: string }[] {
    return [...this.#sums].flatMap(([simulation, { sometimes }]) =>
      Object.entries(sometimes).flatMap(([label, count]) => (count === 0 ? [{ simulation, label }] : [])),
    );
  }
}

function entriesOf(counts: { readonly [kind in FaultKind]?: number }): [FaultKind, number][] {
  return Object.entries(counts) as [FaultKind, number][];
}

function byName<T extends { readonly [name: string]: number | undefined }>(counts: T): T {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a.localeCompare(b))) as T;
}
