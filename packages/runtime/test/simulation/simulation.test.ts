// Scenarios, defined simulations, explorations: what they find, how small they make it, and that nothing is nothing.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatActorId } from '../../src/actor-id.ts';
import {
  type Check,
  defineSimulation,
  explore,
  type Fault,
  faultPlan,
  nonVacuous,
  replay,
  type Simulation,
  SimulationFailure,
  simulate,
  type World,
} from '../../src/simulation/index.ts';
import { Ledger } from '../ledger.fixture.ts';

const failureOf = async (run: Promise<unknown>): Promise<SimulationFailure> => {
  const thrown: unknown = await run.then(
    () => undefined,
    (fault: unknown) => fault,
  );
  if (thrown instanceof SimulationFailure) return thrown;
  throw new Error('it was to fail', { cause: thrown });
};

describe('a scenario in a plain test', () => {
  it('[SM14] resolves with what was seen; actors answer, and their state is in the stores', async () => {
    const report = await simulate({ seed: 1, actors: [Ledger], nodes: 2 }, async (world) => {
      const [near, far] = [world.node(0), world.node(1)];
      await near.runtime.actor(Ledger, 'a').tell({ type: 'note', id: '1' });
      expect(await far.runtime.actor(Ledger, 'a').ask({ type: 'list' })).toEqual(['1']);
    });
    expect(await report.seen.state.peek(formatActorId('ledger', 'a'))).toMatchObject({ version: 2 });
    expect(report.seen.endMs).toBeGreaterThan(0);
  });

  it('[SM14] rejects when it throws, with the seed, the plan and what was thrown', async () => {
    const fault: Fault = { kind: 'stall', node: 0, atMs: 50_000, forMs: 1 };
    const failure = await failureOf(
      simulate({ seed: 77, faults: [fault] }, () => {
        throw new Error('that is not so');
      }),
    );
    expect(failure.violations).toEqual([{ check: 'scenario', message: 'that is not so' }]);
    expect(failure.message).toContain('seed 77');
    expect(failure.message).toContain(`${JSON.stringify(fault)} (met nothing)`);
    expect(failure.cause).toBeInstanceOf(Error);
  });

  it('[SM14] rejects when it waits for what never comes', async () => {
    const failure = await failureOf(simulate({ seed: 1, longestMs: 5_000 }, () => new Promise(() => {})));
    expect(failure.violations[0]?.message).toContain('did not settle within 5000 ms');
    expect(failure.seen.endMs).toBe(5_000);
  });

  it('[SM14] rejects when a check objects', async () => {
    const never: Check = { name: 'never', inspect: ({ endMs }) => [{ check: 'never', message: `at ${endMs} ms` }] };
    const failure = await failureOf(simulate({ seed: 1, checks: [never] }, (world) => world.advance(5)));
    expect(failure.violations).toEqual([{ check: 'never', message: 'at 5 ms' }]);
  });

  it('[SM15] may be asked for more than nothing', async () => {
    const failure = await failureOf(simulate({ seed: 1, checks: [nonVacuous()] }, () => {}));
    expect(failure.message).toContain('0 operations were acknowledged');
  });
});

type Step = { readonly waitMs: number };

/** Objects when the second node stood still while something was asked of it. */
const fragile = (play?: (world: World, steps: readonly Step[]) => Promise<void>): Simulation<Step> =>
  defineSimulation<Step>({
    name: 'fragile',
    steps: fc.array(fc.record({ waitMs: fc.integer({ min: 1, max: 100 }) }), { minLength: 1, maxLength: 30 }),
    faults: faultPlan({ withinMs: 1_000, kinds: ['stall', 'slow', 'cut'] }),
    play:
      play ??
      (async (world, steps) => {
        for (const { waitMs } of steps) {
          await world.advance(waitMs);
          const node = world.node(1);
          const stalled = node.isStalled;
          await node.perform({ op: 'look', key: 'k', input: null }, async () => stalled);
          if (stalled) world.history.saw('n2', { kind: 'reached', label: 'stalled' });
        }
      }),
    checks: [
      {
        name: 'never stalled',
        inspect: ({ history }) =>
          history.sightings().some(({ kind }) => kind === 'reached')
            ? [{ check: 'never stalled', message: 'it was' }]
            : [],
      },
    ],
  });

describe('a defined simulation', () => {
  it('[SM14] finds the failing seed and makes of it the smallest case, which fails again when replayed', async () => {
    const explored = await explore(fragile(), { seeds: 200 });
    const [found] = explored.failures;
    if (found === undefined) throw new Error('it was to be found');
    expect(found.case.steps).toHaveLength(1);
    expect(found.case.faults).toMatchObject([{ kind: 'stall', node: 1, atMs: 0 }]);
    expect(found.shrinks).toBeGreaterThan(0);
    expect(found.failure.message).toContain('fragile, seed');
    expect(found.failure.message).toContain('never stalled: it was');
    const again = await failureOf(replay(fragile(), found.case));
    expect(again.message).toBe(found.failure.message);
    expect((await failureOf(replay(fragile(), found.seed))).violations).toEqual(found.failure.violations);
  });

  it('[SM14] a smaller case that fails for another reason is not taken for the same', async () => {
    const explored = await explore(
      fragile(async (world, steps) => {
        if (steps.length < 5) throw new Error('too small');
        await world.advance(1);
        await world.node(0).perform({ op: 'look', key: 'k', input: null }, async () => 1);
        if (world.faults.length >= 3) world.history.saw('n2', { kind: 'reached', label: 'many' });
      }),
      { seeds: 5, from: 3 },
    );
    const [found] = explored.failures;
    expect(found?.failure.violations.map(({ check }) => check)).toEqual(['never stalled']);
    expect([found?.case.steps.length, found?.case.faults.length]).toEqual([5, 3]);
  });

  it('[SM15] a case in which nothing was acknowledged fails as it was drawn', async () => {
    const idle = fragile(async (world) => await world.advance(1));
    const found = await idle.find(1);
    expect(found).toMatchObject({ kind: 'failed', shrinks: 0, case: await idle.caseOf(1) });
    expect(found.kind === 'failed' && found.failure.message).toContain('non-vacuous');
  });

  it('[SM14] what is thrown where a case is drawn, or by a check, is no finding, and is told', async () => {
    const broken = new Error('no dice');
    const die = (): never => {
      throw broken;
    };
    const { find } = defineSimulation({
      name: 'undrawn',
      steps: fc.nat().map(die),
      faults: fc.constant([]),
      play: () => {},
    });
    await expect(find(5)).rejects.toBe(broken);
    const unchecked = defineSimulation({
      name: 'unchecked',
      steps: fc.constant([]),
      faults: fc.constant([]),
      play: () => {},
      checks: [{ name: 'dies', inspect: die }],
    });
    await expect(unchecked.find(5)).rejects.toBe(broken);
  });

  it('[SM14] an exploration counts histories, operations, faults that struck, and states that were reached', async () => {
    const calm = defineSimulation<Step>({
      name: 'calm',
      sometimes: ['reached at all', 'never reached'],
      steps: fc.constant([{ waitMs: 1 }]),
      faults: fc.constant([
        { kind: 'stall', node: 0, atMs: 0, forMs: 1 },
        { kind: 'stall', node: 0, atMs: 99_000, forMs: 1 },
      ]),
      play: async (world) => {
        await world.advance(10);
        await world.node(1).perform({ op: 'look', key: 'k', input: null }, async () => 1);
        world.saw('world', { kind: 'reached', label: 'reached at all' });
      },
    });
    const seen: number[] = [];
    const explored = await explore(calm, { seeds: 3, from: 5, onProgress: ({ seed }) => void seen.push(seed) });
    expect(explored).toMatchObject({
      simulation: 'calm',
      from: 5,
      histories: 3,
      operations: { ok: 3, failed: 0, unknown: 0 },
      faults: { planned: 6, struck: 3, byKind: { stall: 3 } },
      sometimes: { 'reached at all': 3, 'never reached': 0 },
      failures: [],
    });
    expect(seen).toEqual([5, 6, 7]);
  });

  it('[SM14] an exploration ends before the next seed when it is told to', async () => {
    const abort = new AbortController();
    const explored = await explore(
      fragile(async (world) => void (await world.node(0).perform({ op: 'x', key: 'k', input: 0 }, async () => 1))),
      {
        seeds: 1_000,
        signal: abort.signal,
        onProgress: ({ exploration }) => exploration.histories === 4 && abort.abort(),
      },
    );
    expect(explored.histories).toBe(4);
  });
});

describe('a plan of faults', () => {
  it('[SM13] is JSON, has as many faults as it is to have, of the kinds that are allowed, for nodes that exist', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(faultPlan({ withinMs: 500, nodes: 2, atLeast: 4, atMost: 7 }), (plan) => {
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
        expect(plan.length).toBeGreaterThanOrEqual(4);
        expect(plan.length).toBeLessThanOrEqual(7);
        for (const fault of plan) {
          kinds.add(fault.kind);
          if ('node' in fault && fault.node !== 'store') expect([0, 1]).toContain(fault.node);
          if ('atMs' in fault) expect(fault.atMs).toBeLessThanOrEqual(500);
          if (fault.kind === 'failover') expect(fault.losing).toBe(0);
        }
      }),
      { numRuns: 300 },
    );
    expect(kinds.size).toBe(10);
  });

  it('[SM13] loses acknowledged writes only where that is allowed', () => {
    const losing = fc
      .sample(faultPlan({ withinMs: 500, storeLoss: 'some', kinds: ['failover'] }), { numRuns: 50, seed: 1 })
      .flat()
      .map((fault) => (fault.kind === 'failover' ? fault.losing : 0));
    expect(Math.max(...losing)).toBeGreaterThan(3);
  });

  it('[SM13] shrinks to fewer faults than it is drawn with, to earlier and to shorter ones', () => {
    const plan = faultPlan({ withinMs: 5_000, atLeast: 3 });
    const isLong = (fault: Fault): boolean =>
      'forMs' in fault && fault.forMs >= 700 && 'atMs' in fault && fault.atMs >= 90;
    for (let seed = 1; seed <= 20; seed++) {
      const { counterexample } = fc.check(
        fc.property(plan, (faults) => !faults.some(isLong)),
        { numRuns: 1_000, seed },
      );
      const smallest = counterexample?.[0];
      expect(smallest).toMatchObject([{ atMs: 90, forMs: 700 }]);
    }
  });
});
