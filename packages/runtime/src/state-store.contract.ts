// What every StateStore does, whoever wrote it. Give it a harness that opens stores over empty
// namespaces; the rules are those of state-store.ts.
import { describe, expect, it } from 'vitest';
import { commitRules } from './state-store.commit.contract.ts';
import { inputRules } from './state-store.input.contract.ts';
import { laneRules } from './state-store.lanes.contract.ts';
import { settlementRules } from './state-store.settlement.contract.ts';
import type { Ownership } from './state-store.ts';
import {
  ada,
  commitOf,
  fences,
  neighbourOf,
  Owner,
  outcomesOf,
  type StateStoreHarness,
  sealed,
} from './store-contract.fixtures.ts';

export type { StateStoreHarness } from './store-contract.fixtures.ts';

const [low, middle, high] = fences;

/** Tests, for vitest, that any `StateStore` passes. */
export function stateStoreContract(harness: StateStoreHarness): void {
  describe('StateStore contract', () => {
    ownershipRules(harness);
    commitRules(harness);
    guardRules(harness);
    settlementRules(harness);
    laneRules(harness);
    inputRules(harness);
  });
}

const unowned: Ownership = { incarnation: 'none', epoch: '0000000000000000' };

function ownershipRules(harness: StateStoreHarness): void {
  it('[ST1] a shard nobody ever took belongs to none', async () => {
    const { state } = await harness.open();
    expect(await state.ownership([0, 63])).toEqual([unowned, unowned]);
  });

  it('[ST1] of several nodes that seal one shard at once, one gets it and the others see who', async () => {
    const { state } = await harness.open();
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((node) => state.seal(5, node, unowned)));
    const [winner, ...more] = answers.filter((answer) => answer.kind === 'sealed');
    expect(more).toEqual([]);
    const [own] = await state.ownership([5]);
    expect(own?.epoch).toBe(winner?.epoch);
    for (const answer of answers) if (answer.kind === 'lost') expect(answer.own).toEqual(own);
  });

  it('[ST1] each seal carries a greater epoch of 16 digits, also after a yield', async () => {
    const { state } = await harness.open();
    const first = await sealed(state, 5, 'a');
    const second = await sealed(state, 5, 'b');
    await state.yield(5, second);
    const third = await sealed(state, 5, 'a');
    expect(first).toMatch(/^\d{16}$/);
    expect([third, second, first].toSorted()).toEqual([first, second, third]);
    expect(new Set([first, second, third]).size).toBe(3);
  });

  it('[ST1] a yield under an older epoch changes nothing', async () => {
    const { state } = await harness.open();
    const first = await sealed(state, 5, 'a');
    const second = await sealed(state, 5, 'b');
    await state.yield(5, first);
    expect(await state.ownership([5])).toEqual([{ incarnation: 'b', epoch: second }]);
  });

  it('[ST2] an owner whose shard was taken neither loads, commits, confirms nor lists', async () => {
    const { state } = await harness.open();
    const old = await Owner.of(state, ada, 'a');
    await old.committed({ snapshot: 'kept' });
    const current = await Owner.of(state, ada, 'b');
    const fenced = { kind: 'fenced', own: { incarnation: 'b', epoch: current.epoch } };
    const late = commitOf({ id: ada, commitId: 'late', basis: 1, snapshot: 'late', fence: high });
    expect(await state.load(old.shard, old.epoch, ada)).toEqual(fenced);
    expect(await state.commit(old.shard, old.epoch, [late])).toEqual(fenced);
    expect(await state.pending(old.shard, old.epoch)).toEqual(fenced);
    expect(await state.confirm(old.shard, old.epoch)).toBe(false);
    expect(await state.confirm(old.shard, current.epoch)).toBe(true);
    expect((await current.record()).snapshot).toBe('kept');
    expect(await state.guard(ada)).toMatch(/^0{16}$/);
  });

  it('[ST2] a late commit of the old owner is fenced beside one of the new owner in the same instant', async () => {
    const { state } = await harness.open();
    const old = await Owner.of(state, ada, 'a');
    await old.committed({ snapshot: 'kept' });
    const current = await Owner.of(state, ada, 'b');
    const late = commitOf({ id: ada, commitId: 'late', basis: 1, snapshot: 'late' });
    const fresh = commitOf({ id: neighbourOf(state, ada), commitId: 'fresh', basis: 0 });
    const [refused, taken] = await Promise.all([
      state.commit(old.shard, old.epoch, [late]),
      state.commit(old.shard, current.epoch, [fresh]),
    ]);
    expect(refused).toEqual({ kind: 'fenced', own: { incarnation: 'b', epoch: current.epoch } });
    expect(outcomesOf(taken)).toMatchObject([{ kind: 'committed' }]);
    expect((await current.record()).snapshot).toBe('kept');
  });

  it('[ST2] an owner that yielded its shard commits no more', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await state.yield(owner.shard, owner.epoch);
    expect(await state.confirm(owner.shard, owner.epoch)).toBe(false);
    const answer = await state.commit(owner.shard, owner.epoch, [commitOf({ id: ada, commitId: 'x', basis: 0 })]);
    expect(answer).toEqual({ kind: 'fenced', own: { incarnation: 'none', epoch: owner.epoch } });
  });
}

function guardRules(harness: StateStoreHarness): void {
  it('[ST5] a commit under an older fence is stale and changes nothing', async () => {
    const { state, log } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ snapshot: 1, fence: low });
    expect(await state.admit(ada, middle)).toEqual({ kind: 'admitted' });
    expect(await owner.commit({ snapshot: 2, fence: low, events: [{ type: 'x', data: 1 }] })).toEqual({
      kind: 'stale',
      guard: middle,
    });
    expect((await owner.record()).snapshot).toBe(1);
    expect(await log.last(ada)).toBe('');
  });

  it('[ST5] a fence at the guard is admitted again and again, one above raises it', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await state.admit(ada, low);
    await owner.committed({ fence: low });
    await owner.committed({ fence: low });
    expect(await state.guard(ada)).toBe(low);
    await owner.committed({ fence: high });
    expect(await state.guard(ada)).toBe(high);
    expect(await owner.commit({ fence: middle })).toEqual({ kind: 'stale', guard: high });
  });

  it('[ST5] a commit without a fence passes any guard and leaves it', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await state.admit(ada, high);
    await owner.committed();
    expect(await state.guard(ada)).toBe(high);
  });

  it('[ST7] the guard rises without an owner, before the actor exists, and never falls', async () => {
    const { state } = await harness.open();
    expect(await state.guard(ada)).toBe('0000000000000000');
    expect(await state.admit(ada, middle)).toEqual({ kind: 'admitted' });
    expect(await state.admit(ada, middle)).toEqual({ kind: 'admitted' });
    expect(await state.admit(ada, low)).toEqual({ kind: 'stale', guard: middle });
    expect(await state.admit(ada, high)).toEqual({ kind: 'admitted' });
    expect(await state.guard(ada)).toBe(high);
    expect(await state.peek(ada)).toBeUndefined();
  });
}
