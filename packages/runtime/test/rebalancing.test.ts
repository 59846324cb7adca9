// How often shards change hands when nodes come and go.
import { afterEach, describe, expect, it } from 'vitest';
import type { Shard, StateStore } from '../src/index.ts';
import { Cluster, type ClusterNode } from '../src/testing-cluster.ts';
import { Counter } from './counter.fixture.ts';

let cluster: Cluster;
let seals: Shard[] = [];
afterEach(async () => await cluster.stop());

async function started(nodes: number): Promise<void> {
  cluster = await Cluster.start({
    actors: [Counter],
    nodes,
    shards: 64,
    state: (store) =>
      new Proxy(store, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name, target);
          if (name === 'seal')
            return async (...given: Parameters<StateStore['seal']>) => {
              const answered = await target.seal(...given);
              if (answered.kind === 'sealed') seals.push(given[0]);
              return answered;
            };
          return typeof member === 'function' ? member.bind(target) : member;
        },
      }),
  });
  await cluster.advance(2_000);
  seals = [];
}

function most(): number {
  const counts = new Map<Shard, number>();
  for (const shard of seals) counts.set(shard, (counts.get(shard) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

function node(i: number): ClusterNode {
  const found = cluster.nodes[i];
  if (found === undefined) throw new Error(`the cluster has a node ${i}`);
  return found;
}

const served = (): number[] =>
  cluster.nodes
    .filter(({ runtime }) => runtime.state === 'serving')
    .flatMap(({ runtime }) => [...runtime.shards()])
    .sort((a, b) => a - b);

const all64 = Array.from({ length: 64 }, (_, shard) => shard);

describe('rebalancing', () => {
  it('[SH8] a node that joins three others takes its part, each shard once, and nothing else moves', async () => {
    await started(3);
    const young = await cluster.join();
    await cluster.advance(5_000);
    expect([...seals].sort((a, b) => a - b)).toEqual([...young.runtime.shards()].sort((a, b) => a - b));
    expect(seals.length).toBeGreaterThan(5);
    expect(seals.length).toBeLessThan(32);
    expect(served()).toEqual(all64);
  });

  it('[SH8] four nodes that join together move each shard at most twice', async () => {
    await started(2);
    await Promise.all([cluster.join(), cluster.join(), cluster.join(), cluster.join()]);
    await cluster.advance(5_000);
    expect(served()).toEqual(all64);
    expect(most()).toBeLessThanOrEqual(2);
    const before = seals.length;
    await cluster.advance(20_000);
    expect(seals).toHaveLength(before);
  });

  it('[SH8] a node that leaves gives each of its shards away once, and nothing else moves', async () => {
    await started(4);
    const mine = [...node(0).runtime.shards()].sort((a, b) => a - b);
    await cluster.run(node(0).runtime.drain());
    await cluster.advance(5_000);
    expect([...seals].sort((a, b) => a - b)).toEqual(mine);
  });

  it('[CS4] a node whose link comes and goes moves fewer and fewer shards, and takes its part once it is steady', async () => {
    await started(3);
    const part = node(0).runtime.shards().length;
    const movedBy: number[] = [];
    for (let minute = 0; minute < 3; minute++) {
      const before = seals.length;
      for (let i = 0; i < 15; i++) {
        node(0).link.disconnect();
        await cluster.advance(1_500);
        node(0).link.reconnect();
        await cluster.advance(2_500);
      }
      movedBy.push(seals.length - before);
    }
    // Without patience it would be given and taken twice in each of the fifteen rounds.
    expect(movedBy[0]).toBeLessThan(part * 2 * 8);
    expect(movedBy[2]).toBeLessThan(part * 2 * 5);
    expect(movedBy[2]).toBeLessThanOrEqual(movedBy[0] ?? 0);
    await cluster.advance(30_000);
    expect(served()).toEqual(all64);
    expect(node(0).runtime.shards().length).toBeGreaterThan(5);
  });
});
