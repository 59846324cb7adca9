// A workload that uses everything at once: tells between actors, claims, timers, restarts.
import fc from 'fast-check';
import { faultPlan } from '../../src/simulation/fault-plan.ts';
import { defineSimulation } from '../../src/simulation/simulation.ts';
import type { World } from '../../src/simulation/world.ts';
import { Counter } from '../counter.fixture.ts';
import { Ledger } from '../ledger.fixture.ts';

type Step =
  | { readonly do: 'note' | 'pass' | 'arm' | 'claim'; readonly node: number; readonly key: number; readonly ms: number }
  | { readonly do: 'wait'; readonly ms: number };

const acting = fc.record({
  do: fc.constantFrom('note' as const, 'pass' as const, 'arm' as const, 'claim' as const),
  node: fc.nat({ max: 2 }),
  key: fc.nat({ max: 2 }),
  ms: fc.nat({ max: 200 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: acting },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 400 }) }) },
);

function ask(world: World, act: Exclude<Step, { do: 'wait' }>, number: number): Promise<unknown> {
  const key = `k${act.key}`;
  const id = `${number}`;
  return world.node(act.node).perform({ op: act.do, key, input: id }, async ({ runtime, locks, ports }) => {
    if (act.do === 'note') return void (await runtime.actor(Ledger, key).tell({ type: 'note', id }));
    if (act.do === 'pass')
      return void (await runtime.actor(Ledger, key).tell({ type: 'pass', id, to: `k${(act.key + 1) % 3}` }));
    if (act.do === 'arm') return void (await runtime.actor(Counter, key).tell({ type: 'arm', delayMs: act.ms }));
    const claimed = await locks.tryAcquire(key, { ttlMs: 1_000, waitMs: 2_000 });
    if (claimed.kind !== 'granted') return claimed.kind;
    await new Promise<void>((resolve) => void ports.clock.after(act.ms, resolve));
    await claimed.lease.release();
    return claimed.lease.fence;
  });
}

export const mixed = defineSimulation<Step>({
  name: 'mixed',
  actors: [Ledger, Counter],
  steps: fc.array(step, { minLength: 20, maxLength: 40, size: 'max' }),
  faults: faultPlan({ withinMs: 3_000 }),
  play: async (world, steps) => {
    const asked: Promise<unknown>[] = [];
    for (const [number, one] of steps.entries()) {
      if (one.do === 'wait') await world.advance(one.ms);
      else asked.push(ask(world, one, number));
      await world.advance(5);
    }
    world.heal();
    await world.run(Promise.all(asked));
    await world.advance(2_000);
  },
});
