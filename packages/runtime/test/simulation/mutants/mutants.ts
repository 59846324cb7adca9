// Mutants
//
// The product with one safeguard taken out, each by a change to its source. What a mutant lacks is what its
// name says; the simulation that is to find it, and the checks of which one at least objects.
import type { Mutation } from './load-mutant.ts';

export interface Mutant extends Mutation {
  readonly name: string;
  readonly simulation: 'claims' | 'queues' | 'desks';
  /** Whoever objects first is one of these: it is found for what it lacks, not by chance. */
  readonly checks: readonly string[];
}

export const mutants: readonly Mutant[] = [
  {
    name: 'the fence is checked at the resource',
    simulation: 'claims',
    checks: ['exclusive by fence'],
    file: 'packages/locks/src/guard.ts',
    passage: 'if (seen !== undefined && token < seen) {',
    instead: 'if (false) {',
  },
  {
    name: 'a release compares the lease',
    simulation: 'claims',
    checks: ['linearizable leases'],
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
    file: 'packages/locks/src/transition.claiming.ts',
    passage:
      'draft.waiters = [...draft.waiters, { requestId, leaseId, holder, instance, ttlMs, meta, listener, deadMs }];',
    instead:
      'draft.waiters = [{ requestId, leaseId, holder, instance, ttlMs, meta, listener, deadMs }, ...draft.waiters];',
  },
];
