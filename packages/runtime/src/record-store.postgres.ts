import type { PostgresDatabase } from './database.postgres.ts';
import type { Json } from './json.ts';
import { type RecordRow, recordText, storedRecord } from './record-rows.sql.ts';
import type { PutOutcome, RecordStore, StoredRecord } from './record-store.ts';
import { checkKey, checkPage } from './store-key.ts';

const stands = '(r.until IS NULL OR r.until > now_us() / 1000)';
const until = 'CASE WHEN $3::float8 IS NULL THEN NULL ELSE ceil(now_us() / 1000 + $3)::bigint END';
// A few with every put: what lapses is dropped as fast as new records come.
const sweep = `WITH swept AS (
  DELETE FROM record AS r USING (
    SELECT key FROM record WHERE until <= now_us() / 1000 AND key <> $1 ORDER BY until LIMIT 16 FOR UPDATE SKIP LOCKED
  ) AS lapsed WHERE r.key = lapsed.key
)`;
const written = `SET version = nextval('record_version'), value = $2, until = ${until}`;
const insert = `${sweep} INSERT INTO record AS r VALUES ($1, nextval('record_version'), $2, ${until})
  ON CONFLICT (key) DO UPDATE ${written}`;

const statements = {
  get: { name: 'get', text: `SELECT version, value FROM record AS r WHERE key = $1 AND ${stands}` },
  putAny: { name: 'put-any', text: `${insert} RETURNING version` },
  putAbsent: { name: 'put-absent', text: `${insert} WHERE NOT ${stands} RETURNING version` },
  putVersion: {
    name: 'put-version',
    text: `${sweep} UPDATE record AS r ${written} WHERE key = $1 AND version = $4 AND ${stands} RETURNING version`,
  },
  delete: { name: 'delete', text: 'DELETE FROM record WHERE key = $1' },
  list: {
    name: 'list',
    text: `SELECT key, version, value FROM record AS r
      WHERE key >= $1 AND key < $2 AND key <> $3 AND ${stands} ORDER BY key LIMIT $4`,
  },
} as const;

/** Longer than any key, and of the last code point: behind every key that begins alike. */
const behindAll = '\u{10FFFF}'.repeat(257);

/** Plain records in PostgreSQL, shared by any number of processes. The database is its opener's to close. */
export class PostgresRecordStore implements RecordStore {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    checkKey(key);
    const [row] = await this.#database.read<RecordRow>(statements.get, [key]);
    return row && storedRecord(key, row);
  }

  async put(
    key: string,
    value: Json,
    { expects, ttlMs }: { readonly expects: number | 'absent' | 'any'; readonly ttlMs?: number },
  ): Promise<PutOutcome> {
    const values = [key, recordText(key, value, ttlMs), ttlMs ?? null];
    const [row] =
      typeof expects === 'number'
        ? await this.#database.write<{ version: number }>(statements.putVersion, [...values, expects])
        : await this.#database.write<{ version: number }>(
            expects === 'any' ? statements.putAny : statements.putAbsent,
            values,
          );
    return row === undefined ? { kind: 'conflict' } : { kind: 'written', version: row.version };
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#database.write(statements.delete, [key]);
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): ReturnType<RecordStore['list']> {
    checkPage(options.limit);
    const after = options.after ?? '';
    const from = Buffer.compare(Buffer.from(after), Buffer.from(prefix)) > 0 ? after : prefix;
    const values = [from, prefix + behindAll, after, options.limit];
    const rows = await this.#database.read<RecordRow & { readonly key: string }>(statements.list, values);
    return rows.map(({ key, ...row }) => ({ key, ...storedRecord(key, row) }));
  }

  async close(): Promise<void> {}
}
