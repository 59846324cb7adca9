// Three nodes in one process: who owns what, and what survives when one of them does not.

import { parseFence } from '@devmentor/locks';
import { afterEach, describe, expect, it } from 'vitest';
import { shardOf } from '../src/actor-id.ts';
import { preferredNode } from '../src/shard.ts';
import { Cluster, type ClusterNode } from '../src/testing-cluster.ts';
import { type RequestFault, withCommitFaults, withRequestFaults } from '../src/testing-faults.ts';
import { Counter } from './counter.fixture.ts';

let cluster: Cluster;
afterEach(async () => await cluster.stop());

const add = (by = 1) => ({ type: 'add', by }) as const;
const fault = (code: string) => expect.objectContaining({ code });

/** A key whose actor the given node serves. */
function keyOn(node: ClusterNode, from = 0): string {
  for (let i = from; i < from + 1_000; i++)
    if (cluster.ownerOf(node.runtime.actor(Counter, `k${i}`)) === node) return `k${i}`;
  throw new Error('a node serves some shard');
}

/** A key whose actor `first` serves, and `second` once `first` is gone. */
function keyOnThenOn(first: ClusterNode, second: ClusterNode): string {
  const left = cluster.nodes.filter((node) => node !== first).map(({ runtime }) => runtime.incarnation);
  for (let i = 0; i < 1_000; i++) {
    const key = keyOn(first, i);
    const shard = shardOf(first.runtime.actor(Counter, key).id, cluster.state.shards);
    if (preferredNode(shard, left) === second.runtime.incarnation) return key;
  }
  throw new Error('each node gets some shard of one that leaves');
}

function three(): readonly [ClusterNode, ClusterNode, ClusterNode] {
  const [a, b, c] = cluster.nodes;
  if (a === undefined || b === undefined || c === undefined) throw new Error('the cluster has three nodes');
  return [a, b, c];
}

/** Each shard is served by exactly one node that lives. */
function served(): number[] {
  return cluster.nodes
    .filter(({ runtime }) => runtime.state === 'serving')
    .flatMap(({ runtime }) => [...runtime.shards()])
    .sort((a, b) => a - b);
}

const all16 = Array.from({ length: 16 }, (_, shard) => shard);

describe('ownership', () => {
  it('[SH1] the shards are spread over the nodes, each served once', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    expect(served()).toEqual(all16);
    for (const { runtime } of cluster.nodes) expect(runtime.shards().length).toBeGreaterThan(0);
    expect(three()[0].runtime.nodes()).toHaveLength(3);
  });

  it('[SH2] after a kill its shards are served elsewhere within three seconds, and not before its lease lapsed', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const ref = b.runtime.actor(Counter, keyOn(a));
    await cluster.run(ref.tell(add(7)));
    const diedAtMs = cluster.clock.nowMs();
    await a.kill();
    await cluster.run(ref.tell(add(1)));
    const tookMs = cluster.clock.nowMs() - diedAtMs;
    expect(tookMs).toBeGreaterThan(1_400);
    expect(tookMs).toBeLessThan(3_000);
    expect((await cluster.run(ref.read({ fresh: true }))).context.total).toBe(8);
  });

  it('[SH2] a node that stands still keeps its shards until its lease has lapsed, whoever joins', async () => {
    cluster = await Cluster.start({ actors: [Counter], nodes: 2 });
    const [a] = cluster.nodes;
    if (a === undefined) throw new Error('a node was started');
    const mine = [...a.runtime.shards()];
    const owners = async (): Promise<Set<string>> =>
      new Set((await cluster.state.ownership(mine)).map(({ incarnation }) => incarnation));
    a.stall();
    const { incarnation } = a.runtime;
    await cluster.join();
    await cluster.advance(1_000);
    expect(await owners()).toEqual(new Set([incarnation]));
    await cluster.advance(2_000);
    expect(await owners()).not.toContain(incarnation);
  });

  it('[SH3] a node that joins takes its part within 100 ms of pause, and no call fails', async () => {
    cluster = await Cluster.start({ actors: [Counter], nodes: 2 });
    const [a] = cluster.nodes;
    if (a === undefined) throw new Error('a node was started');
    const refs = Array.from({ length: 32 }, (_, i) => a.runtime.actor(Counter, `k${i}`));
    const { longestMs, calls } = await callAllThrough(refs, cluster.join());
    await cluster.advance(1_000);
    expect(served()).toEqual(all16);
    expect(cluster.nodes[2]?.runtime.shards().length).toBeGreaterThan(0);
    expect(calls).toBeGreaterThan(32);
    expect(longestMs).toBeLessThan(100);
  });

  it('[SH4] a drain hands everything over within 100 ms of pause, and no call fails', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const refs = Array.from({ length: 32 }, (_, i) => b.runtime.actor(Counter, `k${i}`));
    const { longestMs } = await callAllThrough(refs, a.runtime.drain());
    await cluster.advance(700);
    expect(served()).toEqual(all16);
    expect(longestMs).toBeLessThan(100);
    await expect(a.runtime.actor(Counter, 'x').tell(add())).rejects.toEqual(fault('NOT_RUNNING'));
  });

  it('[CS1] a node that stood still past its lease comes back under a new incarnation', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a] = three();
    const before = a.runtime.incarnation;
    a.stall();
    await cluster.advance(5_000);
    a.resume();
    await cluster.advance(3_000);
    expect(a.runtime.incarnation).not.toBe(before);
    expect(a.runtime.state).toBe('serving');
    expect(served()).toEqual(all16);
  });

  it('[CS2] a node without transport for a second gives its shards up, and takes part again when it is back', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const ref = b.runtime.actor(Counter, keyOn(a));
    await cluster.run(ref.tell(add()));
    a.link.disconnect();
    await cluster.advance(2_000);
    expect(a.runtime.state).toBe('isolated');
    expect(a.runtime.shards()).toEqual([]);
    await cluster.run(ref.tell(add(), { deadlineMs: 1_000 }));
    a.link.reconnect();
    await cluster.advance(3_000);
    expect(served()).toEqual(all16);
    expect(a.runtime.state).toBe('serving');
  });
});

describe('a stalled owner', () => {
  it('[ST2] lets no commit, no reply and no stale read out after its shard was taken', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const key = keyOn(a);
    const [mine, theirs] = [a.runtime.actor(Counter, key), b.runtime.actor(Counter, key)];
    await cluster.run(mine.tell(add()));
    const answers: string[] = [];
    const note = (what: string) =>
      [() => answers.push(what), (error: { code: string }) => answers.push(`${what}: ${error.code}`)] as const;
    a.stall();
    // Handed to it while it sleeps: from itself, and by the others' messages on its subject.
    const before = [
      mine.tell(add(100), { deadlineMs: 4_000 }).then(...note('own tell')),
      theirs.read().then(...note('read')),
    ];
    await cluster.advance(3_000);
    await cluster.run(theirs.tell(add(10)));
    const total = (await cluster.run(theirs.read({ fresh: true }))).context.total;
    a.resume();
    const own = await cluster.run(mine.read());
    expect(own.context.total).toBeGreaterThanOrEqual(total);
    await cluster.run(Promise.all(before));
    await cluster.advance(2_000);
    const { context } = await cluster.run(theirs.read({ fresh: true }));
    const told = answers.includes('own tell');
    // What was answered is in the state once, what was not may be in it at most once.
    expect(told ? [111] : [11, 111]).toContain(context.total);
  });

  it('[ST2] a commit of it that reaches the store only after its shard was taken is not applied', async () => {
    const late: (() => Promise<unknown>)[] = [];
    let opened = 0;
    let delaying = false;
    cluster = await Cluster.start({
      actors: [Counter],
      state: (store) =>
        opened++ > 0
          ? store
          : withCommitFaults(
              store,
              () => (delaying ? 'late' : 'none'),
              (arrive) => late.push(arrive),
            ),
    });
    const [a, b] = three();
    const key = keyOn(a);
    const theirs = b.runtime.actor(Counter, key);
    await cluster.run(theirs.tell(add()));
    delaying = true;
    const lost = a.runtime.actor(Counter, key).tell(add(100), { deadlineMs: 500 });
    lost.catch(() => {});
    await cluster.advance(1);
    expect(late).toHaveLength(1);
    await a.kill();
    await cluster.advance(4_000);
    expect((await cluster.run(theirs.read())).context.total).toBe(1);
    for (const arrive of late) await arrive();
    await cluster.run(theirs.tell(add(10)));
    expect((await cluster.run(theirs.read({ fresh: true }))).context.total).toBe(11);
  });

  it('[RD3] a read at a stalled owner is never older than what another owner has answered', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const key = keyOn(a);
    await cluster.run(b.runtime.actor(Counter, key).tell(add()));
    a.stall();
    await cluster.advance(3_000);
    await cluster.run(b.runtime.actor(Counter, key).tell(add()));
    // The first statement after the stall, before any timer has told the node that its lease lapsed.
    expect(a.runtime.shards().length).toBeGreaterThan(0);
    const stale = a.runtime.actor(Counter, key);
    const settling = Promise.allSettled([stale.read(), stale.tell({ type: 'disarm' }), stale.tell(add())]);
    a.resume();
    const [read, refused, told] = await cluster.run(settling);
    expect(read.status === 'fulfilled' && read.value.context.total).toBeGreaterThanOrEqual(2);
    expect(refused).toMatchObject({ reason: { code: 'UNHANDLED_EVENT' } });
    expect(told.status).toBe('fulfilled');
    expect((await cluster.run(b.runtime.actor(Counter, key).read())).context.total).toBe(3);
  });
});

describe('messages', () => {
  for (const kind of ['lost-request', 'lost-reply', 'duplicate'] as const) {
    it(`[DD5] a tell is applied exactly once though every third request suffers ${kind}`, async () => {
      let count = 0;
      const decide = (subject: string): RequestFault => (subject.includes('.s.') && ++count % 3 === 0 ? kind : 'none');
      cluster = await Cluster.start({
        actors: [Counter],
        transport: (transport) => withRequestFaults(transport, decide),
      });
      const [a, b] = three();
      const ref = b.runtime.actor(Counter, keyOn(a));
      await cluster.run(Promise.all(Array.from({ length: 40 }, () => ref.tell(add()))));
      for (let i = 0; i < 20; i++) await cluster.run(ref.tell(add()));
      expect((await cluster.run(ref.read())).context.total).toBe(60);
      expect(count).toBeGreaterThan(20);
    });
  }

  it('[DD3] a tell whose answer was lost is not refused for what it did itself', async () => {
    let losing = false;
    cluster = await Cluster.start({
      actors: [Counter],
      transport: (transport) =>
        withRequestFaults(transport, (subject) => {
          const lost = losing && /\.[sn]\./.test(subject);
          if (lost) losing = false;
          return lost ? 'lost-reply' : 'none';
        }),
    });
    const [a, b] = three();
    const ref = b.runtime.actor(Counter, keyOn(a));
    await cluster.run(ref.tell({ type: 'arm', delayMs: 60_000 }));
    losing = true;
    // Taken once, no state takes it again.
    await cluster.run(ref.tell({ type: 'disarm' }));
    expect(losing).toBe(false);
    await expect(cluster.run(ref.tell({ type: 'disarm' }))).rejects.toEqual(fault('UNHANDLED_EVENT'));
  });

  it('[AD2] an order is carried out once, however often it has to be sent', async () => {
    const losses: RequestFault[] = [];
    cluster = await Cluster.start({
      actors: [Counter],
      transport: (transport) => withRequestFaults(transport, () => losses.shift() ?? 'none'),
    });
    const [a, b] = three();
    const key = keyOn(a);
    await cluster.run(a.runtime.actor(Counter, key).tell(add(1)));
    losses.push('lost-reply', ...Array.from({ length: 5 }, () => 'lost-request' as const), 'duplicate');
    const restarted = b.runtime.admin.restart(b.runtime.actor(Counter, key));
    await cluster.advance(3);
    expect(losses.length).toBeGreaterThan(0);
    // Taken after the restart, whose repeats come after it.
    await cluster.run(a.runtime.actor(Counter, key).tell(add(5)));
    expect(losses.length).toBeGreaterThan(0);
    await cluster.run(restarted);
    expect(losses).toEqual([]);
    expect((await cluster.run(a.runtime.actor(Counter, key).read())).context.total).toBe(5);
  });

  it('[RT5] who was answered asks that node directly, and finds the next owner when it is gone', async () => {
    const asked: string[] = [];
    cluster = await Cluster.start({
      actors: [Counter],
      transport: (transport) =>
        withRequestFaults(transport, (subject) => {
          asked.push(subject.split('.').at(-2) ?? '');
          return 'none';
        }),
    });
    const [a, b, c] = three();
    // The next owner is another node than the caller's own, which would ask itself without a request.
    const ref = b.runtime.actor(Counter, keyOnThenOn(a, c));
    for (let i = 0; i < 3; i++) await cluster.run(ref.tell(add()));
    // By the shard's subject once, by the node's own from then on.
    expect(asked).toEqual(['s', 'n', 'n']);
    await a.kill();
    await cluster.advance(4_000);
    asked.length = 0;
    await cluster.run(ref.tell(add()));
    // The dead node's subject has no listener: the shard's own is asked again.
    expect(asked).toEqual(['n', 's']);
    expect(c.runtime.shards()).toContain(shardOf(ref.id, cluster.state.shards));
    await cluster.run(ref.tell(add()));
    expect(asked).toEqual(['n', 's', 'n']);
    expect((await cluster.run(ref.read())).context.total).toBe(5);
  });

  it('[HS6] a node asked directly for a shard it does not serve says so, and the call goes on', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const ref = b.runtime.actor(Counter, keyOn(a));
    await cluster.run(ref.tell(add()));
    const drained = a.runtime.drain();
    await cluster.run(ref.tell(add()));
    await cluster.run(drained);
    await cluster.run(ref.tell(add()));
    expect((await cluster.run(ref.read())).context.total).toBe(3);
  });

  it('[OB5] what an actor owes is delivered once by the next owner of the actor', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b, c] = three();
    const to = keyOn(b);
    const from = c.runtime.actor(Counter, keyOn(a));
    // The receiver is out of reach, so the message stays in the outbox.
    b.stall();
    await cluster.run(from.tell({ type: 'forward', to, by: 5 }));
    await a.kill();
    await cluster.advance(4_000);
    b.resume();
    await cluster.advance(5_000);
    expect((await cluster.run(c.runtime.actor(Counter, to).read({ fresh: true }))).context.total).toBe(5);
    expect((await cluster.state.peek(from.id))?.outbox).toEqual([]);
  });

  it('[TM5] a timer of a node that died fires once, at the next owner', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const ref = b.runtime.actor(Counter, keyOn(a));
    await cluster.run(ref.tell({ type: 'arm', delayMs: 1_000 }));
    await a.kill();
    await cluster.advance(5_000);
    const { context, value } = await cluster.run(ref.read());
    expect(value).toBe('open');
    expect(context.alarms).toBe(1);
    expect(context.lateBy).toBeGreaterThan(0);
  });

  it('[FN4] the guard raised by another node refuses an older fence at the owner', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const ref = b.runtime.actor(Counter, keyOn(a));
    await cluster.state.admit(ref.id, parseFence('1000000000000009'));
    await expect(cluster.run(ref.tell(add(), { fence: parseFence('1000000000000008') }))).rejects.toEqual(
      fault('STALE_FENCE'),
    );
    await cluster.run(ref.tell(add(), { fence: parseFence('1000000000000009') }));
  });

  it('[RT1] without any owner a call is NOT_DELIVERED, applied no', async () => {
    cluster = await Cluster.start({ actors: [Counter], nodes: 2 });
    const [a, b] = cluster.nodes;
    if (a === undefined || b === undefined) throw new Error('the cluster has two nodes');
    const key = keyOn(a);
    await a.kill();
    await expect(cluster.run(b.runtime.actor(Counter, key).tell(add(), { deadlineMs: 200 }))).rejects.toMatchObject({
      code: 'NOT_DELIVERED',
      applied: 'no',
    });
  });

  it('[WA3] a watcher on another node goes on over a failover', async () => {
    cluster = await Cluster.start({ actors: [Counter] });
    const [a, b] = three();
    const ref = b.runtime.actor(Counter, keyOn(a));
    const controller = new AbortController();
    const totals: number[] = [];
    const watching = (async () => {
      for await (const view of ref.watch({ signal: controller.signal })) totals.push(view.context.total);
    })();
    await cluster.run(ref.tell(add()));
    await cluster.advance(50);
    await a.kill();
    await cluster.run(ref.tell(add()));
    await cluster.advance(3_000);
    controller.abort();
    await cluster.run(watching);
    expect(totals.at(-1)).toBe(2);
    expect(totals).toEqual([...new Set(totals)].sort((x, y) => x - y));
  });
});

/** Tells every actor again and again until `change` is over and a little longer; every answer counts. */
async function callAllThrough(
  refs: readonly { tell(event: { type: 'add'; by: number }): Promise<unknown> }[],
  change: Promise<unknown>,
): Promise<{ longestMs: number; calls: number }> {
  let over = false;
  let calls = 0;
  let longestMs = 0;
  const callers = refs.map(async (ref) => {
    while (!over) {
      const startMs = cluster.clock.nowMs();
      await ref.tell(add());
      calls++;
      longestMs = Math.max(longestMs, cluster.clock.nowMs() - startMs);
      await new Promise<void>((resolve) => void cluster.clock.after(1, resolve));
    }
  });
  await cluster.run(change);
  for (let i = 0; i < 300; i++) await cluster.advance(1);
  over = true;
  await cluster.run(Promise.all(callers));
  return { longestMs, calls };
}
