import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../../test/backends.ts';
import { startPostgres } from '../../../test/postgres.ts';
import { SqlGuard, type SqlRun, throwIfStale } from '../src/guards.ts';
import { fenceOf, seededEntropy } from '../src/index.ts';

const [one, two, three] = [fenceOf(1), fenceOf(2), fenceOf(3)];

/** What holds on every database. */
function sqlGuardContract(name: string, open: () => { run: SqlRun; guard: SqlGuard }): void {
  describe(`the SQL guard on ${name}`, () => {
    let run: SqlRun;
    let guard: SqlGuard;

    beforeEach(async () => {
      ({ run, guard } = open());
      await run('DROP TABLE IF EXISTS docs', []);
      await run('DROP TABLE IF EXISTS fences', []);
      await run(`CREATE TABLE docs (id text PRIMARY KEY, body text, ${guard.columnDdl})`, []);
      await run(guard.tableDdl, []);
      await run(`INSERT INTO docs (id, body) VALUES ('a', 'first')`, []);
    });

    const write = (fence: string, body: string, id = 'a') =>
      guard.update(run, { table: 'docs', where: { id }, set: { body }, fence });

    it('[GD1] [GD2] [GD4] updates under the newest fence, and tells a stale write from a missing row', async () => {
      expect(await write(two, 'by two')).toMatchObject({
        kind: 'written',
        row: { id: 'a', body: 'by two', fence: two },
      });
      expect(await write(two, 'by two again')).toMatchObject({ kind: 'written' });
      expect(await write(one, 'late')).toEqual({ kind: 'stale', resource: 'docs:a', fence: one, seen: two });
      expect(await write(three, 'lost', 'b')).toEqual({ kind: 'missing' });
      expect((await run('SELECT body, fence FROM docs', []))[0]).toEqual({ body: 'by two again', fence: two });
    });

    it('[GD3] a statement of the user’s own carries the predicate', async () => {
      await write(two, 'by two');
      const parameter = name === 'PostgreSQL' ? '$1' : '?1';
      const text = `UPDATE docs SET body = 'own', fence = ${parameter} WHERE ${guard.predicate(parameter)} RETURNING id`;
      expect(await run(text, [one])).toEqual([]);
      expect(await run(text, [three])).toHaveLength(1);
    });

    it('[GD3] admits in the transaction of the writes, and a rolled-back one leaves the guard as it was', async () => {
      await run('BEGIN', []);
      expect(await guard.admit(run, 'job', two)).toEqual({ kind: 'admitted' });
      await run('ROLLBACK', []);
      expect(await guard.admit(run, 'job', one)).toEqual({ kind: 'admitted' });
      expect(await guard.admit(run, 'job', three)).toEqual({ kind: 'admitted' });
      expect(await guard.admit(run, 'job', three)).toEqual({ kind: 'admitted' });
      expect(await guard.admit(run, 'job', two)).toEqual({ kind: 'stale', resource: 'job', fence: two, seen: three });
      expect(await guard.admit(run, 'another', one)).toEqual({ kind: 'admitted' });
    });

    it('[GD5] refuses what is no fence, and so does the table', async () => {
      await expect(write('7', 'x')).rejects.toThrow(RangeError);
      await expect(guard.admit(run, 'job', '1e15')).rejects.toThrow(RangeError);
      await expect((async () => run(`UPDATE docs SET fence = '7'`, []))()).rejects.toThrow(/constraint/i);
      await expect((async () => run(`INSERT INTO fences VALUES ('x', 'abcdefghijklmnop')`, []))()).rejects.toThrow(
        /constraint/i,
      );
    });

    it('[GD3] quotes names, and insists on a row', async () => {
      await run(`DROP TABLE IF EXISTS "sel""ect"`, []);
      await run(`CREATE TABLE "sel""ect" ("wh;ere" text, "set" text, ${guard.columnDdl})`, []);
      await run(`INSERT INTO "sel""ect" ("wh;ere", "set") VALUES ('k', '')`, []);
      const update = { table: 'sel"ect', where: { 'wh;ere': 'k' }, set: { set: `';--` }, fence: one };
      expect(await guard.update(run, update)).toMatchObject({ kind: 'written', row: { set: `';--` } });
      await expect(guard.update(run, { ...update, where: {} })).rejects.toThrow(RangeError);
    });
  });
}

sqlGuardContract('SQLite', () => {
  const database = new DatabaseSync(':memory:');
  const run: SqlRun = (text, values) =>
    database
      .prepare(text)
      .all(...(values as string[]))
      .map((row) => ({ ...row }));
  return { run, guard: new SqlGuard({ dialect: 'sqlite' }) };
});

describe('with a real server', () => {
  let postgres: Backend;
  let pool: pg.Pool;
  /** A connection of its own, for BEGIN and ROLLBACK. */
  let client: pg.PoolClient;
  const guard = new SqlGuard();

  beforeAll(async () => {
    postgres = await startPostgres();
    pool = new pg.Pool({ connectionString: postgres.url, max: 24 });
    // Connections at rest say farewell when the server ends.
    pool.on('error', () => undefined);
    client = await pool.connect();
  });
  afterAll(async () => {
    client?.release();
    await pool?.end();
    await postgres?.stop();
  });

  const on =
    (client: pg.Pool | pg.PoolClient): SqlRun =>
    async (text, values) =>
      (await client.query(text, [...values])).rows;

  sqlGuardContract('PostgreSQL', () => ({ run: on(client), guard }));

  describe('the SQL guard on PostgreSQL, many at once', () => {
    beforeEach(async () => {
      await pool.query(`
        DROP TABLE IF EXISTS docs, history, fences;
        CREATE TABLE docs (id text PRIMARY KEY, body text, ${guard.columnDdl});
        ${guard.tableDdl};
        CREATE TABLE history (id bigserial PRIMARY KEY, fence text NOT NULL);
        INSERT INTO docs (id, body) VALUES ('a', 'first');`);
    });

    /** Runs `overtaken` while a transaction holds its row, and ends that transaction once it waits. */
    async function behind<T>(
      first: (run: SqlRun) => unknown,
      ends: 'COMMIT' | 'ROLLBACK',
      overtaken: (run: SqlRun) => Promise<T>,
    ): Promise<T> {
      const [a, b] = [await pool.connect(), await pool.connect()];
      try {
        await a.query('BEGIN');
        await first(on(a));
        const { pid } = (await b.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0] ?? { pid: 0 };
        const running = overtaken(on(b));
        await waitsForALock(pid);
        await a.query(ends);
        return await running;
      } finally {
        a.release();
        b.release();
      }
    }

    async function waitsForALock(pid: number): Promise<void> {
      const text = `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'`;
      while ((await pool.query(text, [pid])).rows.length === 0);
    }

    const update = (fence: string, body: string) => (run: SqlRun) =>
      guard.update(run, { table: 'docs', where: { id: 'a' }, set: { body }, fence });

    it('[GD3] [GD4] a write overtaken while it waited for the row is refused by what overtook it', async () => {
      expect(await behind(update(three, 'new'), 'COMMIT', update(two, 'late'))).toMatchObject({
        kind: 'stale',
        seen: three,
      });
      expect((await pool.query('SELECT body FROM docs')).rows).toEqual([{ body: 'new' }]);
    });

    it('[GD3] a newer fence that was rolled back refuses nobody', async () => {
      expect(await behind(update(three, 'new'), 'ROLLBACK', update(two, 'mine'))).toMatchObject({ kind: 'written' });
    });

    it('[GD4] a row deleted while the write waited is missing, not stale', async () => {
      const erase = (run: SqlRun): unknown => run(`DELETE FROM docs`, []);
      expect(await behind(erase, 'COMMIT', update(two, 'late'))).toEqual({ kind: 'missing' });
    });

    it('[GD3] an admission overtaken while it waited is refused', async () => {
      const admit = (fence: string) => (run: SqlRun) => guard.admit(run, 'job', fence);
      expect(await behind(admit(three), 'COMMIT', admit(two))).toMatchObject({ kind: 'stale', seen: three });
      expect(await behind(admit(three), 'ROLLBACK', admit(three))).toEqual({ kind: 'admitted' });
    });

    it('[GD3] looking first and writing after would let the stale write through', async () => {
      const racy = async (run: SqlRun): Promise<unknown> => {
        const [row] = await run(`SELECT fence FROM docs WHERE id = 'a'`, []);
        if (`${row?.fence}` > two) return 'stale';
        return run(`UPDATE docs SET body = 'late', fence = $1 WHERE id = 'a'`, [two]);
      };
      await behind(update(three, 'new'), 'COMMIT', racy);
      expect((await pool.query('SELECT body, fence FROM docs')).rows).toEqual([{ body: 'late', fence: two }]);
    });

    it('[GD1] [GD3] 16 writers at once: the fences of one row’s writes never go down', async () => {
      await pool.query(`
        CREATE OR REPLACE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN INSERT INTO history (fence) VALUES (NEW.fence); RETURN NEW; END';
        CREATE TRIGGER written BEFORE UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION remember();`);
      const kinds = await writers(async (fence) => (await update(fence, 'x')(on(pool))).kind);
      await expectRising(kinds);
    });

    it.each(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'])(
      '[GD1] [GD3] 16 transactions at once, %s: the fences of what they committed never go down',
      async (level) => {
        const kinds = await writers((fence) =>
          transaction(level, async (run) => {
            throwIfStale(await guard.admit(run, 'job', fence));
            await run('INSERT INTO history (fence) VALUES ($1)', [fence]);
          }),
        );
        await expectRising(kinds);
      },
    );

    /** 16 writers, 15 writes each, under fences that lie about the same time. */
    async function writers(write: (fence: string) => Promise<string>): Promise<string[]> {
      let count = 100;
      const entropy = seededEntropy(7);
      const runs = Array.from({ length: 16 }, async () => {
        const kinds: string[] = [];
        for (let n = 0; n < 15; n += 1) {
          count += 1;
          kinds.push(await write(fenceOf(count - Math.floor(entropy.random() * 20))));
        }
        return kinds;
      });
      return (await Promise.all(runs)).flat();
    }

    /** Repeats what the database answered with a conflict: nothing of it happened. */
    async function transaction(level: string, work: (run: SqlRun) => Promise<void>): Promise<string> {
      const client = await pool.connect();
      try {
        for (;;) {
          await client.query(`BEGIN ISOLATION LEVEL ${level}`);
          try {
            await work(on(client));
            await client.query('COMMIT');
            return 'written';
          } catch (error) {
            await client.query('ROLLBACK');
            const { code } = error as { code: string };
            if (code === 'STALE_FENCE') return 'stale';
            if (code !== '40001') throw error;
          }
        }
      } finally {
        client.release();
      }
    }

    async function expectRising(kinds: readonly string[]): Promise<void> {
      const fences = (await pool.query<{ fence: string }>('SELECT fence FROM history ORDER BY id')).rows.map(
        ({ fence }) => fence,
      );
      expect([...fences].sort()).toEqual(fences);
      expect(kinds.filter((kind) => kind === 'written')).toHaveLength(fences.length);
      expect(kinds.filter((kind) => kind === 'stale').length).toBeGreaterThan(0);
    }
  });
});
