// What befalls a cluster of real processes, as data: a plan can be printed, kept with a history and
// played again. The plan repeats with its seed; what the machine makes of it does not.
import { type Entropy, seededEntropy } from '@devmentor/locks';

/** Which of a worker's two servers its proxy stands before. */
export type Line = 'redis' | 'nats';

export type Fault =
  /** kill -9, and a new process in its place so much later. */
  | { readonly kind: 'kill'; readonly worker: number; readonly downMs: number }
  /** SIGSTOP, and SIGCONT when every lease of it has long lapsed. */
  | { readonly kind: 'stop'; readonly worker: number; readonly forMs: number }
  | {
      readonly kind: 'delay';
      readonly worker: number;
      readonly line: Line;
      readonly byMs: number;
      readonly jitterMs: number;
      readonly forMs: number;
    }
  /** Nothing passes, connections stay; then what was held is delivered late. */
  | { readonly kind: 'stall'; readonly worker: number; readonly line: Line; readonly forMs: number }
  /** The server goes on executing, and nobody hears its answers for so long. */
  | { readonly kind: 'deafen'; readonly worker: number; readonly line: Line; readonly forMs: number }
  /** Every connection ends in order, or is reset; new ones are let in at once. */
  | { readonly kind: 'cut' | 'reset'; readonly worker: number; readonly line: Line }
  /** Every connection is reset, and so are new ones. */
  | { readonly kind: 'refuse'; readonly worker: number; readonly line: Line; readonly forMs: number }
  /** The next scripts run on Redis, and their replies never arrive. */
  | {
      readonly kind: 'lose-reply';
      readonly worker: number;
      readonly ending: 'reset' | 'silence';
      readonly times: number;
    }
  /** kill -9 of the server, which comes back with what is on its disk. */
  | { readonly kind: 'kill-redis' | 'kill-nats'; readonly downMs: number };

export type FaultKind = Fault['kind'];

export interface PlannedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

export interface FaultPlanOptions {
  readonly seed: number;
  readonly workers: number;
  /** From the first fault to the last. */
  readonly withinMs: number;
  /** @default every kind */
  readonly kinds?: readonly FaultKind[];
  /** Between two faults, more or less by half. @default 1500 */
  readonly everyMs?: number;
}

export const FAULT_KINDS = [
  'kill',
  'stop',
  'delay',
  'stall',
  'deafen',
  'cut',
  'reset',
  'refuse',
  'lose-reply',
  'kill-redis',
  'kill-nats',
] as const satisfies readonly FaultKind[];

/** Every kind comes once before any comes a second time, in an order that the seed gives. */
export function faultPlan(options: FaultPlanOptions): readonly PlannedFault[] {
  const { workers, withinMs, kinds = FAULT_KINDS, everyMs = 1_500 } = options;
  const chance = seededEntropy(options.seed);
  const plan: PlannedFault[] = [];
  let deck: FaultKind[] = [];
  for (let atMs = 0; atMs < withinMs; atMs += between(chance, everyMs / 2, everyMs * 1.5)) {
    if (deck.length === 0) deck = shuffled(kinds, chance);
    const kind = deck.pop();
    if (kind !== undefined) plan.push({ atMs: Math.round(atMs), fault: drawFault(kind, workers, chance) });
  }
  return plan;
}

function drawFault(kind: FaultKind, workers: number, chance: Entropy): Fault {
  const worker = Math.floor(chance.random() * workers);
  const line: Line = chance.random() < 0.6 ? 'redis' : 'nats';
  switch (kind) {
    case 'kill':
      return { kind, worker, downMs: between(chance, 0, 1_500) };
    case 'stop':
      return { kind, worker, forMs: between(chance, 2_300, 3_200) };
    case 'delay': {
      const byMs = between(chance, 5, 120);
      return { kind, worker, line, byMs, jitterMs: byMs, forMs: between(chance, 1_000, 3_000) };
    }
    case 'stall':
    case 'deafen':
    case 'refuse':
      // Half of them shorter than a lease, half of them longer.
      return { kind, worker, line, forMs: between(chance, 300, 4_000) };
    case 'cut':
    case 'reset':
      return { kind, worker, line };
    case 'lose-reply':
      return { kind, worker, ending: chance.random() < 0.7 ? 'reset' : 'silence', times: between(chance, 1, 4) };
    case 'kill-redis':
    case 'kill-nats':
      return { kind, downMs: between(chance, 0, 800) };
  }
}

function between(chance: Entropy, from: number, to: number): number {
  return Math.round(from + chance.random() * (to - from));
}

function shuffled<T>(items: readonly T[], chance: Entropy): T[] {
  const rest = [...items];
  for (let i = rest.length - 1; i > 0; i--) {
    const j = Math.floor(chance.random() * (i + 1));
    const [a, b] = [rest[i], rest[j]];
    if (a !== undefined && b !== undefined) [rest[i], rest[j]] = [b, a];
  }
  return rest;
}
