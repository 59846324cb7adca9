import type { Fault } from './fault.ts';
import type { Seen, Violation } from './seen.ts';
import { timeline } from './timeline.ts';

export interface FailureFacts {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly seen: Seen;
  readonly cause: unknown;
}

interface Played {
  readonly simulation: string;
  readonly steps: readonly unknown[];
}

/** Of a timeline in a message. */
const LINES = 80;

/** What a simulation found: what was violated, and the case in which it was. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
  readonly seed: number;
  /** What objected, `scenario` being the scenario itself. */
  readonly violations: readonly Violation[];
  readonly seen: Seen;
  /** Of a defined simulation. */
  readonly steps: readonly unknown[] | undefined;
  readonly faults: readonly Fault[];
  readonly simulation: string | undefined;

  constructor(facts: FailureFacts, of?: Played) {
    super(told(facts, of), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.seed = facts.seed;
    this.violations = facts.violations;
    this.seen = facts.seen;
    this.faults = facts.seen.faults.map(({ fault }) => fault);
    this.steps = of?.steps;
    this.simulation = of?.simulation;
  }

  /** The same, with the name of what was played and its steps. */
  of(simulation: string, steps: readonly unknown[]): SimulationFailure {
    return new SimulationFailure({ ...this.#facts, cause: this.cause }, { simulation, steps });
  }

  /** The same, with its timeline in the message; made for the one that is reported, since it reads the whole trace. */
  withTimeline(): SimulationFailure {
    const { simulation, steps } = this;
    const of = simulation === undefined || steps === undefined ? undefined : { simulation, steps };
    const full = new SimulationFailure({ ...this.#facts, cause: this.cause }, of);
    full.message += `\n${timeline(this.seen.trace, { most: LINES })}`;
    return full;
  }

  get #facts(): Omit<FailureFacts, 'cause'> {
    return { seed: this.seed, violations: this.violations, seen: this.seen };
  }

  /** The same check objects. */
  isLike(other: SimulationFailure): boolean {
    return other.violations.some(({ check }) => this.violations.some((own) => own.check === check));
  }
}

function told({ seed, violations, seen }: FailureFacts, of: Played | undefined): string {
  return [
    `${of?.simulation ?? 'a scenario'}, seed ${seed}:`,
    ...violations.map(({ check, message }) => `  ${check}: ${message}`),
    'faults:',
    ...seen.faults.map(({ fault, struck }) => `  ${JSON.stringify(fault)}${struck ? '' : ' (met nothing)'}`),
    ...(of === undefined ? [] : ['steps:', ...of.steps.map((step) => `  ${JSON.stringify(step)}`)]),
  ].join('\n');
}
