// Releases side by side: what an old node may serve, and what becomes of its shards.
import { afterEach, describe, expect, it } from 'vitest';
import { type ActorType, shardOf } from '../src/index.ts';
import { ShardNeeds } from '../src/shard-needs.ts';
import { Cluster, type ClusterNode } from '../src/testing-cluster.ts';
import { migratedView } from '../src/testing-migrations.ts';
import { Counter } from './counter.fixture.ts';
import { First, Forgetful, records, Second, Third } from './releases.fixture.ts';
import { solo } from './solo.fixture.ts';

const add = { type: 'add', by: 1 } as const;
const unsupported = expect.objectContaining({ code: 'VERSION_UNSUPPORTED', applied: 'no' });

describe('records of earlier releases', () => {
  it('[VS1] each stored fixture comes through the chain of migrations to the present machine', () => {
    expect(migratedView(Third, records.first)).toMatchObject({ value: 'open', context: { count: 7, last: null } });
    expect(migratedView(Third, records.second)).toMatchObject({ value: 'open', context: { count: 7, last: null } });
    expect(migratedView(Third, records.third)).toMatchObject({ value: 'open', context: { count: 7, last: 2 } });
    expect(migratedView(Second, records.first)).toMatchObject({ context: { count: 7 } });
  });

  it('[VS1] a downgrade, a gap in the chain and a state that is gone are refused, never guessed', () => {
    expect(() => migratedView(Third, records.fourth)).toThrow(unsupported);
    expect(() => migratedView(First, records.second)).toThrow(unsupported);
    expect(() => migratedView(Forgetful, records.first)).toThrow(unsupported);
    expect(() => migratedView(Second, { ...records.third, machineVersion: 2 })).toThrow();
  });

  it('[VS1] a record is stamped with the version that wrote it, by the first commit after its migration', async () => {
    const node = await solo([First]);
    await node.run(node.runtime.actor(First, 'a').tell(add));
    await node.restart([Third]);
    expect((await node.run(node.runtime.actor(Third, 'a').read())).context).toEqual({ count: 1, last: null });
    expect((await node.state.peek('thing:a'))?.machineVersion).toBe(1);
    await node.run(node.runtime.actor(Third, 'a').tell(add));
    expect((await node.state.peek('thing:a'))?.machineVersion).toBe(3);
  });
});

describe('a rolling upgrade', () => {
  let cluster: Cluster;
  afterEach(async () => await cluster.stop());

  const keys = Array.from({ length: 24 }, (_, i) => `k${i}`);
  const tellAll = (node: ClusterNode, type: typeof First | typeof Second) =>
    cluster.run(
      Promise.all(keys.map((key) => node.runtime.actor(type as typeof First, key).tell(add, { deadlineMs: 5_000 }))),
    );

  async function release(node: ClusterNode): Promise<ReadonlySet<number>> {
    const stored = await Promise.all(keys.map((key) => cluster.state.peek(node.runtime.actor(First, key).id)));
    return new Set(stored.map((record) => record?.machineVersion ?? 0));
  }

  const olds: readonly ActorType[] = [First, Counter];
  const news: readonly ActorType[] = [Second, Counter];

  function node(i: number): ClusterNode {
    const found = cluster.nodes[i];
    if (found === undefined) throw new Error(`the cluster has a node ${i}`);
    return found;
  }

  it('[VS2] old and new nodes serve side by side, and every call succeeds until all are new', async () => {
    cluster = await Cluster.start({ actors: olds, nodes: 2 });
    await tellAll(node(0), First);
    const young = await cluster.join({ actors: news });
    await cluster.advance(1_000);
    await tellAll(node(0), First);
    expect(await release(young)).toEqual(new Set([1, 2]));
    await cluster.run(node(0).runtime.drain());
    await cluster.join({ actors: news });
    await tellAll(node(1), First);
    await cluster.run(node(1).runtime.drain());
    await tellAll(young, Second);
    expect(await release(young)).toEqual(new Set([2]));
    const view = await cluster.run(young.runtime.actor(Second, 'k0').read());
    expect(view.context).toEqual({ count: 4 });
  });

  it('[VS2] an old node that meets newer records yields their shards to a node that can read them, and no call fails', async () => {
    cluster = await Cluster.start({ actors: news, nodes: 1 });
    await tellAll(node(0), Second);
    await cluster.join({ actors: olds });
    await cluster.join({ actors: olds });
    const young = await cluster.join({ actors: news });
    await cluster.advance(1_000);
    // The old ones take what the list of nodes gives them, since only the first knows of the records.
    await node(0).kill();
    await cluster.advance(4_000);
    await tellAll(node(1), First);
    await cluster.advance(2_000);
    const old = [node(1), node(2)].flatMap(({ runtime }) => runtime.shards());
    const needed = keys.map((key) => shardOf(young.runtime.actor(Second, key).id, 16));
    expect(needed.filter((shard) => old.includes(shard))).toEqual([]);
    const before = [...young.runtime.shards()].sort();
    await cluster.advance(5_000);
    expect([...young.runtime.shards()].sort()).toEqual(before);
    expect(old.length + before.length).toBe(16);
  });

  it('[VS3] without a node that can read it, a newer record is refused and the rest of its shard is served; with one it is served again', async () => {
    cluster = await Cluster.start({ actors: news, nodes: 1 });
    await tellAll(node(0), Second);
    const old = await cluster.join({ actors: olds });
    await node(0).kill();
    await cluster.advance(4_000);
    await expect(cluster.run(old.runtime.actor(First, 'k0').tell(add))).rejects.toMatchObject({
      code: 'VERSION_UNSUPPORTED',
    });
    await cluster.run(Promise.all(keys.map((key) => old.runtime.actor(Counter, key).tell(add))));
    await cluster.join({ actors: news });
    await cluster.advance(1_500);
    await cluster.run(old.runtime.actor(First, 'k0').tell(add));
    expect((await cluster.state.peek('thing:k0'))?.machineVersion).toBe(2);
  });

  it('[VS4] a type that only some nodes know is served by one of them', async () => {
    cluster = await Cluster.start({ actors: [Counter], nodes: 2 });
    const young = await cluster.join({ actors: [Counter, First] });
    await cluster.advance(1_000);
    await tellAll(node(0), First);
    for (const key of keys) expect(cluster.ownerOf(young.runtime.actor(First, key))).toBe(young);
    const Stranger = { ...First, type: 'stranger' };
    await expect(cluster.run(young.runtime.actor(Stranger, 'a').tell(add))).rejects.toMatchObject({
      code: 'UNKNOWN_TYPE',
    });
  });

  it('[VS2] needs of a shard only rise, and one node meets them or not', () => {
    const needs = new ShardNeeds();
    expect([needs.raise(1, 'a', 2), needs.raise(1, 'a', 2), needs.raise(1, 'a', 1)]).toEqual([true, false, false]);
    expect([needs.metBy(1, { a: 1 }), needs.metBy(1, { a: 2 }), needs.metBy(1, {}), needs.metBy(2, {})]).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(needs.metBy(1, undefined)).toBe(true);
    expect(needs.unmetBy({ a: 1 })).toEqual([1]);
  });
});
