// Three runtime processes on real Redis and NATS.

import { systemClock } from '@devmentor/locks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type NatsBackend, type RedisBackend, startNats, startRedis } from '../../../test/backends.ts';
import { BUSY_MACHINE_MS, FIRST_ANSWER_MS } from './failover.fixture.ts';
import { NodeProcess, type Report, SHARDS } from './node-processes.fixture.ts';

let redis: RedisBackend;
let nats: NatsBackend;
let nodes: NodeProcess[] = [];
let namespaces = 0;
/** Four of each node. */
let keys: readonly string[] = [];

beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis(), startNats()]);
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.end()));
  nodes = [];
});
afterAll(async () => {
  await Promise.all([redis.stop(), nats.stop()]);
});

const elapse = (ms: number): Promise<void> => new Promise((resolve) => void systemClock.after(ms, resolve));

async function three(): Promise<readonly [NodeProcess, NodeProcess, NodeProcess]> {
  const namespace = `n${++namespaces}`;
  nodes = await Promise.all(['a', 'b', 'c'].map((id) => NodeProcess.start(redis.url, nats.url, namespace, id)));
  const [a, b, c] = nodes;
  if (a === undefined || b === undefined || c === undefined) throw new Error('three nodes were started');
  await balanced();
  keys = (await Promise.all(nodes.map(fourOf))).flat();
  return [a, b, c];
}

async function fourOf(node: NodeProcess): Promise<readonly string[]> {
  const own: string[] = [];
  for (let i = 0; own.length < 4; i++)
    if (resultOf<boolean>(await node.ask({ do: 'owns', key: `k${i}` }))) own.push(`k${i}`);
  return own;
}

/** Waits until every shard is served by somebody. */
async function balanced(): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const reports = await Promise.all(nodes.map((node) => node.ask({ do: 'shards' })));
    const counts = reports.map((report) => resultOf<{ shards: number[] }>(report).shards.length);
    if (counts.reduce((sum, count) => sum + count, 0) === SHARDS && !counts.includes(0)) return;
    await elapse(50);
  }
  throw new Error('the shards were not all served within five seconds');
}

function resultOf<T>(report: Report): T {
  if (!report.ok) throw new Error(report.code);
  return report.value as T;
}

async function keyOf(node: NodeProcess): Promise<string> {
  for (const key of keys) if (resultOf<boolean>(await node.ask({ do: 'owns', key }))) return key;
  throw new Error('every node serves one of the keys');
}

describe('three processes', () => {
  it('[SH2] after a kill -9 every acknowledged tell is in the state exactly once, and calls go on within four seconds', async () => {
    const [a, b, c] = await three();
    const victimKey = await keyOf(a);
    const acknowledged = new Map<string, Set<string>>(keys.map((key) => [key, new Set()]));
    let over = false;
    let n = 0;
    let longestMs = 0;
    const writers = [b, c].flatMap((node) =>
      keys.map(async (key) => {
        while (!over) {
          const id = `${++n}`;
          const startMs = systemClock.nowMs();
          const report = await node.ask({ do: 'note', key, id, deadlineMs: 15_000 });
          longestMs = Math.max(longestMs, systemClock.nowMs() - startMs);
          if (report.ok) acknowledged.get(key)?.add(id);
        }
      }),
    );
    await elapse(300);
    a.signal('SIGKILL');
    resultOf(await b.ask({ do: 'note', key: victimKey, id: 'after', deadlineMs: 15_000 }));
    await elapse(300);
    over = true;
    await Promise.all(writers);
    for (const key of keys) {
      const notes = resultOf<string[]>(await c.ask({ do: 'read', key, fresh: true }));
      expect(notes).toHaveLength(new Set(notes).size);
      for (const id of acknowledged.get(key) ?? []) expect(notes).toContain(id);
    }
    expect([...acknowledged.values()].reduce((sum, { size }) => sum + size, 0)).toBeGreaterThan(100);
    expect(longestMs).toBeGreaterThan(1_000);
    expect(longestMs).toBeLessThan(FIRST_ANSWER_MS + BUSY_MACHINE_MS);
  }, 40_000);

  it('[ST2] an owner stopped past its lease and resumed lets no commit, reply or stale read out', async () => {
    const [a, b, c] = await three();
    const key = await keyOf(a);
    resultOf(await b.ask({ do: 'note', key, id: 'first', deadlineMs: 5_000 }));
    const before = resultOf<{ incarnation: string }>(await a.ask({ do: 'shards' })).incarnation;
    a.signal('SIGSTOP');
    // It finds these when it wakes: from its own process, and from the others over NATS.
    const own = [
      a.ask({ do: 'note', key, id: 'own', deadlineMs: 10_000 }),
      a.ask({ do: 'read', key, fresh: false }),
    ] as const;
    const remote = c.ask({ do: 'note', key, id: 'remote', deadlineMs: 15_000 });
    await elapse(2_200);
    resultOf(await b.ask({ do: 'note', key, id: 'second', deadlineMs: 10_000 }));
    resultOf(await remote);
    const taken = resultOf<string[]>(await b.ask({ do: 'read', key, fresh: true }));
    a.signal('SIGCONT');
    const read = resultOf<string[]>(await own[1]);
    expect(read.slice(0, taken.length)).toEqual(taken);
    resultOf(await own[0]);
    const notes = resultOf<string[]>(await c.ask({ do: 'read', key, fresh: true }));
    expect([...notes].sort()).toEqual(['first', 'own', 'remote', 'second']);
    expect(notes.slice(0, taken.length)).toEqual(taken);
    await elapse(1_000);
    expect(resultOf<{ incarnation: string }>(await a.ask({ do: 'shards' })).incarnation).not.toBe(before);
  }, 40_000);

  it('[SH4] a drained process hands its shards over without a failed call, each waiting under half a second', async () => {
    const [a, b, c] = await three();
    let over = false;
    let longestMs = 0;
    let n = 0;
    const failed: string[] = [];
    const writers = [b, c].flatMap((node) =>
      keys.map(async (key) => {
        while (!over) {
          const startMs = systemClock.nowMs();
          const report = await node.ask({ do: 'note', key, id: `${++n}`, deadlineMs: 5_000 });
          longestMs = Math.max(longestMs, systemClock.nowMs() - startMs);
          if (!report.ok) failed.push(report.code);
        }
      }),
    );
    await elapse(200);
    const tookMs = resultOf<number>(await a.ask({ do: 'drain' }));
    await elapse(500);
    over = true;
    await Promise.all(writers);
    expect(failed).toEqual([]);
    expect(tookMs).toBeLessThan(2_000);
    expect(longestMs).toBeLessThan(500);
  }, 40_000);

  it('[OB5] what an actor owed when its process was killed is delivered once', async () => {
    const [a, b] = await three();
    const from = await keyOf(a);
    const to = await keyOf(b);
    const passes = Array.from({ length: 30 }, (_, i) =>
      b.ask({ do: 'pass', key: from, id: `p${i}`, to, deadlineMs: 15_000 }),
    );
    await Promise.race(passes);
    a.signal('SIGKILL');
    const acknowledged = (await Promise.all(passes)).flatMap((report, i) => (report.ok ? [`p${i}`] : []));
    let notes: string[] = [];
    for (let i = 0; i < 100 && notes.length < acknowledged.length; i++) {
      await elapse(100);
      notes = resultOf<string[]>(await b.ask({ do: 'read', key: to, fresh: true }));
    }
    expect(notes).toHaveLength(new Set(notes).size);
    for (const id of acknowledged) expect(notes).toContain(id);
    expect(acknowledged.length).toBeGreaterThan(0);
  }, 40_000);
});
