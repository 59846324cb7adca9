// Who owns what when the steps of taking and giving up fail half-way.
import { CoordinationError } from '@devmentor/locks';
import { afterEach, describe, expect, it } from 'vitest';
import type { StateStore, Transport } from '../src/index.ts';
import { Cluster, type ClusterNode } from '../src/testing-cluster.ts';
import { replacing } from '../src/testing-faults.ts';
import { Counter } from './counter.fixture.ts';

let cluster: Cluster;
afterEach(async () => await cluster.stop());

const add = { type: 'add', by: 1 } as const;
const all16 = Array.from({ length: 16 }, (_, shard) => shard);

function node(i: number): ClusterNode {
  const found = cluster.nodes[i];
  if (found === undefined) throw new Error(`the cluster has a node ${i}`);
  return found;
}

/** The shards served by those who live, each as often as it is served. */
function served(among: readonly ClusterNode[] = cluster.nodes): number[] {
  return among
    .filter(({ runtime }) => runtime.state === 'serving')
    .flatMap(({ runtime }) => [...runtime.shards()])
    .sort((a, b) => a - b);
}

const unavailable = (): Promise<never> =>
  Promise.reject(new CoordinationError('STORE_UNAVAILABLE', 'the store cannot be reached', { applied: 'no' }));

describe('a shard', () => {
  it('[SH5] sealed under a lease that has lapsed meanwhile is not served under the next one', async () => {
    let holding = false;
    let opened = 0;
    const late: (() => void)[] = [];
    const lateSeals = (store: StateStore): StateStore =>
      replacing(store, 'seal', async (...given) => {
        const sealed = await store.seal(...given);
        if (holding) await new Promise<void>((resolve) => late.push(resolve));
        return sealed;
      });
    cluster = await Cluster.start({
      actors: [Counter],
      state: (store) => (opened++ === 0 ? lateSeals(store) : store),
    });
    const [a, b, c] = [node(0), node(1), node(2)];
    const keys = Array.from({ length: 64 }, (_, i) => `k${i}`).filter(
      (key) => cluster.ownerOf(a.runtime.actor(Counter, key)) === b,
    );
    const at = ({ runtime }: ClusterNode) => keys.map((key) => runtime.actor(Counter, key));
    await cluster.run(Promise.all(at(c).map((ref) => ref.tell(add))));
    holding = true;
    await b.kill();
    await cluster.advance(2_600);
    expect(late.length).toBeGreaterThan(0);
    // The lease of `a` lapses before it hears that it has sealed; `c` stands still a little, so that it comes late.
    a.stall();
    await cluster.advance(1_400);
    c.stall();
    await cluster.advance(610);
    holding = false;
    a.resume();
    await cluster.advance(300);
    for (const reply of late) reply();
    await cluster.advance(5);
    const before = Promise.allSettled(at(a).map((ref) => ref.read({ deadlineMs: 30 })));
    await cluster.advance(40);
    await before;
    c.resume();
    await cluster.advance(600);
    await cluster.run(Promise.all(at(c).map((ref) => ref.tell(add))));
    const totals = await cluster.run(Promise.all(at(a).map(async (ref) => (await ref.read()).context.total)));
    expect(totals).toEqual(keys.map(() => 2));
    await cluster.advance(2_000);
    expect(served([a, c])).toEqual(all16);
  });

  it('[SH6] that could not be yielded when another node should have it is yielded later', async () => {
    let failing = true;
    let opened = 0;
    const stuck = (store: StateStore): StateStore =>
      replacing(store, 'yield', (...given) => (failing ? unavailable() : store.yield(...given)));
    cluster = await Cluster.start({
      actors: [Counter],
      nodes: 1,
      state: (store) => (opened++ === 0 ? stuck(store) : store),
    });
    await cluster.join();
    await cluster.advance(1_000);
    expect(served().length).toBeLessThan(16);
    failing = false;
    await cluster.advance(1_500);
    expect(served()).toEqual(all16);
    expect(node(1).runtime.shards().length).toBeGreaterThan(0);
  });

  it('[SH6] that was sealed and could not be served is left to the node that should have it by now', async () => {
    let failing = true;
    let opened = 0;
    const stuck = (store: StateStore): StateStore =>
      replacing(store, 'pending', (...given) => (failing ? unavailable() : store.pending(...given)));
    cluster = await Cluster.start({
      actors: [Counter],
      nodes: 1,
      state: (store) => (opened++ === 0 ? stuck(store) : store),
    });
    expect(served()).toEqual([]);
    await cluster.join();
    failing = false;
    await cluster.advance(2_000);
    expect(served()).toEqual(all16);
    expect(node(1).runtime.shards().length).toBeGreaterThan(0);
  });

  it('[SH6] that was sealed without the node hearing of it is left to the node that should have it by now', async () => {
    let failing = true;
    let opened = 0;
    const deaf = (store: StateStore): StateStore =>
      replacing(store, 'seal', async (...given) => {
        const sealed = await store.seal(...given);
        if (failing) throw new CoordinationError('REPLY_LOST', 'the reply was lost', { applied: 'unknown' });
        return sealed;
      });
    cluster = await Cluster.start({
      actors: [Counter],
      nodes: 1,
      state: (store) => (opened++ === 0 ? deaf(store) : store),
    });
    await cluster.join();
    failing = false;
    await cluster.advance(2_000);
    expect(served()).toEqual(all16);
    expect(node(1).runtime.shards().length).toBeGreaterThan(0);
  });
});

describe('a node', () => {
  it('[CS3] that could join only half-way is no member, and tries again', async () => {
    let opened = 0;
    let failures = 0;
    const halfway = (transport: Transport): Transport =>
      replacing(transport, 'subscribe', (subject, handler, options) => {
        if (failures === 0 || !subject.endsWith('.nodes')) return transport.subscribe(subject, handler, options);
        failures--;
        return Promise.reject(new Error('the link flapped'));
      });
    cluster = await Cluster.start({
      actors: [Counter],
      transport: (transport) => (opened++ === 0 ? halfway(transport) : transport),
    });
    const a = node(0);
    a.link.disconnect();
    await cluster.advance(2_000);
    expect(a.runtime.state).toBe('isolated');
    failures = 2;
    a.link.reconnect();
    await cluster.advance(600);
    expect(a.runtime.state).toBe('isolated');
    await cluster.advance(3_000);
    expect(a.runtime.state).toBe('serving');
    expect(served()).toEqual(all16);
  });

  it('[CS4] that is a member for a moment again and again, since nothing confirms it, comes back ever later', async () => {
    let opened = 0;
    let joins = 0;
    let isDeaf = false;
    const refusals: (() => void)[] = [];
    const unconfirmed = (transport: Transport): Transport =>
      replacing(transport, 'subscribe', async (subject, handler, options) => {
        const subscription = await transport.subscribe(subject, handler, options);
        if (!isDeaf || !subject.endsWith('.nodes')) return subscription;
        joins++;
        return await new Promise((_, reject) => refusals.push(() => reject(new Error('it was not confirmed'))));
      });
    cluster = await Cluster.start({
      actors: [Counter],
      transport: (transport) => (opened++ === 0 ? unconfirmed(transport) : transport),
    });
    const a = node(0);
    a.link.disconnect();
    await cluster.advance(2_000);
    isDeaf = true;
    a.link.reconnect();
    for (let second = 0; second < 60; second++) {
      await cluster.advance(1_000);
      for (const refuse of refusals.splice(0)) refuse();
    }
    expect(joins).toBeGreaterThan(2);
    expect(joins).toBeLessThan(12);
    isDeaf = false;
    await cluster.advance(20_000);
    expect(a.runtime.state).toBe('serving');
    expect(served()).toEqual(all16);
  });

  it('[CS3] that is handed shards before its subscription is confirmed serves none of them when it is not', async () => {
    let opened = 0;
    let refuse: (() => void) | undefined;
    let isSlow = false;
    const unconfirmed = (transport: Transport): Transport =>
      replacing(transport, 'subscribe', async (subject, handler, options) => {
        const subscription = await transport.subscribe(subject, handler, options);
        if (!isSlow || !subject.endsWith('.nodes')) return subscription;
        isSlow = false;
        return await new Promise((_, reject) => {
          refuse = () => reject(new Error('it was not confirmed'));
        });
      });
    cluster = await Cluster.start({
      actors: [Counter],
      transport: (transport) => (opened++ === 0 ? unconfirmed(transport) : transport),
    });
    const a = node(0);
    a.link.disconnect();
    await cluster.advance(2_000);
    isSlow = true;
    a.link.reconnect();
    await cluster.advance(1_500);
    expect(a.runtime.shards().length).toBeGreaterThan(0);
    refuse?.();
    await cluster.advance(200);
    expect([...a.runtime.shards()]).toEqual([]);
    await cluster.advance(3_000);
    expect(a.runtime.state).toBe('serving');
    expect(served()).toEqual(all16);
  });
});
