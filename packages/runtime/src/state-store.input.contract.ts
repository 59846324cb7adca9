// The part of the StateStore suite about what is stored as it is, and what is refused.
import { expect, it } from 'vitest';
import type { ActorId } from './actor-id.ts';
import type { Json } from './json.ts';
import {
  ada,
  commitOf,
  fences,
  hostileIds,
  Owner,
  outcomesOf,
  type StateStoreHarness,
  sealed,
  shardOf,
} from './store-contract.fixtures.ts';

const [low, , high] = fences;

export function inputRules(harness: StateStoreHarness): void {
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
