// The part of the StateStore suite about messages that were settled before.
import { expect, it } from 'vitest';
import { ada, fences, Owner, type StateStoreHarness, settled } from './store-contract.fixtures.ts';

export function settlementRules(harness: StateStoreHarness): void {
  it('[ST6] a message settled before makes the commit a duplicate, with the replies', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ snapshot: 1, settles: [settled(1, 1, { ok: [] }), settled(2, 1)] });
    const again = await owner.commit({
      snapshot: 2,
      settles: [settled(3, 1, 'new'), settled(1, 1), settled(2, 1)],
      events: [{ type: 'x', data: 1 }],
    });
    expect(again).toEqual({
      kind: 'duplicate',
      settled: [
        { sender: 'node-1', n: 1, reply: { ok: [] } },
        { sender: 'node-1', n: 2 },
      ],
    });
    expect(await owner.record()).toMatchObject({ version: 1, snapshot: 1 });
    await owner.committed({ settles: [settled(3, 1)] });
  });

  it('[ST6] replies come back as they were given', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    const replies = [
      null,
      false,
      0,
      '',
      [],
      {},
      [[]],
      1e21,
      9_007_199_254_740_993n.toString(),
      Number.MAX_SAFE_INTEGER,
      '\u0000é🎓',
      { a: { b: [1.5, -0.1] } },
    ];
    await owner.committed({ settles: replies.map((reply, i) => settled(i + 1, 1, reply)) });
    const again = await owner.commit({ settles: replies.map((_, i) => settled(i + 1, 1)) });
    expect(again).toEqual({
      kind: 'duplicate',
      settled: replies.map((reply, i) => ({ sender: 'node-1', n: i + 1, reply })),
    });
  });

  it('[ST6] below the floor everything is settled, without its reply', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(1, 1, 'one'), settled(2, 1, 'two')] });
    await owner.committed({ settles: [settled(7, 3)] });
    expect(await owner.commit({ settles: [settled(1, 1)] })).toEqual({
      kind: 'duplicate',
      settled: [{ sender: 'node-1', n: 1 }],
    });
    expect(await owner.commit({ settles: [settled(2, 2)] })).toEqual({
      kind: 'duplicate',
      settled: [{ sender: 'node-1', n: 2 }],
    });
    await owner.committed({ settles: [settled(5, 3)] });
    expect((await owner.commit({ settles: [settled(7, 3)] })).kind).toBe('duplicate');
  });

  it('[ST6] the floor of a late message does not lower the one that is stored', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(9, 9)] });
    await owner.committed({ settles: [settled(10, 4)] });
    expect((await owner.commit({ settles: [settled(8, 4)] })).kind).toBe('duplicate');
  });

  it('[ST6] the same number of another sender is another message', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({
      settles: [settled(1, 1, 'a', 'node-1'), settled(1, 1, 'b', 'node-2'), settled(1, 1, 'c', 'user:bob')],
    });
    expect(await owner.commit({ settles: [settled(1, 1, 'x', 'user:bob')] })).toMatchObject({
      settled: [{ sender: 'user:bob', reply: 'c' }],
    });
    await owner.committed({ settles: [settled(1, 1, 'd', 'user:cy')] });
  });

  it('[ST6] a retry under a fence that has become stale is answered with its reply', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    const [low, , high] = fences;
    await owner.committed({ fence: low, settles: [settled(1, 1, 'done')] });
    await state.admit(ada, high);
    expect(await owner.commit({ fence: low, settles: [settled(1, 1)] })).toEqual({
      kind: 'duplicate',
      settled: [{ sender: 'node-1', n: 1, reply: 'done' }],
    });
  });

  it('[ST6] settled messages are remembered under the next owner', async () => {
    const { state } = await harness.open();
    const first = await Owner.of(state, ada, 'a');
    await first.committed({ settles: [settled(1, 1, 'done', 'user:bob')] });
    const second = await Owner.of(state, ada, 'b');
    expect(await second.commit({ basis: 1, settles: [settled(1, 1, 'again', 'user:bob')] })).toMatchObject({
      kind: 'duplicate',
      settled: [{ reply: 'done' }],
    });
  });

  it('[ST10] a sender has at most 64 settled numbers above its floor', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    const numbers = Array.from({ length: 64 }, (_, i) => i + 1);
    await owner.committed({ settles: numbers.map((n) => settled(n, 1)) });
    expect(await owner.commit({ settles: [settled(65, 1)] })).toEqual({ kind: 'overloaded', sender: 'node-1' });
    await owner.committed({ settles: [settled(65, 2)] });
    expect((await owner.commit({ settles: [settled(65, 2)] })).kind).toBe('duplicate');
  });

  it('[ST10] a node sender is forgotten after its silence, an actor sender is not', async () => {
    const { state } = await harness.open({ limits: { senderSilenceMs: 200 } });
    const owner = await Owner.of(state);
    await owner.committed({ settles: ['node-1', 'node-2', 'user:bob'].map((sender) => settled(1, 1, 'b', sender)) });
    await harness.elapse(300);
    // The silent one itself comes back first, then one that was forgotten in passing.
    await owner.committed({ settles: [settled(1, 1, 'c', 'node-2')] });
    await owner.committed({ settles: [settled(1, 1, 'd', 'node-1')] });
    expect(await owner.commit({ settles: [settled(1, 1, 'e', 'user:bob')] })).toMatchObject({
      settled: [{ reply: 'b' }],
    });
    expect(await owner.commit({ settles: [settled(1, 1, 'e', 'node-2')] })).toMatchObject({
      settled: [{ reply: 'c' }],
    });
  });

  it('[ST10] of too many node senders the one silent longest is forgotten, actors never are', async () => {
    const { state } = await harness.open({ limits: { nodeSenders: 3, senderSilenceMs: 60_000 } });
    const owner = await Owner.of(state);
    const senders = ['user:bob', 'node-1', 'node-2', 'node-3', 'node-4', 'node-5'];
    for (const sender of senders) {
      await owner.committed({ settles: [settled(1, 1, sender, sender)] });
      await harness.elapse(2);
    }
    for (const sender of ['user:bob', 'node-3', 'node-4', 'node-5']) {
      expect(await owner.commit({ settles: [settled(1, 1, 'x', sender)] })).toMatchObject({
        settled: [{ reply: sender }],
      });
    }
    await owner.committed({ settles: [settled(1, 1, 'x', 'node-1')] });
    expect((await owner.commit({ settles: [settled(1, 1, 'x', 'node-5')] })).kind).toBe('duplicate');
  });

  it('[ST10] of too many node senders, one that was heard again is not the one silent longest', async () => {
    const { state } = await harness.open({ limits: { nodeSenders: 3, senderSilenceMs: 2_000 } });
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(1, 1, 'a', 'node-1'), settled(1, 1, 'b', 'node-2')] });
    await harness.elapse(250);
    for (const [sender, n] of [
      ['node-1', 2],
      ['node-3', 1],
      ['node-4', 1],
    ] as const) {
      await owner.committed({ settles: [settled(n, 1, 'c', sender)] });
      await harness.elapse(2);
    }
    expect((await owner.commit({ settles: [settled(1, 1, 'x', 'node-1')] })).kind).toBe('duplicate');
    expect((await owner.commit({ settles: [settled(1, 1, 'x', 'node-2')] })).kind).toBe('committed');
  });

  it('[ST10] a node sender that goes on sending is remembered', async () => {
    const { state } = await harness.open({ limits: { senderSilenceMs: 400 } });
    const owner = await Owner.of(state);
    for (const n of [1, 2, 3, 4]) {
      await owner.committed({ settles: [settled(n, 1, n)] });
      await harness.elapse(150);
    }
    expect(await owner.commit({ settles: [settled(1, 1)] })).toMatchObject({ settled: [{ reply: 1 }] });
  });
}
