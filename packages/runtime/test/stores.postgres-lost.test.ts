// Answers that are lost on their way, with what they answered done.
import { systemClock } from '@devmentor/locks';
import { expect, it } from 'vitest';
import { createRuntime } from '../src/index.ts';
import { postgresStores } from '../src/postgres.ts';
import { ada, fences, Owner, settled } from '../src/store-contract.fixtures.ts';
import { Counter } from './counter.fixture.ts';
import { PostgresProxy } from './postgres-proxy.fixture.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';
import { elapse } from './redis-stores.fixture.ts';

const postgres = postgresOfThisFile();
const [low] = fences;

async function behind(proxy: PostgresProxy, namespace: string) {
  const stores = await postgresStores({ postgres: proxy.url, namespace, clock: systemClock, connections: 1 });
  await stores.state.open();
  return stores;
}

it('[ST9] [PG4] a commit whose answer is lost is unknown, is in the record, and is not made twice', async () => {
  await using proxy = await PostgresProxy.before(postgres.backend().url);
  const { state, log, records, database } = await behind(proxy, 'lost');
  const owner = await Owner.of(state);
  await owner.committed({ settles: [settled(1, 1)] });
  const parts = { commitId: 'lost', settles: [settled(2, 1, 'done')], events: [{ type: 'x', data: 1 }] };
  const unknown = { code: 'REPLY_LOST', applied: 'unknown' };
  // The actor is remembered, so the one answer is that of the write.
  const lost = proxy.loseNextAnswer();
  await expect(owner.commit(parts)).rejects.toMatchObject(unknown);
  await lost;
  await expect.poll(async () => (await owner.record()).commitId).toBe('lost');
  expect(await owner.commit(parts)).toEqual({ kind: 'conflict', version: 2, commitId: 'lost' });
  expect(await log.read(ada, '', 9)).toMatchObject({ kind: 'events', events: [{ data: 1 }] });

  for (const write of [
    () => state.admit(ada, low),
    () => log.append('t:1', [{ type: 'x', data: 1 }]),
    () => records.put('key', 1, { expects: 'absent' }),
    () => records.delete('other'),
  ]) {
    // On a connection that stands: else what is lost is the welcome.
    await state.guard(ada);
    const cut = proxy.loseNextAnswer();
    await expect(write()).rejects.toMatchObject(unknown);
    await cut;
  }
  await expect.poll(() => records.get('key')).toMatchObject({ value: 1 });
  expect(await records.put('key', 2, { expects: 'absent' })).toEqual({ kind: 'conflict' });
  const cut = proxy.loseNextAnswer();
  await expect(state.peek(ada)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', applied: 'no' });
  await cut;
  await database.close();
});

it('[DD5] [AC3] of tells whose commits lose their answers again and again each is applied exactly once', {
  timeout: 60_000,
}, async () => {
  await using proxy = await PostgresProxy.before(postgres.backend().url);
  const { state, database } = await behind(proxy, 'tells');
  const runtime = createRuntime({ actors: [Counter], state, clock: systemClock });
  await runtime.start();
  const counters = ['a', 'b', 'c'].map((key) => runtime.actor(Counter, key));
  let lost = 0;
  const faults = (async () => {
    for (; lost < 8; lost++) {
      await elapse(100);
      await proxy.loseNextAnswer();
    }
  })();
  const told = counters.map(async (counter) => {
    let tells = 0;
    for (; lost < 8; tells++) await counter.tell({ type: 'add', by: 1 }, { deadlineMs: 30_000 });
    return tells;
  });
  const totals = await Promise.all(told);
  await faults;
  for (const [i, counter] of counters.entries())
    expect((await counter.read({ fresh: true })).context.total).toBe(totals[i]);
  await runtime.stop();
  await database.close();
});
