// Lua mutants
//
// The scripts that ship, each with one safeguard taken out of its text: found in a world that stands on a real
// redis-server, by the workload that finds the same of the memory adapters.
import type { Mutation } from './load-mutant.ts';
import type { modules } from './mutants.ts';

export interface LuaMutant extends Mutation {
  readonly name: string;
  readonly simulation: keyof typeof modules;
  readonly checks: readonly string[];
  /** A seed that finds it. */
  readonly foundAt: number;
}

export const luaMutants: readonly LuaMutant[] = [
  {
    name: 'a commit is of the owner by the record',
    simulation: 'desks',
    checks: ['linearizable registers', 'no acknowledged loss', 'scenario'],
    foundAt: 18,
    file: 'packages/runtime/src/state-store.redis-scripts.ts',
    passage: "local served = find(own, ARGV[a + 1], 1, true) == 1 and (#own ~= 21 or not find(own, ' none', 17, true))",
    instead: 'local served = true',
  },
  {
    name: 'a release compares the lease',
    simulation: 'claims',
    checks: ['linearizable leases'],
    foundAt: 49,
    file: 'packages/locks/src/lease-script.commands.ts',
    passage: `function run.r(theirs, how, facts, isByOther)
  if last >= \${HELD} and lease == theirs then`,
    instead: `function run.r(theirs, how, facts, isByOther)
  if last >= \${HELD} then`,
  },
  {
    name: 'a write under an old fence is turned away',
    simulation: 'projects',
    checks: ['linearizable claimed text'],
    foundAt: 4,
    file: 'packages/runtime/src/state-store.redis-scripts.ts',
    passage: "if guard and fence < string.sub(guard, 1, 16) then return {'stale', string.sub(guard, 1, 16)} end",
    instead: '',
  },
];
