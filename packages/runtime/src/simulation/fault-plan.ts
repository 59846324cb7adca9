// Fault plans
//
// Plans of faults for fast-check to draw and to shrink: towards fewer faults, earlier ones, and shorter ones.
import fc from 'fast-check';
import type { Fault, FaultKind } from './fault.ts';

/** What may break, where, when (in milliseconds of the world) and how often. */
export interface FaultPlanOptions {
  /** @default 3 */
  readonly nodes?: number;
  /** Faults begin within so many milliseconds of the scenario. */
  readonly withinMs: number;
  /** Crashes, messages and calls are counted up to so many. @default 60 */
  readonly withinCounts?: number;
  /** Those of a plan as it is drawn; a shrunk one has fewer. @default 3 */
  readonly atLeast?: number;
  /** @default 6 */
  readonly atMost?: number;
  /** @default every kind that `storeLoss` allows */
  readonly kinds?: readonly FaultKind[];
  /** Whether a failover may lose acknowledged writes. Most promises of the product end there. @default 'none' */
  readonly storeLoss?: 'none' | 'some';
  /** How often a node comes back by itself. @default always */
  readonly restarts?: 'always' | 'sometimes';
}

const KINDS: readonly FaultKind[] = [
  'crash',
  'stall',
  'sleep',
  'clock',
  'drift',
  'cut',
  'message',
  'call',
  'slow',
  'failover',
];
/** Clocks of machines are that good, or the machine is broken. */
const WORST_PPM = 200;
const LONGEST_MS = 4_000;
const MOST_LOST = 8;
/** Never chosen, but a smaller plan. */
const RARELY = 2 ** 30;

/**
 * Plans for a world of so many nodes, for fast-check to draw and to shrink: from `atLeast` to `atMost` faults, none of
 * which lasts longer than four seconds or loses more than eight writes.
 */
export function faultPlan(options: FaultPlanOptions): fc.Arbitrary<readonly Fault[]> {
  const { atLeast = 3, atMost = Math.max(6, atLeast), kinds = KINDS } = options;
  return several(fc.oneof(...kinds.map((kind) => ofKind(kind, options))), { atLeast, atMost });
}

/** Lists as long as is asked for when they are drawn, and as short as can be when they are shrunk: a `minLength` would keep them long. */
export function several<T>(
  one: fc.Arbitrary<T>,
  { atLeast, atMost }: { readonly atLeast: number; readonly atMost: number },
): fc.Arbitrary<readonly T[]> {
  const item = one.map((value) => ({ value }));
  const sure = Array.from({ length: atLeast }, () => fc.option(item, { freq: RARELY, nil: undefined }));
  return fc
    .tuple(fc.tuple(...sure), fc.array(item, { maxLength: Math.max(0, atMost - atLeast), size: 'max' }))
    .map(([first, more]) => [...first, ...more].flatMap((drawn) => (drawn === undefined ? [] : [drawn.value])));
}

function ofKind(kind: FaultKind, options: FaultPlanOptions): fc.Arbitrary<Fault> {
  const { nodes = 3, withinMs, withinCounts = 60, storeLoss = 'none', restarts = 'always' } = options;
  const node = fc.nat({ max: nodes - 1 });
  const atMs = fc.nat({ max: withinMs });
  const forMs = fc.integer({ min: 1, max: LONGEST_MS });
  const nth = fc.integer({ min: 1, max: withinCounts });
  const restart = fc.integer({ min: 1, max: LONGEST_MS });
  switch (kind) {
    case 'crash':
      return fc.record({
        kind: fc.constant(kind),
        node,
        at: fc.oneof(fc.record({ crossing: fc.integer({ min: 1, max: withinCounts * 4 }) }), fc.record({ ms: atMs })),
        restartAfterMs: restarts === 'always' ? restart : fc.oneof(restart, fc.constant('never' as const)),
      });
    case 'stall':
    case 'sleep':
      return fc.record({ kind: fc.constant(kind), node, atMs, forMs });
    case 'clock':
      return fc.oneof(
        fc.record({
          kind: fc.constant(kind),
          node,
          atMs,
          wallMs: fc.integer({ min: -60_000, max: 60_000 }),
        }),
        // Only ahead: no server's clock is set back without losing what depends on it.
        fc.record({
          kind: fc.constant(kind),
          node: fc.constant('store' as const),
          atMs,
          wallMs: fc.integer({ min: 1, max: LONGEST_MS }),
        }),
      );
    case 'drift':
      return fc.record({ kind: fc.constant(kind), node, ppm: fc.integer({ min: -WORST_PPM, max: WORST_PPM }) });
    case 'cut':
      return fc.record({
        kind: fc.constant(kind),
        node,
        line: fc.constantFrom('bus', 'state', 'locks', 'all'),
        way: fc.constantFrom('both', 'in', 'out'),
        atMs,
        forMs,
      });
    case 'message':
      return fc.oneof(
        fc.record({ kind: fc.constant(kind), node, nth, what: fc.constantFrom('drop', 'duplicate') }),
        fc.record({
          kind: fc.constant(kind),
          node,
          nth,
          what: fc.constant('delay' as const),
          byMs: fc.integer({ min: 1, max: LONGEST_MS }),
        }),
      );
    case 'call':
      return fc.record({
        kind: fc.constant(kind),
        node,
        line: fc.constantFrom('state', 'locks'),
        nth,
        what: fc.constantFrom('lost-reply', 'lost-request', 'late', 'refused'),
      });
    case 'slow':
      return fc.record({
        kind: fc.constant(kind),
        line: fc.constantFrom('state', 'locks'),
        atMs,
        forMs,
        byMs: fc.integer({ min: 1, max: 600 }),
      });
    case 'failover':
      return fc.record({
        kind: fc.constant(kind),
        line: fc.constantFrom('state', 'locks'),
        atMs,
        losing: storeLoss === 'none' ? fc.constant(0) : fc.integer({ min: 0, max: MOST_LOST }),
      });
  }
}
