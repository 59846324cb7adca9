// The part of the StateStore suite about commits.
import { expect, it } from 'vitest';
import type { ActorId } from './actor-id.ts';
import { ada, commitOf, fences, Owner, outcomesOf, type StateStoreHarness, sealed } from './store-contract.fixtures.ts';

const [low, , high] = fences;

export function commitRules(harness: StateStoreHarness): void {
  it('[ST3] a commit stores snapshot, timers, outbox and events together', async () => {
    const { state, log } = await harness.open();
    const owner = await Owner.of(state);
    const timers = [
      { id: 'late', generation: 2, dueAtMs: 9_000, event: { type: 'late' } },
      { id: 'soon', generation: 1, dueAtMs: 5_000, event: { type: 'soon' } },
    ];
    const add = [
      { n: 1, to: 'user:bob', event: { type: 'hello' } },
      { n: 1, to: 'user:cy', event: { type: 'hello' } },
    ] as const;
    const snapshot = { value: { editing: 'now' }, context: { title: 'Ünï', empty: {}, none: [], n: 0.1 } };
    const { version, events } = await owner.committed({
      machineVersion: 3,
      snapshot,
      timers,
      outbox: { add, remove: [] },
      events: [{ type: 'made', data: { by: 'ada' } }],
    });
    const record = await owner.record();
    const cursor = events[0]?.id;
    expect(record).toEqual({
      id: ada,
      version,
      machineVersion: 3,
      commitId: `${owner.epoch}:1`,
      snapshot,
      timers,
      outbox: add,
      cursor,
    });
    expect(await state.peek(ada)).toEqual(record);
    expect(await log.last(ada)).toBe(cursor);
  });

  it('[TP4] timers and outbox rows keep the trace context they were given', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const timers = [{ id: 'soon', generation: 1, dueAtMs: 5_000, event: { type: 'soon' }, traceparent }];
    const add = [
      { n: 1, to: 'user:bob', event: { type: 'hello', say: 'Ünï 00-' }, traceparent },
      { n: 2, to: 'user:bob', event: { type: 'hello' } },
    ] as const;
    await owner.committed({ timers, outbox: { add, remove: [] } });
    expect(await owner.record()).toMatchObject({ timers, outbox: add });
    await owner.committed({ outbox: { add: [], remove: add } });
    expect(await owner.record()).toMatchObject({ timers: [], outbox: [] });
  });

  it('[ST3] one commit of a call that is turned away leaves the others untouched', async () => {
    const { state } = await harness.open({ shards: 1 });
    const ids: readonly ActorId[] = ['a:1', 'a:2', 'a:3', 'a:4'];
    const epoch = await sealed(state, 0, 'node-1');
    await state.admit('a:3', high);
    const commits = ids.map((id, i) =>
      commitOf({ id, commitId: `c${i}`, basis: id === 'a:2' ? 7 : 0, snapshot: id, fence: low }),
    );
    const outcomes = outcomesOf(await state.commit(0, epoch, commits));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['committed', 'conflict', 'stale', 'committed']);
    expect((await Promise.all(ids.map((id) => state.peek(id)))).map((record) => record?.snapshot)).toEqual([
      'a:1',
      undefined,
      undefined,
      'a:4',
    ]);
  });

  it('[ST3] a commit replaces the timers and takes rows out of the outbox', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    const row = (n: number) => ({ n, to: 'user:bob', event: n }) as const;
    await owner.committed({
      timers: [{ id: 't', generation: 1, dueAtMs: 5_000, event: 1 }],
      outbox: { add: [row(1), row(2)], remove: [] },
    });
    await owner.committed({ outbox: { add: [], remove: [row(1)] } });
    expect(await owner.record()).toMatchObject({ timers: [], outbox: [row(2)] });
    await owner.committed({ outbox: { add: [row(3)], remove: [row(2), row(3)].slice(0, 1) } });
    expect(await owner.record()).toMatchObject({ outbox: [row(3)] });
  });

  it('[ST3] what is pending in a shard is its actors with timers and with outboxes', async () => {
    const { state } = await harness.open({ shards: 1 });
    const epoch = await sealed(state, 0, 'node-1');
    const timer = (dueAtMs: number) => ({ id: `t${dueAtMs}`, generation: 1, dueAtMs, event: null });
    const row = { n: 1, to: 'user:bob', event: null } as const;
    const commit = (id: ActorId, basis: number, parts: object) =>
      state.commit(0, epoch, [commitOf({ id, commitId: `${id}${basis}`, basis, ...parts })]);
    await commit('a:plain', 0, {});
    await commit('a:timer', 0, { timers: [timer(9_000), timer(4_000)] });
    await commit('a:outbox', 0, { outbox: { add: [row], remove: [] } });
    await commit('a:done', 0, { timers: [timer(1)], outbox: { add: [row], remove: [] } });
    await commit('a:done', 1, { outbox: { add: [], remove: [row] } });
    await commit('a:moved', 0, { timers: [timer(1)] });
    await commit('a:moved', 1, { timers: [timer(2)] });
    const pending = await state.pending(0, epoch);
    if (pending.kind !== 'pending') throw new Error('expected what is pending');
    expect(pending.timers.toSorted((a, b) => b.dueAtMs - a.dueAtMs)).toEqual([
      { id: 'a:timer', dueAtMs: 4_000 },
      { id: 'a:moved', dueAtMs: 2 },
    ]);
    expect(pending.outboxes).toEqual(['a:outbox']);
    expect(pending.nowMs).toBeGreaterThan(1_600_000_000_000);
  });

  it('[ST4] a commit on another version answers the stored commit and changes nothing', async () => {
    const { state, log } = await harness.open();
    const owner = await Owner.of(state);
    await owner.committed({ commitId: 'first', snapshot: 1 });
    const late = {
      snapshot: 2,
      events: [{ type: 'x', data: 1 }],
      fence: high,
      settles: [{ sender: 's', n: 1, floor: 1 }],
    };
    expect(await owner.commit({ basis: 0, ...late })).toEqual({ kind: 'conflict', version: 1, commitId: 'first' });
    expect(await owner.commit({ basis: 2, ...late })).toEqual({ kind: 'conflict', version: 1, commitId: 'first' });
    expect((await owner.record()).snapshot).toBe(1);
    expect(await log.last(ada)).toBe('');
    expect(await state.guard(ada)).toMatch(/^0{16}$/);
  });

  it('[ST4] of commits to one actor in one call, on one version, the first is stored', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    const commits = ['x', 'y', 'z'].map((commitId) => commitOf({ id: ada, commitId, basis: 0, snapshot: commitId }));
    const outcomes = outcomesOf(await state.commit(owner.shard, owner.epoch, commits));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['committed', 'conflict', 'conflict']);
    expect((await owner.record()).commitId).toBe('x');
  });

  it('[ST8] events of commits are linked, and their ids increase', async () => {
    const { state, log } = await harness.open();
    const owner = await Owner.of(state);
    const event = (data: number) => ({ type: 'counted', data });
    const first = await owner.committed({ events: [event(1), event(2)] });
    await owner.committed();
    const second = await owner.committed({ events: [event(3)] });
    const events = [...first.events, ...second.events];
    expect(events.map(({ prev }) => prev)).toEqual(['', events[0]?.id, events[1]?.id]);
    expect(events.map(({ id }) => id)).toEqual(events.map(({ id }) => id).toSorted());
    expect(await log.read(ada, '', 10)).toEqual({ kind: 'events', events });
    expect((await owner.record()).cursor).toBe(events[2]?.id);
  });

  it('[ST9] the stored record names the last commit that was applied', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    expect(await state.load(owner.shard, owner.epoch, ada)).toEqual({ kind: 'absent' });
    await owner.committed({ commitId: 'one' });
    await owner.commit({ commitId: 'two', basis: 9 });
    expect((await owner.record()).commitId).toBe('one');
  });
}
