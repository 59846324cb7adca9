// Each kind of fault does what it says, and nothing else.
import { CoordinationError, fenceOf } from '@devmentor/locks';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/simulation/fault.ts';
import type { Program, SimNode } from '../../src/simulation/sim-node.ts';
import { World } from '../../src/simulation/world.ts';
import { Ledger } from '../ledger.fixture.ts';

const nobody = { incarnation: 'none', epoch: '0000000000000000' } as const;

/** A world without actors: what is asked of the stores is asked by the test alone. */
const quiet = (faults: readonly Fault[] = []): Promise<World> => World.start({ seed: 7, nodes: 2, shards: 4, faults });

/** How a call ended, and when. */
async function ending<T>(world: World, call: Promise<T>): Promise<{ how: T | string; afterMs: number }> {
  const sinceMs = world.nowMs;
  const how = await world.run(
    call.catch((fault: unknown) => (fault instanceof CoordinationError ? `${fault.code} ${fault.applied}` : 'bug')),
  );
  return { how, afterMs: world.nowMs - sinceMs };
}
const owner = async (world: World, shard: number): Promise<string> =>
  (await world.stores.state.ownership([shard]))[0]?.incarnation ?? '';

describe('what befalls a call', () => {
  const call = (what: Extract<Fault, { kind: 'call' }>['what']): Fault => ({
    kind: 'call',
    node: 0,
    line: 'state',
    nth: 2,
    what,
  });
  const second = async (fault: Fault): Promise<{ world: World; how: unknown; afterMs: number }> => {
    const world = await quiet([fault]);
    const { state } = world.node(0).ports;
    expect((await ending(world, state.seal(0, 'first', nobody))).how).toMatchObject({ kind: 'sealed' });
    expect(world.faults[0]?.struck).toBe(false);
    const ended = await ending(world, state.seal(1, 'second', nobody));
    expect(world.faults[0]?.struck).toBe(true);
    expect((await ending(world, state.seal(2, 'third', nobody))).how).toMatchObject({ kind: 'sealed' });
    return { world, ...ended };
  };

  it('[SM8] a lost reply: it took effect, and its caller does not know', async () => {
    const { world, how, afterMs } = await second(call('lost-reply'));
    expect([how, afterMs, await owner(world, 1)]).toEqual(['REPLY_LOST unknown', 400, 'second']);
  });

  it('[SM8] a lost request: it took no effect, and its caller does not know', async () => {
    const { world, how, afterMs } = await second(call('lost-request'));
    expect([how, afterMs, await owner(world, 1)]).toEqual(['REPLY_LOST unknown', 400, 'none']);
  });

  it('[SM8] a late one: its caller gives up, and then it takes effect', async () => {
    const world = await quiet([{ kind: 'call', node: 0, line: 'state', nth: 1, what: 'late' }]);
    const ended = await ending(world, world.node(0).ports.state.seal(1, 'late', nobody));
    expect([ended.how, ended.afterMs, await owner(world, 1)]).toEqual(['REPLY_LOST unknown', 400, 'none']);
    await world.advance(5);
    expect(await owner(world, 1)).toBe('late');
  });

  it('[SM8] a refused one: it took no effect, and its caller is told so', async () => {
    const { world, how, afterMs } = await second(call('refused'));
    expect([how, await owner(world, 1)]).toEqual(['STORE_UNAVAILABLE no', 'none']);
    expect(afterMs).toBeLessThan(2);
  });

  it('[SM8] calls of one node take effect in the order they were made', async () => {
    const world = await quiet();
    const { state } = world.node(0).ports;
    const order: number[] = [];
    const calls = Array.from({ length: 50 }, (_, n) => state.confirm(0, nobody.epoch).then(() => void order.push(n)));
    await world.run(Promise.all(calls));
    expect(order).toEqual(Array.from({ length: 50 }, (_, n) => n));
    const arrived = world.trace.entries.flatMap((entry) =>
      entry.kind === 'arrive' && entry.node === 'state' ? [entry.id] : [],
    );
    expect(arrived).toEqual([...arrived].sort((a, b) => a - b));
  });
});

describe('what befalls a message', () => {
  const heard = async (faults: readonly Fault[]): Promise<string[]> => {
    const world = await quiet(faults);
    const got: string[] = [];
    const [near, far] = [world.node(0).ports.transport, world.node(1).ports.transport];
    await world.run(far.subscribe('news', ({ body }) => void got.push(body.toString())));
    for (const word of ['a', 'b', 'c']) near.publish('news', Buffer.from(word));
    await world.advance(100);
    return got;
  };
  const second = { kind: 'message', node: 0, nth: 2 } as const;

  it('[SM9] a dropped one does not arrive', async () => {
    expect(await heard([{ ...second, what: 'drop' }])).toEqual(['a', 'c']);
  });

  it('[SM9] a duplicated one arrives twice', async () => {
    expect(await heard([{ ...second, what: 'duplicate' }])).toEqual(['a', 'b', 'b', 'c']);
  });

  it('[SM9] a delayed one is passed by those after it', async () => {
    expect(await heard([{ ...second, what: 'delay', byMs: 50 }])).toEqual(['a', 'c', 'b']);
  });

  it('[SM9] a lost reply looks to the one who asked as a lost request does, at its deadline', async () => {
    for (const node of [0, 1]) {
      const world = await quiet([{ kind: 'message', node, nth: node === 0 ? 1 : 2, what: 'drop' }]);
      const [near, far] = [world.node(0).ports.transport, world.node(1).ports.transport];
      let asked = 0;
      await world.run(
        far.subscribe('ask', (message) => {
          asked += 1;
          message.respond?.(message.body);
        }),
      );
      const { how, afterMs } = await ending(world, near.request('ask', Buffer.from('?'), { timeoutMs: 200 }));
      expect(how).toEqual({ kind: 'lost', why: 'deadline' });
      expect(Math.floor(afterMs / 10)).toBe(20);
      expect(asked).toBe(node);
    }
  });
});

describe('what befalls a line', () => {
  it('[SM10] cut both ways from the bus, a node knows that it is disconnected, until it is not', async () => {
    const world = await quiet([{ kind: 'cut', node: 0, line: 'bus', way: 'both', atMs: 10, forMs: 20 }]);
    const { transport } = world.node(0).ports;
    const statuses: string[] = [];
    transport.onStatus((status) => statuses.push(`${status} ${world.nowMs}`));
    await world.advance(50);
    expect(statuses).toEqual(['disconnected 10', 'connected 30']);
  });

  it('[SM10] cut one way, only that way is lost, and nobody is told', async () => {
    for (const way of ['in', 'out'] as const) {
      const world = await quiet([{ kind: 'cut', node: 0, line: 'all', way, atMs: 10, forMs: 1_000 }]);
      const [near, far] = [world.node(0).ports, world.node(1).ports];
      const got: string[] = [];
      await world.run(near.transport.subscribe('>', () => void got.push('near')));
      await world.run(far.transport.subscribe('>', () => void got.push('far')));
      await world.advance(20);
      near.transport.publish('news', Buffer.from('x'));
      const { how } = await ending(world, near.state.seal(0, 'cut', nobody));
      expect(near.transport.status).toBe('connected');
      expect([got, how, await owner(world, 0)]).toEqual(
        way === 'in' ? [['far'], 'REPLY_LOST unknown', 'cut'] : [[], 'REPLY_LOST unknown', 'none'],
      );
      await world.advance(1_000);
      expect((await ending(world, near.state.confirm(0, nobody.epoch))).how).toBe(false);
    }
  });

  it('[SM10] of overlapping cuts each counts until its own end', async () => {
    const world = await quiet([
      { kind: 'cut', node: 0, line: 'bus', way: 'both', atMs: 10, forMs: 50 },
      { kind: 'cut', node: 0, line: 'all', way: 'in', atMs: 30, forMs: 60 },
    ]);
    const { transport } = world.node(0).ports;
    await world.advance(40);
    expect(transport.status).toBe('disconnected');
    await world.advance(30);
    expect(transport.status).toBe('connected');
    // What is said to it is still lost, until the other ends too.
    void transport.subscribe('news', () => {});
    await world.advance(10);
    expect(world.trace.entries.filter(({ kind }) => kind === 'lost')).toMatchObject([{ node: 'n1', why: 'cut' }]);
    await world.advance(20);
    await world.run(transport.subscribe('news', () => {}));
  });

  it('[SM11] a slow service answers everybody later, and past the time of a call nobody hears it', async () => {
    const world = await quiet([
      { kind: 'slow', line: 'state', atMs: 0, forMs: 100, byMs: 50 },
      { kind: 'slow', line: 'state', atMs: 200, forMs: 1_000, byMs: 300 },
    ]);
    await world.advance(1);
    const slow = await ending(world, world.node(1).ports.state.seal(0, 'slow', nobody));
    expect(slow.how).toMatchObject({ kind: 'sealed' });
    expect(Math.floor(slow.afterMs)).toBeGreaterThanOrEqual(100);
    await world.advance(120);
    const tooSlow = await ending(world, world.node(0).ports.state.seal(1, 'slower', nobody));
    expect([tooSlow.how, await owner(world, 1)]).toEqual(['REPLY_LOST unknown', 'slower']);
    await world.advance(1_000);
    expect((await ending(world, world.node(0).ports.state.confirm(0, nobody.epoch))).afterMs).toBeLessThan(3);
  });
});

describe('what befalls a store', () => {
  it('[SM12] a failover loses exactly the last acknowledged writes, and stamps rise all the same', async () => {
    for (const losing of [0, 1, 3, 4]) {
      const world = await quiet([{ kind: 'failover', line: 'state', atMs: 100, losing }]);
      const { state } = world.node(0).ports;
      const epochs: string[] = [];
      for (const shard of [0, 1, 2, 3]) {
        const sealed = await world.run(state.seal(shard, `by-${shard}`, nobody));
        // Neither a read nor a write that changed nothing counts.
        await world.run(state.seal(shard, 'another', nobody));
        await world.run(state.confirm(shard, 'x'));
        if (sealed.kind === 'sealed') epochs.push(sealed.epoch);
      }
      await world.advance(200);
      const owners = await Promise.all([0, 1, 2, 3].map((shard) => owner(world, shard)));
      expect(owners).toEqual([0, 1, 2, 3].map((shard) => (shard < 4 - losing ? `by-${shard}` : 'none')));
      const kept = (await world.stores.state.ownership([0, 1, 2, 3])).map(({ epoch }) => epoch);
      expect(kept).toEqual(epochs.map((epoch, shard) => (shard < 4 - losing ? epoch : nobody.epoch)));
      expect(world.faults[0]?.struck).toBe(true);
      if (losing === 0) continue;
      const again = await world.run(state.seal(3, 'again', nobody));
      expect(again.kind === 'sealed' && again.epoch > (epochs[3] ?? '')).toBe(true);
    }
  });

  it('[SM12] a failover that finds less to lose than it was to lose has not struck', async () => {
    const world = await quiet([{ kind: 'failover', line: 'state', atMs: 10, losing: 1 }]);
    await world.advance(20);
    expect(world.faults[0]?.struck).toBe(false);
  });

  it('[SM12] after a failover of the locks a lost grant is unknown, an older one stands, and waiters still hear', async () => {
    const world = await quiet();
    const [near, far] = world.nodes;
    if (near === undefined || far === undefined) throw new Error('two nodes');
    const kept = await world.run(near.locks.acquire('kept', { ttlMs: 60_000, renew: 'manual' }));
    const gone = await world.run(near.locks.acquire('gone', { ttlMs: 60_000, renew: 'manual' }));
    const waiting = far.locks.acquire('kept', { ttlMs: 1_000, waitMs: 30_000 });
    await world.advance(100);
    const asked = world.trace.entries.filter(({ kind, node }) => kind === 'arrive' && node === 'locks');
    const before = asked.filter((entry) => 'label' in entry && entry.label === 'request gone').length;
    expect(before).toBe(1);
    // The two writes since are the grant and the place in the queue.
    world.inflict({ kind: 'failover', line: 'locks', atMs: 0, losing: 2 });
    await world.advance(1);
    expect((await world.run(near.locks.inspect('gone'))).kind).toBe('free');
    expect(await world.run(near.locks.inspect('kept'))).toMatchObject({ kind: 'held', fence: kept.fence });
    const anew = await world.run(far.locks.acquire('gone', { ttlMs: 1_000 }));
    expect(anew.fence > gone.fence).toBe(true);
    void kept.release();
    expect((await world.run(waiting)).fence > kept.fence).toBe(true);
  });

  it('[SM7] the clock of the services jumps: stamps and terms with it', async () => {
    const world = await quiet([{ kind: 'clock', node: 'store', atMs: 100, wallMs: 5_000 }]);
    const { locks } = world.node(0);
    const lease = await world.run(locks.acquire('doc', { ttlMs: 4_000, renew: 'manual' }));
    await world.advance(200);
    expect((await world.run(locks.inspect('doc'))).kind).toBe('free');
    const next = await world.run(locks.acquire('doc', { ttlMs: 4_000 }));
    expect(next.fence > fenceOf(Number(lease.fence) + 5_000_000 - 1)).toBe(true);
  });
});

describe('what befalls a node', () => {
  it('[SM7] a node that stands still does nothing and hears nothing, and then all of it, its clock having run', async () => {
    const world = await quiet([{ kind: 'stall', node: 0, atMs: 10, forMs: 100 }]);
    const [near, far] = [world.node(0).ports, world.node(1).ports];
    const heard: string[] = [];
    await world.run(near.transport.subscribe('news', () => void heard.push(`news ${Math.floor(world.nowMs)}`)));
    const sinceMs = near.clock.nowMs();
    const atMs = world.nowMs;
    near.clock.after(50, () => heard.push(`timer ${Math.floor(world.nowMs)}`));
    await world.advance(20);
    far.transport.publish('news', Buffer.from('x'));
    await world.advance(60);
    expect(heard).toEqual([]);
    await world.advance(60);
    expect(heard).toEqual(['news 110', 'timer 110']);
    expect(near.clock.nowMs() - sinceMs).toBeCloseTo(world.nowMs - atMs, 6);
  });

  it('[SM7] clients on a node that stands still stand still too', async () => {
    const world = await quiet([{ kind: 'stall', node: 0, atMs: 10, forMs: 100 }]);
    await world.advance(20);
    const asked = world.node(0).perform({ op: 'look', key: 'k', input: null }, async () => Math.round(world.nowMs));
    expect(await world.run(asked)).toEqual({ kind: 'ok', value: 110 });
    expect(world.history.operations()).toMatchObject([{ invokedMs: 20, returnedMs: 110 }]);
  });

  it('[SM7] a machine that sleeps: its monotonic clock and timers sleep too, its wall clock does not', async () => {
    const world = await quiet([{ kind: 'sleep', node: 0, atMs: 10, forMs: 1_000 }]);
    const { clock } = world.node(0).ports;
    const [monotonicMs, wallMs] = [clock.nowMs(), clock.wallMs()];
    const rang: number[] = [];
    clock.after(50, () => rang.push(world.nowMs));
    await world.advance(1_100);
    expect(rang.map(Math.round)).toEqual([1_050]);
    expect(Math.round(clock.nowMs() - monotonicMs)).toBe(100);
    expect(clock.wallMs() - wallMs).toBe(1_100);
  });

  it('[SM7] clocks of nodes differ from the start, jump when told to, and drift', async () => {
    const world = await quiet([
      { kind: 'clock', node: 0, atMs: 10, wallMs: -3_000 },
      { kind: 'drift', node: 1, ppm: 200 },
    ]);
    const [near, far] = [world.node(0).ports.clock, world.node(1).ports.clock];
    expect(near.wallMs()).not.toBe(far.wallMs());
    const before = { wall: near.wallMs(), monotonic: near.nowMs(), far: far.nowMs() };
    await world.advance(10_000);
    expect(near.wallMs() - before.wall).toBe(7_000);
    expect(near.nowMs() - before.monotonic).toBeCloseTo(10_000, 6);
    expect(far.nowMs() - before.far).toBeCloseTo(10_002, 6);
    let rang = 0;
    far.after(1_000.2, () => {
      rang = world.nowMs;
    });
    await world.advance(2_000);
    expect(rang).toBeCloseTo(11_000, 6);
  });

  it('[SM6] a crash ends everything of the process: no timer, no answer, no message; its clients are told unknown at once', async () => {
    const world = await quiet([{ kind: 'crash', node: 0, at: { ms: 10 }, restartAfterMs: 30 }]);
    const node = world.node(0);
    const old = node.ports;
    const seen: string[] = [];
    await world.run(old.transport.subscribe('news', () => void seen.push('news')));
    old.clock.after(20, () => seen.push('timer'));
    await world.advance(9 - world.nowMs);
    const asked = node.perform({ op: 'wait', key: 'k', input: null }, () => new Promise(() => {}));
    await world.advance(1.5);
    expect([node.isUp, await asked]).toEqual([false, { kind: 'unknown' }]);
    world.node(1).ports.transport.publish('news', Buffer.from('x'));
    old.transport.publish('news', Buffer.from('from the dead'));
    old.state.seal(0, 'dead', nobody).then(
      () => seen.push('answer'),
      () => seen.push('fault'),
    );
    expect(await node.perform({ op: 'ask', key: 'k', input: null }, async () => 1)).toEqual({ kind: 'failed' });
    await world.advance(500);
    expect([seen, node.isUp, await owner(world, 0)]).toEqual([[], true, 'none']);
    expect(node.ports).not.toBe(old);
    expect(world.history.operations().map(({ outcome }) => outcome.kind)).toEqual(['unknown', 'failed']);
  });

  it('[SM6] what a process had sent before it died still arrives', async () => {
    const world = await quiet();
    const heard: string[] = [];
    await world.run(world.node(1).ports.transport.subscribe('news', ({ body }) => void heard.push(body.toString())));
    void world.node(0).ports.state.seal(0, 'last', nobody);
    world.node(0).ports.transport.publish('news', Buffer.from('last'));
    world.node(0).crash();
    await world.advance(10);
    expect([heard, await owner(world, 0)]).toEqual([['last'], 'last']);
  });

  it('[SM6] a crash can come before each thing leaves a node, after it, and as each thing reaches it', async () => {
    // Four moments of two calls, each begun when the one before is answered, then none.
    const died: string[] = [];
    for (const crossing of [1, 2, 3, 4, 5, 6, 7]) {
      const world = await quiet([{ kind: 'crash', node: 0, at: { crossing }, restartAfterMs: 'never' }]);
      const { state } = world.node(0).ports;
      let answered = 0;
      void (async () => {
        for (const shard of [0, 1]) {
          await state.seal(shard, 'x', nobody);
          answered += 1;
        }
      })();
      await world.advance(20);
      const owners = [await owner(world, 0), await owner(world, 1)].filter((by) => by === 'x').length;
      died.push(`${answered} answered, ${owners} done, ${world.node(0).isUp ? 'up' : 'down'}`);
    }
    expect(died).toEqual([
      '0 answered, 0 done, down',
      '0 answered, 1 done, down',
      '0 answered, 1 done, down',
      '1 answered, 1 done, down',
      '1 answered, 2 done, down',
      '1 answered, 2 done, down',
      '2 answered, 2 done, up',
    ]);
  });

  it('[SM6] a restarted node is a new process with a new name, takes its part again, and runs its program anew', async () => {
    const started: string[] = [];
    const program = (node: SimNode): Program => {
      started.push(`${node.name} ${node.runtime.state}`);
      return { stop: () => void started.push(`${node.name} stops`) };
    };
    const world = await World.start({ seed: 3, actors: [Ledger], program });
    const node = world.node(1);
    for (const end of ['crash', 'leave'] as const) {
      const before = node.runtime.incarnation;
      started.length = 0;
      await world.run(Promise.resolve(node[end]()));
      expect([node.isDown, started]).toEqual([true, end === 'crash' ? [] : ['n2 stops']]);
      await world.advance(100);
      node.restart();
      await world.advance(8_000);
      expect(node.runtime.incarnation).not.toBe(before);
      expect(node.runtime.shards().length).toBeGreaterThan(0);
      expect(started.at(-1)).toBe('n2 serving');
    }
  });

  it('[SM17] healing ends every fault, now and to come, and starts what is down', async () => {
    const world = await quiet([
      { kind: 'crash', node: 0, at: { ms: 1 }, restartAfterMs: 'never' },
      { kind: 'stall', node: 1, atMs: 1, forMs: 60_000 },
      { kind: 'cut', node: 0, line: 'all', way: 'both', atMs: 1, forMs: 60_000 },
      { kind: 'slow', line: 'state', atMs: 1, forMs: 60_000, byMs: 300 },
      { kind: 'crash', node: 1, at: { crossing: 1 }, restartAfterMs: 'never' },
      { kind: 'crash', node: 1, at: { ms: 100 }, restartAfterMs: 'never' },
      { kind: 'call', node: 1, line: 'state', nth: 1, what: 'refused' },
    ]);
    await world.advance(10);
    expect([world.node(0).isUp, world.node(1).isStalled]).toEqual([false, true]);
    world.heal();
    await world.advance(200);
    expect(world.nodes.map(({ isUp, isStalled }) => isUp && !isStalled)).toEqual([true, true]);
    for (const { ports } of world.nodes) {
      expect(ports.transport.status).toBe('connected');
      const { how, afterMs } = await ending(world, ports.state.confirm(0, nobody.epoch));
      expect([how, afterMs < 3]).toEqual([false, true]);
    }
    expect(world.history.sightings().map(({ kind }) => kind)).toEqual(['healed']);
    expect(world.faults.map(({ struck }) => struck)).toEqual([true, true, true, true, false, false, false]);
  });
});
