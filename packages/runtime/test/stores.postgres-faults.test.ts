// What only a real server can do to the stores: wait for others, end a connection, stand still, be
// killed, forget everything.
import { systemClock } from '@devmentor/locks';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import type { ActorId } from '../src/actor-id.ts';
import { postgresStores } from '../src/postgres.ts';
import { ada, commitOf, fences, Owner, outcomesOf, sealed, settled, shardOf } from '../src/store-contract.fixtures.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';

const postgres = postgresOfThisFile({ config: { max_connections: '60' } });
const [low, middle, high] = fences;

/** A transaction of somebody else, in the schema of a namespace. */
async function somebodyElse(namespace: string) {
  const client = new Client({ connectionString: postgres.backend().url, options: `-c search_path="${namespace}"` });
  await client.connect();
  await client.query('BEGIN');
  return {
    does: (text: string) => client.query(text),
    async [Symbol.asyncDispose]() {
      await client.query('ROLLBACK');
      await client.end();
    },
  };
}

/** Resolves once a statement of ours waits for a lock. */
async function somebodyWaits(): Promise<void> {
  const waiting = `SELECT pid FROM pg_stat_activity WHERE application_name = 'devmentor' AND wait_event_type = 'Lock'`;
  await expect.poll(() => postgres.sql(waiting), { timeout: 3_000, interval: 10 }).not.toEqual([]);
}

describe('what others do meanwhile', () => {
  it('[ST2] [PG1] a shard that is taken between the reading and the writing of a commit fences it', async () => {
    const { state, log } = await postgres.stores({ namespace: 'taken' });
    const owner = await Owner.of(state);
    await using other = await somebodyElse('taken');
    const own = { incarnation: 'node-2', epoch: '9999000000000000' };
    await other.does(`UPDATE shard SET incarnation = 'node-2', epoch = '${own.epoch}' WHERE shard = ${owner.shard}`);
    const commit = commitOf({ id: ada, commitId: 'late', basis: 0, fence: high, events: [{ type: 'x', data: 1 }] });
    const committing = state.commit(owner.shard, owner.epoch, [commit]);
    await somebodyWaits();
    await other.does('COMMIT');
    expect(await committing).toEqual({ kind: 'fenced', own });
    expect(await state.peek(ada)).toBeUndefined();
    expect(await state.guard(ada)).toMatch(/^0{16}$/);
    expect(await log.last(ada)).toBe('');
  });

  it('[ST5] a guard that is raised between the reading and the writing of a commit makes it stale', async () => {
    const { state } = await postgres.stores({ namespace: 'raised' });
    const owner = await Owner.of(state);
    await state.admit(ada, low);
    await using other = await somebodyElse('raised');
    await other.does(`UPDATE guard SET fence = '${high}' WHERE actor = '${ada}'`);
    const committing = owner.commit({ fence: middle });
    await somebodyWaits();
    await other.does('COMMIT');
    expect(await committing).toEqual({ kind: 'stale', guard: high });
    expect(await state.peek(ada)).toBeUndefined();
  });

  it('[PG2] a commit that was undone by a deadlock is made again, once', async () => {
    const { state } = await postgres.stores({ namespace: 'deadlock' });
    const owner = await Owner.of(state);
    await owner.committed({ fence: low });
    await using other = await somebodyElse('deadlock');
    // The commit waits first, so it is the one whose time is up when the circle has closed.
    await other.does(`UPDATE guard SET fence = fence WHERE actor = '${ada}'`);
    const committing = owner.committed({ fence: middle, events: [{ type: 'x', data: 1 }] });
    await somebodyWaits();
    await other.does(`UPDATE actor SET snapshot = snapshot WHERE id = '${ada}'`);
    await other.does('COMMIT');
    const { version, events } = await committing;
    expect([version, events.length]).toEqual([2, 1]);
    const [row] = await postgres.sql(`SELECT deadlocks::int FROM pg_stat_database WHERE datname = 'postgres'`);
    expect(Number(row?.deadlocks)).toBeGreaterThanOrEqual(1);
  });

  it('[PG3] a row that somebody holds for long fails the commit with nothing written', async () => {
    const { state } = await postgres.stores({ namespace: 'held', commandTimeoutMs: 300 });
    const owner = await Owner.of(state);
    await owner.committed();
    await using other = await somebodyElse('held');
    await other.does(`UPDATE actor SET snapshot = snapshot WHERE id = '${ada}'`);
    await expect(owner.commit()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', applied: 'no' });
    await other.does('COMMIT');
    expect((await owner.record()).version).toBe(1);
  });

  it('[PG4] what the server cannot write is not applied, and nothing of the group is stored', async () => {
    const { state } = await postgres.stores({ namespace: 'nodisk' });
    const owner = await Owner.of(state);
    await postgres.sql(`CREATE FUNCTION nodisk.full() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON nodisk.event EXECUTE FUNCTION nodisk.full()`);
    const committing = owner.commit({ fence: high, events: [{ type: 'x', data: 1 }] });
    await expect(committing).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      applied: 'no',
      message: expect.stringContaining('disk full'),
    });
    expect(await state.peek(ada)).toBeUndefined();
    expect(await state.guard(ada)).toMatch(/^0{16}$/);
  });
});

describe('what is remembered', () => {
  it('[RA1] what another process wrote meanwhile is not overlooked', async () => {
    const one = (await postgres.stores({ namespace: 'memory' })).state;
    const two = (await postgres.stores({ namespace: 'memory' })).state;
    const first = await Owner.of(one, ada, 'one');
    await first.committed({ settles: [settled(1, 1, 'a')] });
    const second = await Owner.of(two, ada, 'two');
    second.version = first.version;
    await second.committed({ settles: [settled(2, 1, 'b')] });
    const late = commitOf({ id: ada, commitId: 'late', basis: first.version, snapshot: 'late' });
    expect(await one.commit(first.shard, first.epoch, [late])).toMatchObject({ kind: 'fenced' });
    const third = await Owner.of(one, ada, 'one');
    third.version = second.version;
    expect(await third.commit({ settles: [settled(2, 1)] })).toEqual({
      kind: 'duplicate',
      settled: [{ sender: 'node-1', n: 2, reply: 'b' }],
    });
    await third.committed({ settles: [settled(3, 1, 'c')] });
    expect(await third.commit({ settles: [settled(1, 1), settled(3, 1)] })).toMatchObject({
      settled: [
        { n: 1, reply: 'a' },
        { n: 3, reply: 'c' },
      ],
    });
  });

  it('[RA1] many actors, and many replies, are more than is remembered, and lose nothing', async () => {
    const { state } = await postgres.stores({ namespace: 'crowded', shards: 1 });
    const owner = await Owner.of(state);
    const reply = 'x'.repeat(1_000);
    for (let n = 1; n <= 10; n++) await owner.committed({ settles: [settled(n, 1, reply)] });
    expect(await owner.commit({ settles: [settled(10, 1), settled(1, 1)] })).toMatchObject({
      settled: [
        { n: 10, reply },
        { n: 1, reply },
      ],
    });
    const epoch = owner.epoch;
    const commits = Array.from({ length: 10_100 }, (_, n) => commitOf({ id: `a:${n}`, commitId: 'c', basis: 0 }));
    await state.commit(0, epoch, commits);
    const again = await state.commit(
      0,
      epoch,
      commits.slice(0, 300).map((commit) => ({ ...commit, basis: 1 })),
    );
    expect(outcomesOf(again).filter(({ kind }) => kind === 'committed')).toHaveLength(300);
  });
});

describe('groups', () => {
  it('[ST3] commits of many callers in one tick are one transaction', async () => {
    const { state } = await postgres.stores({ namespace: 'batch' });
    const ids = Array.from({ length: 100 }, (_, n): ActorId => `a:${n}`);
    const shards = [...new Set(ids.map((id) => shardOf(state, id)))];
    const epochs = new Map(
      await Promise.all(shards.map(async (shard) => [shard, await sealed(state, shard, 'node-1')] as const)),
    );
    const answers = await Promise.all(
      ids.map((id) =>
        state.commit(shardOf(state, id), epochs.get(shardOf(state, id)) ?? '', [
          commitOf({ id, commitId: 'c', basis: 0 }),
        ]),
      ),
    );
    expect(answers.flatMap(outcomesOf).filter(({ kind }) => kind === 'committed')).toHaveLength(100);
    expect(await postgres.sql('SELECT count(DISTINCT xmin::text)::int AS n FROM batch.actor')).toEqual([{ n: 1 }]);
  });

  it('[CQ1] commits of one actor take effect in the order they came', async () => {
    const { state } = await postgres.stores({ namespace: 'order' });
    const owner = await Owner.of(state);
    const commits = Array.from({ length: 5 }, (_, basis) => commitOf({ id: ada, commitId: `c${basis}`, basis }));
    const answers = await Promise.all([
      state.commit(owner.shard, owner.epoch, commits.slice(0, 3)),
      ...commits.slice(3).map((commit) => state.commit(owner.shard, owner.epoch, [commit])),
    ]);
    expect(answers.flatMap(outcomesOf).map((outcome) => outcome.kind === 'committed' && outcome.version)).toEqual([
      1, 2, 3, 4, 5,
    ]);
  });

  it('[CQ2] a text that PostgreSQL cannot hold is refused alone', async () => {
    const { state, log } = await postgres.stores({ namespace: 'nul', shards: 1 });
    const epoch = await sealed(state, 0, 'node-1');
    const nul = commitOf({ id: 'a:nul', commitId: 'c', basis: 0, events: [{ type: 'x\0', data: 1 }] });
    const fine = commitOf({
      id: 'a:fine',
      commitId: 'c',
      basis: 0,
      snapshot: 'x\0',
      events: [{ type: 'x', data: '\0' }],
    });
    const outcomes = outcomesOf(await state.commit(0, epoch, [nul, fine]));
    expect(outcomes).toMatchObject([{ kind: 'refused', fault: { code: 'ID_REJECTED' } }, { kind: 'committed' }]);
    expect((await state.peek('a:fine'))?.snapshot).toBe('x\0');
    expect(await state.peek('a:nul')).toBeUndefined();
    await expect(log.append('t:1', [{ type: 'x\0', data: 1 }])).rejects.toMatchObject({ code: 'ID_REJECTED' });
  });

  it('[ST3] a shard that was taken fences its own calls and no others of the batch', async () => {
    const { state } = await postgres.stores({ namespace: 'both' });
    const [one, two] = [await Owner.of(state, 'a:1'), await Owner.of(state, 'a:2')];
    expect(one.shard).not.toBe(two.shard);
    await sealed(state, one.shard, 'node-2');
    const calls = await Promise.all(
      [one, two].map(({ shard, epoch, id }) => state.commit(shard, epoch, [commitOf({ id, commitId: 'c', basis: 0 })])),
    );
    expect(calls.map(({ kind }) => kind)).toEqual(['fenced', 'outcomes']);
  });
});

describe('the server', () => {
  it('[ST9] [PG4] after a connection that ended under a commit the record tells what became of it', async () => {
    const { state } = await postgres.stores({ namespace: 'ended' });
    const owner = await Owner.of(state);
    await owner.committed();
    await using other = await somebodyElse('ended');
    await other.does(`UPDATE actor SET snapshot = snapshot WHERE id = '${ada}'`);
    const committing = owner.commit({ commitId: 'lost' });
    const lost = expect(committing).rejects.toMatchObject({ code: 'REPLY_LOST', applied: 'unknown' });
    await somebodyWaits();
    await postgres.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'devmentor' AND wait_event_type = 'Lock'`,
    );
    await lost;
    await other.does('COMMIT');
    expect((await owner.record()).commitId).not.toBe('lost');
    expect(await owner.commit({ commitId: 'lost' })).toMatchObject({ kind: 'committed', version: 2 });
  });

  it('[ST9] [PG3] while the server stands still everything settles; a commit may be in it, and the record tells', async () => {
    const { state } = await postgres.stores({ namespace: 'still' });
    const owner = await Owner.of(state);
    const impatient = (await postgres.stores({ namespace: 'still', connections: 2, commandTimeoutMs: 150 })).state;
    await Promise.all([impatient.confirm(owner.shard, owner.epoch), impatient.peek(ada)]);
    const commit = commitOf({ id: ada, commitId: 'lost', basis: 0, settles: [settled(1, 1, 'done')] });
    await using other = await somebodyElse('still');
    await other.does(`SELECT FROM shard WHERE shard = ${owner.shard} FOR UPDATE`);
    const committing = impatient.commit(owner.shard, owner.epoch, [commit]);
    const answer = expect(committing).rejects.toMatchObject({ applied: expect.stringMatching(/^(unknown|no)$/) });
    await somebodyWaits();
    postgres.backend().pause();
    const read = expect(impatient.peek(ada)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', applied: 'no' });
    const write = expect(impatient.admit(ada, low)).rejects.toMatchObject({ applied: expect.any(String) });
    await Promise.all([answer, read, write]);
    postgres.backend().resume();
    await other.does('ROLLBACK');
    const record = await state.peek(ada);
    const again = outcomesOf(await state.commit(owner.shard, owner.epoch, [commit]));
    expect(again).toMatchObject([
      record === undefined ? { kind: 'committed', version: 1 } : { kind: 'conflict', version: 1, commitId: 'lost' },
    ]);
  });

  it('[PG3] beyond 16,384 statements that wait for a connection, more are refused', async () => {
    const { state } = await postgres.stores({ namespace: 'crowd', connections: 1, commandTimeoutMs: 200 });
    postgres.backend().pause();
    const answers = Promise.allSettled(Array.from({ length: 16_400 }, () => state.guard(ada)));
    const reasons = (await answers).map((answer) => answer.status === 'rejected' && String(answer.reason.message));
    postgres.backend().resume();
    expect(reasons.filter((reason) => reason === false)).toEqual([]);
    expect(reasons.filter((reason) => String(reason).includes('16384 statements waiting')).length).toBeGreaterThan(0);
    expect(await state.guard(ada)).toMatch(/^0{16}$/);
  });

  it('[PG5] a commit is on the disk when it is answered, also where the server is set to say so before', async () => {
    await postgres.sql('ALTER DATABASE postgres SET synchronous_commit = off');
    const lax = (await postgres.stores({ namespace: 'lax' })).database;
    await postgres.sql('ALTER DATABASE postgres SET synchronous_commit = remote_apply');
    const strict = (await postgres.stores({ namespace: 'strict' })).database;
    const shown = { name: 'shown', text: 'SHOW synchronous_commit' };
    expect(await lax.read(shown, [])).toEqual([{ synchronous_commit: 'on' }]);
    expect(await strict.read(shown, [])).toEqual([{ synchronous_commit: 'remote_apply' }]);
    await postgres.sql('ALTER DATABASE postgres RESET synchronous_commit');
  });

  it('[ST1] epochs and log ids rise after the store lost everything', async () => {
    const { state, log } = await postgres.stores({ namespace: 'lost' });
    const before = await Owner.of(state);
    const { events } = await before.committed({ events: [{ type: 'x', data: 1 }] });
    await postgres.sql('DROP SCHEMA lost CASCADE');
    await expect(before.commit()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', applied: 'no' });
    await state.open();
    const after = await Owner.of(state);
    const again = await after.committed({ events: [{ type: 'x', data: 2 }] });
    expect(after.epoch > before.epoch).toBe(true);
    expect((again.events[0]?.id ?? '') > (events[0]?.id ?? '')).toBe(true);
    expect(again.events[0]?.prev).toBe('');
    expect(await log.read(ada, events[0]?.id ?? '', 9)).toEqual({ kind: 'gone', oldest: again.events[0]?.id });
  });

  it('[ST1] [ST8] epochs and ids past 2^53 rise by one, and when the clock of the store steps back', async () => {
    const { state, log } = await postgres.stores({ namespace: 'far' });
    const owner = await Owner.of(state);
    await owner.committed({ events: [{ type: 'x', data: 0 }] });
    await postgres.sql(`UPDATE far.topic SET last = 9007199254740993;
      UPDATE far.shard SET epoch = '9999999899999999' WHERE shard = ${owner.shard}`);
    const next = await Owner.of(state);
    next.version = 1;
    expect(next.epoch).toBe('9999999900000000');
    const { events } = await next.committed({ events: [1, 2].map((data) => ({ type: 'x', data })) });
    expect(events.map(({ prev, id }) => [prev, id])).toEqual([
      ['9007199254740993', '9007199254740994'],
      ['9007199254740994', '9007199254740995'],
    ]);
    expect(await log.read(ada, '9007199254740994', 9)).toEqual({ kind: 'events', events: events.slice(1) });
    expect(await log.read(ada, 'no cursor', 9)).toMatchObject({ kind: 'gone' });
  });

  it('[LO1] [LO2] appends of several processes to one topic have one order, and a reader misses none', async () => {
    const one = await postgres.stores({ namespace: 'appends' });
    const two = await postgres.stores({ namespace: 'appends' });
    let writing = true;
    const written = Promise.all(
      [one, two].flatMap(({ log }, process) =>
        Array.from({ length: 60 }, (_, n) => log.append('t:1', [{ type: 'x', data: { process, n } }])),
      ),
    ).finally(() => {
      writing = false;
    });
    const seen: string[] = [];
    for (let last = false; ; last = !writing) {
      const page = await two.log.read('t:1', seen.at(-1) ?? '', 1_000);
      if (page.kind !== 'events') throw new Error('nothing is dropped');
      for (const { prev, id } of page.events) {
        expect(prev).toBe(seen.at(-1) ?? '');
        seen.push(id);
      }
      if (last) break;
    }
    expect(seen).toEqual(
      (await written)
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    );
  });
});

describe('opening', () => {
  it('[PG6] processes that open a new namespace at once make one schema', async () => {
    const opened = await Promise.all(
      Array.from({ length: 6 }, () => postgres.stores({ namespace: 'at-once', connections: 1 })),
    );
    const owners = await Promise.all(opened.map(({ state }) => state.ownership([1])));
    expect(new Set(owners.map((own) => JSON.stringify(own))).size).toBe(1);
  });

  it('[PG6] a schema of a newer release is refused before any change', async () => {
    await postgres.stores({ namespace: 'newer' });
    await postgres.sql(`UPDATE newer.meta SET value = '99' WHERE name = 'schema'`);
    await expect(postgres.stores({ namespace: 'newer' })).rejects.toMatchObject({
      code: 'RECORD_VERSION_UNSUPPORTED',
      message: expect.stringContaining('99'),
    });
  });

  it('[ST1] another number of shards is refused, and the message names the fix', async () => {
    await postgres.stores({ namespace: 'counted', shards: 16 });
    await expect(postgres.stores({ namespace: 'counted', shards: 64 })).rejects.toMatchObject({
      code: 'SHARDS_MISMATCH',
      message: expect.stringContaining('shards: 16'),
    });
  });

  it('[PG6] what cannot be used is told from what cannot be reached', async () => {
    const open = (url: string, namespace = 'other') =>
      postgresStores({ postgres: url, namespace, clock: systemClock, commandTimeoutMs: 1_000 });
    const { url } = postgres.backend();
    await expect(open(url, 'a{b}')).rejects.toMatchObject({ code: 'STORE_CONFIG' });
    await expect(open(url, 'pg_mine')).rejects.toMatchObject({ code: 'STORE_CONFIG' });
    await expect(open(url.replace(/postgres$/, 'nowhere'))).rejects.toMatchObject({ code: 'STORE_CONFIG' });
    await expect(open(url.replace('devmentor@', 'nobody@'))).rejects.toMatchObject({ code: 'STORE_CONFIG' });
    await expect(open('postgres://devmentor@127.0.0.1:1/postgres')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('127.0.0.1:1'),
    });
    postgres.backend().pause();
    await expect(open(url)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    postgres.backend().resume();
  });
});
