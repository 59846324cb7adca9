import type { SqliteDatabase, Statement } from './database.sqlite.ts';
import type { Json } from './json.ts';
import { type RecordRow, recordText, storedRecord } from './record-rows.sql.ts';
import type { PutOutcome, RecordStore, StoredRecord } from './record-store.ts';
import { lowestStamp, stampAfter } from './stamp.ts';
import { checkKey, checkPage } from './store-key.ts';

const recordTables: readonly string[] = [
  `
CREATE TABLE record (key TEXT PRIMARY KEY, version INTEGER NOT NULL, value TEXT NOT NULL, until INTEGER) STRICT;
CREATE INDEX record_until ON record (until) WHERE until IS NOT NULL;
`,
];

/** The highest version given to any key: a key made anew never meets an old one (RS1). */
const lastVersion = 'record-version';

/** Plain records in the database of one process. The database is its opener's to close. */
export class SqliteRecordStore implements RecordStore {
  readonly #database: SqliteDatabase;
  readonly #get: Statement<RecordRow>;
  readonly #put: Statement;
  readonly #delete: Statement;
  readonly #sweep: Statement;
  readonly #list: Statement<RecordRow & { readonly key: string }>;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    database.makeTables('records', recordTables);
    this.#get = database.statement('SELECT version, value FROM record WHERE key = ? AND (until IS NULL OR until > ?)');
    this.#put = database.statement('INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)');
    this.#delete = database.statement('DELETE FROM record WHERE key = ?');
    // A few with every put: what lapses is dropped as fast as new records come.
    this.#sweep = database.statement(
      'DELETE FROM record WHERE key IN (SELECT key FROM record WHERE until <= ? ORDER BY until LIMIT 16)',
    );
    this.#list = database.statement(
      `SELECT key, version, value FROM record
       WHERE key >= ?1 AND key < CAST(?2 AS TEXT) AND key <> ?3 AND (until IS NULL OR until > ?4) ORDER BY key LIMIT ?5`,
    );
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    checkKey(key);
    return this.#database.read(() => {
      const row = this.#get.first(key, this.#nowMs());
      return row && storedRecord(key, row);
    });
  }

  async put(
    key: string,
    value: Json,
    options: { readonly expects: number | 'absent' | 'any'; readonly ttlMs?: number },
  ): Promise<PutOutcome> {
    const { expects, ttlMs } = options;
    const text = recordText(key, value, ttlMs);
    return this.#database.write(() => {
      const nowMs = this.#nowMs();
      const stored = this.#get.first(key, nowMs)?.version;
      const fits = expects === 'any' || (expects === 'absent' ? stored === undefined : stored === expects);
      if (!fits) return { kind: 'conflict' };
      this.#sweep.run(nowMs);
      const version = stampAfter(this.#database.meta(lastVersion) ?? lowestStamp, this.#database.clock.wallMs());
      this.#database.setMeta(lastVersion, version);
      this.#put.run(key, Number(version), text, ttlMs === undefined ? null : Math.ceil(nowMs + ttlMs));
      return { kind: 'written', version: Number(version) };
    });
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#database.write(() => this.#delete.run(key));
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): ReturnType<RecordStore['list']> {
    checkPage(options.limit);
    const after = options.after ?? '';
    const from = Buffer.compare(Buffer.from(after), Buffer.from(prefix)) > 0 ? after : prefix;
    // No UTF-8 text has the byte 0xff: everything under the prefix is before it.
    const end = Buffer.concat([Buffer.from(prefix), Buffer.of(0xff)]);
    return this.#database.read(() =>
      this.#list
        .all(from, end, after, this.#nowMs(), options.limit)
        .map(({ key, ...row }) => ({ key, ...storedRecord(key, row) })),
    );
  }

  async close(): Promise<void> {}

  #nowMs(): number {
    return Math.floor(this.#database.clock.wallMs());
  }
}
