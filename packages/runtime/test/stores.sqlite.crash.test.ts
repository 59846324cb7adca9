// A process killed in the midst of its writes has stored everything it acknowledged. (A kill
// leaves the kernel's cache: that a power cut loses nothing either is what synchronous=FULL says.)
import { MemoryLockManager } from '@devmentor/locks';
import { afterEach, expect, it } from 'vitest';
import type { LogStore } from '../src/log-store.ts';
import type { sqliteStores } from '../src/sqlite.ts';
import { MovedClock, sqliteOfThisFile } from './sqlite-stores.fixture.ts';
import { type Acknowledged, Writer } from './sqlite-writer.fixture.ts';

const sqlite = sqliteOfThisFile();
const writers: Writer[] = [];
afterEach(() => Promise.all(writers.map((writer) => writer.kill())));

function writer(dir: string): Writer {
  const started = new Writer(dir);
  writers.push(started);
  return started;
}

it('[WG1] [DB1] killed 10 times under load, everything acknowledged is there and nothing has a gap', {
  timeout: 120_000,
}, async () => {
  const dir = sqlite.folder();
  const acknowledged: Acknowledged[] = [];
  for (let round = 1; round <= 10; round++) {
    const process = writer(dir);
    await process.until(1 + Math.floor(Math.random() * 1_500));
    await process.kill();
    acknowledged.push(...process.acknowledged);
    const stores = await sqlite.stores({ dir });
    await expectStored(stores, acknowledged);
    stores.database.close();
  }
});

async function expectStored(
  { database, state, log, records }: ReturnType<typeof sqliteStores>,
  acknowledged: readonly Acknowledged[],
): Promise<void> {
  // The last of each kind and name speaks for those before it.
  const latest = new Map(acknowledged.map((what) => [nameOf(what), what]));
  for (const what of latest.values()) {
    switch (what.kind) {
      case 'actor': {
        const record = await state.peek(what.id);
        expect(record?.version).toBeGreaterThanOrEqual(what.version);
        expect(record?.snapshot).toEqual({ n: record?.version });
        expect(await counted(log, what.id)).toEqual({ n: record?.version, last: record?.cursor });
        break;
      }
      case 'topic':
        expect((await counted(log, what.topic)).n).toBeGreaterThanOrEqual(what.n);
        expect(await log.read(what.topic, what.id, 1)).toMatchObject({ kind: 'events' });
        break;
      case 'record': {
        const record = await records.get(what.key);
        expect(Number(record?.value)).toBeGreaterThanOrEqual(what.n);
        expect(record?.version).toBeGreaterThanOrEqual(what.version);
        break;
      }
      case 'claim':
        break;
    }
  }
  const fences = acknowledged.flatMap((what) => (what.kind === 'claim' ? [what.fence] : [])).toSorted();
  const past = new MovedClock();
  past.move(-3_600_000);
  const locks = new MemoryLockManager({ clock: past, fenceFloor: database.highestFence() });
  const lease = await locks.acquire('project:1');
  expect(lease.fence > (fences.at(-1) ?? '')).toBe(true);
  expect(await state.admit('project:1', lease.fence)).toEqual({ kind: 'admitted' });
  await locks.close();
}

/** The last number of a topic that counts, all of whose kept events follow each other. */
async function counted(log: LogStore, topic: string): Promise<{ readonly n: number; readonly last: string }> {
  const page = await log.read(topic, '', 5_000);
  if (page.kind !== 'events') throw new Error('reading from the oldest is never gone');
  const [first] = page.events;
  let expected = { n: Number(first?.data ?? 0), prev: first?.prev ?? '' };
  for (const { id, prev, data } of page.events) {
    expect({ n: data, prev }).toEqual(expected);
    expected = { n: Number(data) + 1, prev: id };
  }
  return { n: expected.n - (page.events.length > 0 ? 1 : 0), last: expected.prev };
}

function nameOf(what: Acknowledged): string {
  switch (what.kind) {
    case 'actor':
      return what.id;
    case 'topic':
      return what.topic;
    case 'record':
      return what.key;
    case 'claim':
      return 'claim';
  }
}

it('[DB1] a second process on the folder is told who has it, and gets it once that one was killed', async () => {
  const dir = sqlite.folder();
  const first = writer(dir);
  await first.until(1);
  const refused = { code: 'DATA_DIR_IN_USE', applied: 'no', dir, pid: first.pid };
  await expect(sqlite.stores({ dir })).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining(`${dir} is in use by process ${first.pid}`),
  });
  await first.until(first.acknowledged.length + 100);
  await first.kill();
  (await sqlite.stores({ dir })).database.close();
});

it('[DB1] of several processes that start at once on a new folder, one gets it', async () => {
  const dir = sqlite.folder();
  const all = [1, 2, 3, 4].map(() => writer(dir));
  const outcomes = await Promise.all(
    all.map((each) =>
      each.until(1).then(
        () => 'in' as const,
        () => each.ended(),
      ),
    ),
  );
  expect(outcomes.filter((outcome) => outcome === 'in')).toHaveLength(1);
  for (const outcome of outcomes) if (outcome !== 'in') expect(outcome.stderr).toContain('DATA_DIR_IN_USE');
});
