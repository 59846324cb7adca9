// The part of the StateStore suite about what is remembered of actors that told something.
import { expect, it } from 'vitest';
import { Owner, type StateStoreHarness, settled } from './store-contract.fixtures.ts';

const bob = 'user:bob';
const cy = 'user:cy';
const limits = { actorLanes: 1 };

export function laneRules(harness: StateStoreHarness): void {
  it('[ST13] a lane opened beside as many as are kept is crowded, and its repeats say so too', async () => {
    const { state } = await harness.open({ limits });
    const owner = await Owner.of(state);
    expect(await owner.committed({ settles: [settled(1, 1, 'b', bob)] })).not.toHaveProperty('crowded');
    expect(await owner.committed({ settles: [settled(2, 2, 'c', cy)] })).toMatchObject({ crowded: [cy] });
    expect(await owner.commit({ settles: [settled(2, 2, 'c', cy)] })).toEqual({
      kind: 'duplicate',
      settled: [{ sender: cy, n: 2, reply: 'c', crowded: true }],
    });
    // It stays crowded, the other does not become so, and a node never is.
    expect(
      await owner.committed({
        settles: [settled(3, 3, 'd', cy), settled(4, 4, 'e', bob), settled(1, 1, 'f', 'node-1')],
        events: [
          { type: 'x', data: 1 },
          { type: 'y', data: 2 },
        ],
      }),
    ).toMatchObject({ crowded: [cy], events: [{ type: 'x' }, { type: 'y' }] });
    expect(await owner.committed({ settles: [settled(5, 5, undefined, bob)] })).not.toHaveProperty('crowded');
  });

  it('[ST13] a lane that is closed makes room for another', async () => {
    const { state } = await harness.open({ limits });
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(1, 1, undefined, bob)] });
    await owner.committed({ closes: [{ sender: bob, n: 2 }] });
    expect(await owner.committed({ settles: [settled(3, 3, undefined, cy)] })).not.toHaveProperty('crowded');
    expect(await owner.committed({ settles: [settled(4, 4, undefined, bob)] })).toMatchObject({ crowded: [bob] });
  });

  it('[ST13] what was settled on a closed lane is not taken again, and changes nothing', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(5, 5, 'b', bob)] });
    await owner.committed({ snapshot: 1, closes: [{ sender: bob, n: 6 }] });
    for (const n of [5, 6])
      expect(await owner.commit({ snapshot: 2, settles: [settled(n, n, 'again', bob)] })).toEqual({
        kind: 'closed',
        sender: bob,
        floor: 7,
      });
    expect(await owner.record()).toMatchObject({ version: 2, snapshot: 1 });
  });

  it('[ST13] below the floor no new lane is opened by anybody; from it up one is, with numbers of its own', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(5, 5, undefined, bob)] });
    await owner.committed({ closes: [{ sender: bob, n: 6 }] });
    expect(await owner.commit({ settles: [settled(4, 4, undefined, cy)] })).toMatchObject({ kind: 'closed', floor: 7 });
    await owner.committed({ settles: [settled(7, 7, 'new', cy), settled(1, 1, 'a node', 'node-1')] });
    expect(await owner.commit({ settles: [settled(7, 7, 'x', cy)] })).toMatchObject({ settled: [{ reply: 'new' }] });
    await owner.committed({ settles: [settled(8, 8, 'bob', bob)] });
    expect(await owner.commit({ settles: [settled(5, 5, 'x', bob)] })).toMatchObject({ kind: 'duplicate' });
  });

  it('[ST13] an open lane goes on below the floor that another one left', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(1, 1, undefined, bob), settled(1, 1, undefined, cy)] });
    await owner.committed({ closes: [{ sender: bob, n: 100 }] });
    await owner.committed({ settles: [settled(2, 2, 'cy', cy)] });
    expect(await owner.commit({ settles: [settled(2, 2, 'x', cy)] })).toMatchObject({ settled: [{ reply: 'cy' }] });
  });

  it('[ST13] a closing that comes twice, or late, does nothing to a lane opened since', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(1, 1, undefined, bob)] });
    await owner.committed({ closes: [{ sender: bob, n: 2 }] });
    await owner.committed({ closes: [{ sender: bob, n: 2 }] });
    await owner.committed({ settles: [settled(3, 3, 'new', bob)] });
    await owner.committed({ closes: [{ sender: bob, n: 2 }] });
    expect(await owner.commit({ settles: [settled(3, 3, 'x', bob)] })).toMatchObject({ settled: [{ reply: 'new' }] });
  });

  it('[ST13] the next owner finds lanes and floor as they were', async () => {
    const { state } = await harness.open({ limits });
    const first = await Owner.of(state, undefined, 'a');
    await first.committed({ settles: [settled(1, 1, undefined, bob), settled(2, 2, undefined, cy)] });
    await first.committed({ closes: [{ sender: bob, n: 3 }] });
    const second = await Owner.of(state, undefined, 'b');
    second.version = 2;
    expect(await second.commit({ settles: [settled(2, 2, undefined, cy)] })).toMatchObject({
      settled: [{ sender: cy, crowded: true }],
    });
    expect(await second.commit({ settles: [settled(1, 1, undefined, bob)] })).toMatchObject({
      kind: 'closed',
      floor: 4,
    });
  });
}
