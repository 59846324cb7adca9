// What every StateStore does, whoever wrote it. Give it a harness that opens stores over empty
// namespaces; the rules are those of state-store.ts.
import { describe, expect, it } from 'vitest';
import type { ActorId } from './actor-id.ts';
import type { Json } from './json.ts';
import { settlementContract } from './state-store.settlement.contract.ts';
import type { Ownership } from './state-store.ts';
import type { StateAndLog, StoreHarness } from './store-contract.fixtures.ts';
import { ada, commitOf, fences, hostileIds, Owner, outcomesOf, sealed, shardOf } from './store-contract.fixtures.ts';

export type StateStoreHarness = StoreHarness<StateAndLog>;

const [low, middle, high] = fences;

export function stateStoreContract(harness: StateStoreHarness): void {
  describe('StateStore contract', () => {
    ownershipRules(harness);
    commitRules(harness);
    guardRules(harness);
    settlementContract(harness);
    inputRules(harness);
  });
}

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

  it('[ST2] an owner that yielded its shard commits no more', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    await state.yield(owner.shard, owner.epoch);
    expect(await state.confirm(owner.shard, owner.epoch)).toBe(false);
    const answer = await state.commit(owner.shard, owner.epoch, [commitOf({ id: ada, commitId: 'x', basis: 0 })]);
    expect(answer).toEqual({ kind: 'fenced', own: { incarnation: 'none', epoch: owner.epoch } });
  });
}

function commitRules(harness: StateStoreHarness): void {
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
      nextOut: { 'user:bob': 2, 'user:cy': 2 },
      cursor,
    });
    expect(await state.peek(ada)).toEqual(record);
    expect(await log.last(ada)).toBe(cursor);
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

  it('[ST3] a commit replaces the timers and takes rows out of the outbox, numbers run on', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    const row = (n: number) => ({ n, to: 'user:bob', event: n }) as const;
    await owner.committed({
      timers: [{ id: 't', generation: 1, dueAtMs: 5_000, event: 1 }],
      outbox: { add: [row(1), row(2)], remove: [] },
    });
    await owner.committed({ outbox: { add: [], remove: [row(1)] } });
    expect(await owner.record()).toMatchObject({ timers: [], outbox: [row(2)], nextOut: { 'user:bob': 3 } });
    await owner.committed({ outbox: { add: [row(3)], remove: [row(2), row(3)].slice(0, 1) } });
    expect(await owner.record()).toMatchObject({ outbox: [row(3)], nextOut: { 'user:bob': 4 } });
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

function inputRules(harness: StateStoreHarness): void {
  it('[ST11] a snapshot that is not JSON is refused with the path, its neighbours are stored', async () => {
    const { state } = await harness.open({ shards: 1 });
    const epoch = await sealed(state, 0, 'node-1');
    const snapshot = { context: { list: [1, Number.NaN] } };
    const commits = [
      commitOf({ id: 'a:1', commitId: 'x', basis: 0, snapshot }),
      commitOf({ id: 'a:2', commitId: 'y', basis: 0 }),
    ];
    const [refused, stored] = outcomesOf(await state.commit(0, epoch, commits));
    expect(refused).toMatchObject({
      kind: 'refused',
      fault: { code: 'NOT_JSON', applied: 'no', message: expect.stringContaining('snapshot.context.list[1]') },
    });
    expect(stored?.kind).toBe('committed');
    expect(await state.peek('a:1')).toBeUndefined();
  });

  it('[ST11] what is over its limit is refused with the path', async () => {
    const { state } = await harness.open({ limits: { snapshotBytes: 1_000, messageBytes: 100 } });
    const owner = await Owner.of(state);
    const long = 'é'.repeat(60);
    const row = { n: 1, to: 'user:bob', event: long } as const;
    const tooMuch = [
      { snapshot: long.repeat(9) },
      { settles: [{ sender: 's', n: 1, floor: 1, reply: long }] },
      { outbox: { add: [row], remove: [] } },
      { events: [{ type: 'x', data: long }] },
    ];
    const outcomes = await Promise.all(tooMuch.map((parts) => owner.commit(parts)));
    const messages = outcomes.map((outcome) =>
      outcome.kind === 'refused' ? `${outcome.fault.code} ${outcome.fault.message}` : outcome.kind,
    );
    expect(messages.map((message) => message.split(' is ')[0])).toEqual([
      'TOO_LARGE snapshot',
      'TOO_LARGE settles[0].reply',
      'TOO_LARGE outbox[0].event',
      'TOO_LARGE events[0].data',
    ]);
    await owner.committed({ snapshot: 'é'.repeat(499) });
  });

  it('[ST11] a snapshot of 1 MiB of JSON is stored, one byte more is refused', async () => {
    const { state } = await harness.open();
    const owner = await Owner.of(state);
    const text = 'x'.repeat(1024 * 1024 - 2);
    expect((await owner.commit({ snapshot: `${text}y` })).kind).toBe('refused');
    await owner.committed({ snapshot: text });
    expect((await owner.record()).snapshot).toBe(text);
  });

  it('[ST11] an id that cannot be stored is refused', async () => {
    const { state } = await harness.open({ shards: 1 });
    const id: ActorId = 'project:\ud800';
    const epoch = await sealed(state, 0, 'node-1');
    const [refused] = outcomesOf(await state.commit(0, epoch, [commitOf({ id, commitId: 'x', basis: 0 })]));
    expect(refused).toMatchObject({ kind: 'refused', fault: { code: 'ID_REJECTED', applied: 'no' } });
    await expect(state.admit(id, low)).rejects.toMatchObject({ code: 'ID_REJECTED' });
    await expect(state.peek(id)).rejects.toMatchObject({ code: 'ID_REJECTED' });
  });

  it('[ST12] changing what was handed in or out changes nothing stored', async () => {
    const { state, log } = await harness.open();
    const owner = await Owner.of(state);
    const snapshot: { list: number[] } = { list: [1] };
    const data: { list: number[] } = { list: [1] };
    await owner.committed({ snapshot, events: [{ type: 'x', data }] });
    snapshot.list.push(2);
    data.list.push(2);
    const out = (await owner.record()).snapshot as { list: number[] };
    out.list.push(3);
    expect((await owner.record()).snapshot).toEqual({ list: [1] });
    expect(await log.read(ada, '', 1)).toMatchObject({ events: [{ data: { list: [1] } }] });
  });

  it.each(
    hostileIds.map((id) => [id.length > 40 ? `${id.slice(0, 20)}…${id.length}…${id.slice(-1)}` : id, id] as const),
  )('[ST3] an actor named %j keeps to itself', async (_, id) => {
    const { state, log } = await harness.open();
    const mine = { says: id } satisfies Json;
    for (const other of hostileIds) if (other !== id) await state.admit(other, high);
    const owner = await Owner.of(state, id);
    const row = { n: 1, to: id, event: mine };
    await owner.committed({
      snapshot: mine,
      fence: low,
      settles: [{ sender: id, n: 1, floor: 1, reply: mine }],
      timers: [{ id, generation: 1, dueAtMs: 7, event: mine }],
      outbox: { add: [row], remove: [] },
      events: [{ type: id, data: mine }],
    });
    expect(await owner.record()).toMatchObject({
      id,
      snapshot: mine,
      outbox: [row],
      nextOut: Object.fromEntries([[id, 2]]),
    });
    expect(await state.pending(owner.shard, owner.epoch)).toMatchObject({
      timers: [{ id, dueAtMs: 7 }],
      outboxes: [id],
    });
    expect(await log.read(id, '', 9)).toMatchObject({ events: [{ topic: id, type: id, data: mine }] });
    expect(await owner.commit({ settles: [{ sender: id, n: 1, floor: 1 }] })).toEqual({
      kind: 'duplicate',
      settled: [{ sender: id, n: 1, reply: mine }],
    });
    const others = await Promise.all(hostileIds.filter((other) => other !== id).map((other) => state.peek(other)));
    expect(others.filter((record) => record !== undefined)).toEqual([]);
    expect(shardOf(state, id)).toBe(owner.shard);
  });
}

const unowned: Ownership = { incarnation: 'none', epoch: '0000000000000000' };
