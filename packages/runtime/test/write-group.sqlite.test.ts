import { expect, it } from 'vitest';
import { openDatabase } from '../src/sqlite.ts';
import { MovedClock, sqliteOfThisFile } from './sqlite-stores.fixture.ts';

const sqlite = sqliteOfThisFile();

/** A table of numbers, and how many groups were asked for. */
function numbers() {
  const clock = new MovedClock();
  let groups = 0;
  const database = openDatabase(sqlite.folder(), {
    clock: {
      nowMs: clock.nowMs,
      wallMs: () => clock.wallMs(),
      after: clock.after,
      background: clock.background,
      soon: (wake) => {
        groups += 1;
        clock.soon(wake);
      },
    },
  });
  database.makeTables('numbers', ['CREATE TABLE number (n INTEGER PRIMARY KEY) STRICT']);
  const add = database.statement('INSERT INTO number VALUES (?)');
  const all = database.statement<{ n: number }>('SELECT n FROM number ORDER BY n');
  return { database, add, stored: () => database.read(() => all.all().map(({ n }) => n)), groups: () => groups };
}

it('[WG1] the writes of a tick are one group, answered when it is stored', async () => {
  const { database, add, stored, groups } = numbers();
  const writes = Array.from({ length: 512 }, (_, n) => database.write(() => add.run(n)));
  expect(stored()).toEqual([]);
  await writes[0];
  expect(stored()).toHaveLength(512);
  await Promise.all(writes);
  expect(groups()).toBe(1);
  database.close();
});

it('[WG2] a write sees those before it, in its own group too', async () => {
  const { database, add } = numbers();
  const count = database.statement<{ n: number }>('SELECT count(*) AS n FROM number');
  const seen = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      database.write(() => {
        add.run(n);
        return count.first()?.n;
      }),
    ),
  );
  expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  database.close();
});

it('[WG3] a write that throws is undone alone', async () => {
  const { database, add, stored } = numbers();
  const bug = new Error('after its first row');
  const outcomes = await Promise.allSettled([
    database.write(() => add.run(1)),
    database.write(() => {
      add.run(2);
      throw bug;
    }),
    database.write(() => add.run(3)),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: bug });
  expect(stored()).toEqual([1, 3]);
  database.close();
});

it('[WG4] a group that fails is stored by none of its writes, and the next one goes on', async () => {
  const { database, add, stored } = numbers();
  const outcomes = await Promise.allSettled([1, 2, 2, 3].map((n) => database.write(() => add.run(n))));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
  expect(stored()).toEqual([]);
  await database.write(() => add.run(4));
  expect(stored()).toEqual([4]);
  database.close();
});

it('[WG5] a group is at most 512 writes, and what is too much to wait is refused', async () => {
  const { database, add, stored, groups } = numbers();
  const writes = await Promise.allSettled(
    Array.from({ length: 16_384 + 3 }, (_, n) => database.write(() => add.run(n))),
  );
  expect(writes.filter(({ status }) => status === 'rejected')).toHaveLength(3);
  expect(writes.at(-1)).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE', applied: 'no' } });
  expect(stored()).toHaveLength(16_384);
  expect(groups()).toBe(32);
  database.close();
});
