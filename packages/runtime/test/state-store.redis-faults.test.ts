// What only a real server can do to the store: forget everything, be killed, hold records of
// others, or answer too late.
import { encodeId } from '@devmentor/locks';
import { RedisLink } from '@devmentor/locks/redis';
import { expect, it } from 'vitest';
import type { ActorId } from '../src/actor-id.ts';
import { redisStores } from '../src/redis.ts';
import { ada, commitOf, fences, Owner, outcomesOf, sealed, settled, shardOf } from '../src/store-contract.fixtures.ts';
import { redisOfThisFile } from './redis-stores.fixture.ts';

const redis = redisOfThisFile();
const [low, , high] = fences;

it('[ST1] epochs and log ids rise after the store lost everything', async () => {
  const { state, log } = await redis.stores({ namespace: 'lost' });
  const before = await Owner.of(state);
  const { events } = await before.committed({ events: [{ type: 'x', data: 1 }] });
  await redis.link().command('flushall');
  await state.open();
  const after = await Owner.of(state);
  const again = await after.committed({ events: [{ type: 'x', data: 2 }] });
  expect(after.epoch > before.epoch).toBe(true);
  expect((again.events[0]?.id ?? '') > (events[0]?.id ?? '')).toBe(true);
  expect(again.events[0]?.prev).toBe('');
  expect(await log.read(ada, events[0]?.id ?? '', 9)).toEqual({ kind: 'gone', oldest: again.events[0]?.id });
});

it('[ST1] an epoch past 2^53 still rises by one, also over a carry', async () => {
  const { state } = await redis.stores({ namespace: 'far' });
  const epochs = [];
  for (const stored of ['9007199254740993', '9100000099999999', '9999999899999999']) {
    await redis.link().command('set', `far:{s3}:own`, `${stored} gone`);
    epochs.push(await sealed(state, 3, 'node-1'));
  }
  expect(epochs).toEqual(['9007199254740994', '9100000100000000', '9999999900000000']);
});

it('[ST8] ids of a topic rise when the clock of the store steps back', async () => {
  const { state } = await redis.stores({ namespace: 'step' });
  const owner = await Owner.of(state);
  const log = `step:{s${owner.shard}}:log:${ada}`;
  await redis.link().command('xadd', log, '9007199254740993-0', 'p', '', 't', 'x', 'at', '1', 'd', '1');
  const { events } = await owner.committed({
    events: [
      { type: 'x', data: 1 },
      { type: 'x', data: 2 },
    ],
  });
  expect(events.map(({ prev, id }) => [prev, id])).toEqual([
    ['9007199254740993', '9007199254740994'],
    ['9007199254740994', '9007199254740995'],
  ]);
});

it('[ST11] a record of an unknown version or of another id, or that is no record, fails alone', async () => {
  const { state } = await redis.stores({ namespace: 'bad', shards: 1 });
  const epoch = await sealed(state, 0, 'node-1');
  const ids: readonly ActorId[] = ['a:newer', 'a:other', 'a:broken', 'a:fine', 'a:guarded'];
  await redis.link().command('hset', 'bad:{s0}:actor:a:newer', 'v', '2', 'id', 'a:newer', 'version', '4');
  await redis.link().command('hset', 'bad:{s0}:actor:a:other', 'v', '1', 'id', 'a:else', 'version', '0');
  await redis.link().command('set', 'bad:{s0}:actor:a:broken', 'text');
  await redis.link().command('set', 'bad:{s0}:guard:a:guarded', `${low} a:else`);
  const events = [{ type: 'x', data: 1 }];
  // Each from a caller of its own, all in one script.
  const calls = await Promise.all(
    ids.map((id) => state.commit(0, epoch, [commitOf({ id, commitId: id, basis: 0, fence: low, events })])),
  );
  const outcomes = calls
    .flatMap(outcomesOf)
    .map((outcome) => (outcome.kind === 'refused' ? `${outcome.fault.code} ${outcome.fault.applied}` : outcome.kind));
  expect(outcomes).toEqual([
    'RECORD_VERSION_UNSUPPORTED no',
    'ID_COLLISION no',
    'RECORD_UNREADABLE unknown',
    'committed',
    'ID_COLLISION no',
  ]);
  expect((await state.peek('a:fine'))?.commitId).toBe('a:fine');
  await expect(state.load(0, epoch, 'a:newer')).rejects.toMatchObject({
    code: 'RECORD_VERSION_UNSUPPORTED',
    message: expect.stringContaining('version 2'),
  });
  await expect(state.peek('a:other')).rejects.toMatchObject({ code: 'ID_COLLISION' });
  await expect(state.guard('a:guarded')).rejects.toMatchObject({ code: 'ID_COLLISION' });
  await expect(state.admit('a:guarded', high)).rejects.toMatchObject({ code: 'ID_COLLISION' });
});

it('[ST11] an id over 150 bytes is stored under its hash, with the id itself', async () => {
  const { state } = await redis.stores({ namespace: 'long' });
  const id: ActorId = `project:${'x'.repeat(512)}`;
  const owner = await Owner.of(state, id);
  await owner.committed();
  const key = `long:{s${owner.shard}}:actor:${encodeId(id)}`;
  expect(key).toMatch(/:project:~~[\w-]{43}$/);
  expect(await redis.link().command('hget', key, 'id')).toBe(id);
});

it('[ST1] a namespace opened with another number of shards is refused, and the message names the fix', async () => {
  await redis.stores({ namespace: 'counted', shards: 16 });
  const other = redisStores({ link: redis.link(), namespace: 'counted', shards: 64 });
  const fault = { code: 'SHARDS_MISMATCH', applied: 'no', message: expect.stringContaining('shards: 16') };
  await expect(other.state.open()).rejects.toMatchObject(fault);
  await expect(other.log.append('t:1', [{ type: 'x', data: 1 }])).rejects.toMatchObject(fault);
  await expect(other.records.get('k')).rejects.toMatchObject(fault);
  await redisStores({ link: redis.link(), namespace: 'counted', shards: 16 }).state.open();
  expect(() => redisStores({ link: redis.link(), namespace: 'a{b}' })).toThrow(
    expect.objectContaining({ code: 'STORE_CONFIG' }),
  );
});

it('[ST3] commits of many callers in one tick are a script or two', async () => {
  const { state } = await redis.stores({ namespace: 'batch' });
  const ids = Array.from({ length: 100 }, (_, n): ActorId => `a:${n}`);
  const shards = [...new Set(ids.map((id) => shardOf(state, id)))];
  const epochs = new Map(
    await Promise.all(shards.map(async (shard) => [shard, await sealed(state, shard, 'node-1')] as const)),
  );
  const scripts = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(await redis.link().command('info', 'commandstats')))?.[1]);
  const commit = (id: ActorId, basis: number) =>
    state.commit(shardOf(state, id), epochs.get(shardOf(state, id)) ?? '', [commitOf({ id, commitId: 'c', basis })]);
  await commit('a:0', 0);
  const before = await scripts();
  const answers = await Promise.all(ids.map((id) => commit(id, id === 'a:0' ? 1 : 0)));
  expect(answers.flatMap(outcomesOf).filter(({ kind }) => kind === 'committed')).toHaveLength(100);
  expect((await scripts()) - before).toBeLessThanOrEqual(2);
});

it('[ST3] a shard that was taken fences its own calls and no others of the batch', async () => {
  const { state } = await redis.stores({ namespace: 'taken' });
  const [one, two] = [await Owner.of(state, 'a:1'), await Owner.of(state, 'a:2')];
  expect(one.shard).not.toBe(two.shard);
  await sealed(state, one.shard, 'node-2');
  const calls = await Promise.all(
    [one, two].map(({ shard, epoch, id }) => state.commit(shard, epoch, [commitOf({ id, commitId: 'c', basis: 0 })])),
  );
  expect(calls.map(({ kind }) => kind)).toEqual(['fenced', 'outcomes']);
});

it('[ST9] after a lost reply the record tells that the commit is in it', async () => {
  const { state } = await redis.stores({ namespace: 'late' });
  const owner = await Owner.of(state);
  const link = RedisLink.open({ redis: redis.backend().url, commandTimeoutMs: 150 });
  const impatient = redisStores({ link, namespace: 'late' }).state;
  await impatient.confirm(owner.shard, owner.epoch);
  redis.backend().pause();
  const commit = commitOf({ id: ada, commitId: 'lost', basis: 0, settles: [settled(1, 1, 'done')] });
  await expect(impatient.commit(owner.shard, owner.epoch, [commit])).rejects.toMatchObject({
    code: 'REPLY_LOST',
    applied: 'unknown',
  });
  redis.backend().resume();
  expect((await owner.record()).commitId).toBe('lost');
  expect(outcomesOf(await state.commit(owner.shard, owner.epoch, [commit]))).toEqual([
    { kind: 'conflict', version: 1, commitId: 'lost' },
  ]);
  await link.close();
});

it('[ST3] a server that refuses to write fails the commit before anything of it is stored', async () => {
  const { state } = await redis.stores({ namespace: 'full' });
  const owner = await Owner.of(state);
  await redis.link().command('config', 'set', 'maxmemory', '1');
  const committing = owner.commit({ fence: high, events: [{ type: 'x', data: 1 }] });
  await expect(committing).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    applied: 'no',
    message: expect.stringContaining('OOM'),
  });
  await redis.link().command('config', 'set', 'maxmemory', '0');
  expect(await state.peek(ada)).toBeUndefined();
  expect(await state.guard(ada)).toMatch(/^0{16}$/);
});
