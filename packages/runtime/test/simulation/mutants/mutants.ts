// Mutants
//
// The product with one safeguard taken out, each by a change to its source. What a mutant lacks is what its
// name says; the simulation that is to find it, and the checks of which one at least objects.
import type { Mutation } from './load-mutant.ts';

/** Where the simulations are. */
export const modules = {
  claims: new URL('../workloads/claims.sim.ts', import.meta.url),
  queues: new URL('../workloads/claims.sim.ts', import.meta.url),
  desks: new URL('../workloads/desks.sim.ts', import.meta.url),
  projects: new URL('../../../../server/test/claims.sim.ts', import.meta.url),
  boards: new URL('../../../../agents/test/boards.sim.ts', import.meta.url),
} as const;

export interface Mutant extends Mutation {
  readonly name: string;
  readonly simulation: keyof typeof modules;
  /** Whoever objects is one of these: it is found for what it lacks, not by chance. */
  readonly checks: readonly string[];
  /** The first seed, from 1, that finds it. Another may be first when a workload has changed. */
  readonly foundAt: number;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'the fence is checked at the resource',
    simulation: 'claims',
    checks: ['exclusive by fence'],
    foundAt: 24,
    file: 'packages/locks/src/guard.ts',
    passage: 'if (seen !== undefined && token < seen) {',
    instead: 'if (false) {',
  },
  {
    name: 'a release compares the lease',
    simulation: 'claims',
    checks: ['linearizable leases'],
    foundAt: 49,
    file: 'packages/locks/src/transition.holding.ts',
    passage: `  if (current?.leaseId === command.leaseId) {
    const { how, reason, by } = command;`,
    instead: `  if (current !== undefined) {
    const { how, reason, by } = command;`,
  },
  {
    name: 'a renewal makes no lease',
    simulation: 'claims',
    checks: ['linearizable leases', 'rising fences'],
    foundAt: 37,
    file: 'packages/locks/src/transition.holding.ts',
    passage: `export function renew(draft: LeaseDraft, command: CommandOf<'renew'>): Replies['renew'] {
  const current = draft.current;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);`,
    instead: `export function renew(draft: LeaseDraft, command: CommandOf<'renew'>): Replies['renew'] {
  const was = draft.record.ended.ofLease(command.leaseId);
  if (draft.current === undefined && was !== undefined) {
    const { leaseId, requestId, fence } = was;
    const again = draft.grant(
      { leaseId, requestId, holder: { id: requestId }, instance: '', ttlMs: command.ttlMs ?? 1_000, meta: undefined },
      { offered: false, untilMs: draft.moment.ms },
    );
    draft.put({ ...again, fence });
  }
  const current = draft.current;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);`,
  },
  {
    name: 'who comes later stands behind',
    simulation: 'queues',
    checks: ['in line'],
    foundAt: 1,
    file: 'packages/locks/src/transition.claiming.ts',
    passage:
      'draft.waiters = [...draft.waiters, { requestId, leaseId, holder, instance, ttlMs, meta, listener, deadMs }];',
    instead:
      'draft.waiters = [{ requestId, leaseId, holder, instance, ttlMs, meta, listener, deadMs }, ...draft.waiters];',
  },
  {
    name: 'a commit is of the owner by the record',
    simulation: 'desks',
    checks: ['linearizable registers', 'no acknowledged loss', 'scenario'],
    foundAt: 18,
    file: 'packages/runtime/src/state-store.memory.ts',
    passage: `    for (const { id } of commits) this.#assertShard(shard, id);
    if (!this.#serves(shard, epoch)) return this.#fenced(shard);`,
    instead: '    for (const { id } of commits) this.#assertShard(shard, id);',
  },
  {
    name: 'a message that was settled is known again',
    simulation: 'desks',
    checks: ['no acknowledged loss'],
    foundAt: 7,
    file: 'packages/runtime/src/commit-check.ts',
    passage: 'commit.settles.filter(({ sender, n }) => isSettled(known(sender), n));',
    instead: 'commit.settles.filter(() => false);',
  },
  {
    name: 'nothing is answered before its commit',
    simulation: 'desks',
    checks: ['no acknowledged loss', 'linearizable registers'],
    foundAt: 8,
    file: 'packages/runtime/src/activation.ts',
    passage: `    const sentMs = this.#host.clock.nowMs();
    try {
      const outcome = await knownOutcome(`,
    instead: `    const sentMs = this.#host.clock.nowMs();
    this.#answer(group, { version: commit.basis + 1 });
    try {
      const outcome = await knownOutcome(`,
  },
  {
    name: 'an owner whose lease has lapsed stops',
    simulation: 'desks',
    checks: ['one ticker'],
    foundAt: 13,
    file: 'packages/runtime/src/held-shards.ts',
    passage: 'for (const [shard, held] of [...this.#held]) this.#release(shard, held);',
    instead: '',
  },
  {
    name: 'a commit whose answer was lost is known by its id',
    simulation: 'desks',
    checks: ['scenario'],
    foundAt: 31,
    file: 'packages/runtime/src/known-outcome.ts',
    passage: "return outcome.kind === 'conflict' && outcome.commitId === commit.commitId;",
    instead: 'return false;',
  },
  {
    name: 'a read is of the owner for certain',
    simulation: 'desks',
    checks: ['linearizable registers'],
    foundAt: 69,
    file: 'packages/runtime/src/served-shard.ts',
    passage: "return this.#state !== 'closed' && this.#ports.isCertain(this.#by);",
    instead: "return this.#state !== 'closed';",
  },
  {
    name: 'what is owed has a number',
    simulation: 'desks',
    checks: ['no acknowledged loss'],
    foundAt: 2,
    file: 'packages/runtime/src/node.ts',
    passage: '        numbered: () => ({ sender: from, n: row.n, floor: row.n }),\n',
    instead: '',
  },
  {
    name: 'a claim is answered after its fence',
    simulation: 'projects',
    checks: ['linearizable claimed text'],
    foundAt: 4,
    file: 'packages/server/src/projects/claims.ts',
    passage: 'const admission = await this.#with.state.admit(actorIdOf(projectId), lease.fence);',
    instead: "const admission = { kind: 'admitted' };",
  },
  {
    name: 'a board is written to by its latest controller',
    simulation: 'boards',
    checks: ['exclusive by fence'],
    foundAt: 373,
    file: 'packages/agents/src/board-write.ts',
    passage: "  if (write.epoch !== undefined && write.epoch !== facts.epoch) return { kind: 'fenced' };\n",
    instead: '',
  },
  {
    name: 'a source commits upon what is current',
    simulation: 'boards',
    checks: ['one commit for each change'],
    foundAt: 1,
    file: 'packages/agents/src/board-write.ts',
    passage: "  if (stale !== undefined) return { kind: 'stale', id: stale.id };\n",
    instead: '',
  },
  {
    name: 'a board closes as its controller saw it',
    simulation: 'boards',
    checks: ['as in a run without faults', 'nothing left to do'],
    foundAt: 878,
    file: 'packages/agents/src/board-write.ts',
    passage: "  if (write.seen !== undefined && write.seen !== facts.rev) return { kind: 'moved' };\n",
    instead: '',
  },
  {
    name: 'a run whose worker is gone is done again',
    simulation: 'boards',
    checks: ['every board comes to rest'],
    foundAt: 3,
    file: 'packages/agents/src/lead.ts',
    passage: 'if (await this.#isLost(state)) await this.#recordLoss(state, base, epoch);',
    instead: '',
  },
  {
    name: 'who has contributed is not told that nothing was written',
    simulation: 'boards',
    checks: ['no acknowledged loss'],
    foundAt: 106,
    file: 'packages/agents/src/errors.ts',
    passage: '    if (!(fault instanceof CoordinationError) || fault instanceof BoardError) throw fault;\n',
    instead: '    if (fault !== undefined) throw fault;\n',
  },
];
