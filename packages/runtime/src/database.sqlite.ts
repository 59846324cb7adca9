// Database
//
// One file of one process. The write-ahead log is synced at every commit (synchronous=FULL): the
// default of WAL, NORMAL, survives a crash of the process but may lose the last acknowledged
// writes in a power cut. SQLite runs in this thread: a group of writes stops it for one sync.
//
//   DB1  A folder is used by one process at a time; its death, kill -9 too, frees it.
//   DB2  A read sees only what is on disk: no transaction is open between two groups.
//   DB3  After an input or output error, or a damaged page, nothing more is read or written
//        until the folder is opened anew: only that tells what is stored. A full disk ends nothing.
//   DB4  The schema version of every part is stored; a newer one is refused before any change.
//   DB5  The highest fence that any store took is kept, in the transaction that took it, so that
//        leases which end with the process can be granted above it after the next start, even
//        when the wall clock went back.

import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Clock, FencingToken } from '@devmentor/locks';
import { assert, parseFence } from '@devmentor/locks';
import { type DataDir, openPrivately, takeDataDir } from './data-dir.sqlite.ts';
import {
  dataDirInUse,
  dataDirUnusable,
  endsConnection,
  foreignDatabase,
  isBusy,
  isSqliteError,
  type Moment,
  type SqliteError,
  schemaUnsupported,
  storeClosed,
  storeFault,
} from './faults.sqlite.ts';
import { lowestStamp } from './stamp.ts';
import { WriteGroup } from './write-group.sqlite.ts';

/** Says in the file's header whose it is: `DMTR`. */
const applicationId = 0x444d5452;

const settings = `
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -16000;
PRAGMA journal_size_limit = 67108864;
PRAGMA trusted_schema = OFF;
`;

/** A row as SQLite gives it, by column. */
export type Row = Record<string, SQLOutputValue>;

/** A prepared statement whose rows are known to be `R`. */
export class Statement<R extends Row = Row> {
  readonly #prepared: StatementSync;

  constructor(prepared: StatementSync) {
    this.#prepared = prepared;
  }

  first(...values: SQLInputValue[]): R | undefined {
    return this.#prepared.get(...values) as R | undefined;
  }

  all(...values: SQLInputValue[]): readonly R[] {
    return this.#prepared.all(...values) as R[];
  }

  run(...values: SQLInputValue[]): void {
    this.#prepared.run(...values);
  }
}

/**
 * Opens the database of a data folder, making both when they are not there.
 *
 * Throws a `DataDirFault`: `DATA_DIR_IN_USE` names who has the folder, `DATA_DIR_UNUSABLE` and
 * `DATA_DIR_VERSION_UNSUPPORTED` say what to do. Needs Node 22.13 or newer.
 */
export function openDatabase(dir: string, options: { readonly clock: Clock }): SqliteDatabase {
  const folder = takeDataDir(dir);
  let connection: DatabaseSync | undefined;
  try {
    connection = openPrivately(folder.databaseFile);
    checkOwner(connection, folder.path);
    connection.exec(settings);
    return new SqliteDatabase(connection, folder, options.clock);
  } catch (error) {
    connection?.close();
    folder.release();
    // The lock is ours: whoever is in the file is no server.
    if (isBusy(error)) throw dataDirInUse(folder.path, undefined, error);
    if (isSqliteError(error)) throw dataDirUnusable(folder.path, error);
    throw error;
  }
}

function checkOwner(connection: DatabaseSync, dir: string): void {
  const stored = connection.prepare('PRAGMA application_id').get()?.application_id;
  if (stored === applicationId) return;
  const tables = connection.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n;
  if (stored !== 0 || tables !== 0) throw foreignDatabase(dir);
}

/** A data folder, open. One process has it at a time; made by `openDatabase`, and its opener's to close. */
export class SqliteDatabase {
  /** The folder, as an absolute path. */
  readonly dir: string;
  readonly clock: Clock;
  readonly #connection: DatabaseSync;
  readonly #folder: DataDir;
  readonly #writes: WriteGroup;
  readonly #meta: { readonly read: Statement<{ value: string }>; readonly write: Statement };
  readonly #raiseFence: Statement;
  #state:
    | { readonly kind: 'open' }
    | { readonly kind: 'failed'; readonly cause: SqliteError }
    | { readonly kind: 'closed' } = { kind: 'open' };

  constructor(connection: DatabaseSync, folder: DataDir, clock: Clock) {
    this.dir = folder.path;
    this.clock = clock;
    this.#connection = connection;
    this.#folder = folder;
    connection.exec(`BEGIN IMMEDIATE;
      PRAGMA application_id = ${applicationId};
      CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      INSERT INTO meta VALUES ('fence', '${lowestStamp}') ON CONFLICT DO NOTHING;
      COMMIT`);
    this.#meta = {
      read: this.statement('SELECT value FROM meta WHERE name = ?'),
      write: this.statement('INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value'),
    };
    this.#raiseFence = this.statement("UPDATE meta SET value = ?1 WHERE name = 'fence' AND value < ?1");
    this.#writes = new WriteGroup({
      connection,
      dir: this.dir,
      clock,
      failed: (error, moment) => this.#failed(error, moment),
    });
  }

  /**
   * Makes the tables of one part of the product, or brings them up to date: each of `versions`
   * follows the one before it. Tables of a newer version are refused with
   * `DATA_DIR_VERSION_UNSUPPORTED`.
   */
  makeTables(part: string, versions: readonly string[]): void {
    const stored = Number(this.meta(`schema:${part}`) ?? 0);
    if (stored > versions.length) throw schemaUnsupported(this.dir, part, stored, versions.length);
    if (stored === versions.length) return;
    this.#connection.exec('BEGIN IMMEDIATE');
    try {
      for (const statements of versions.slice(stored)) this.#connection.exec(statements);
      this.setMeta(`schema:${part}`, String(versions.length));
      this.#connection.exec('COMMIT');
    } catch (error) {
      this.#connection.exec('ROLLBACK');
      throw isSqliteError(error) ? this.#failed(error, 'before-end') : error;
    }
  }

  /** Prepared once; keep it. */
  statement<R extends Row = Row>(sql: string): Statement<R> {
    return new Statement<R>(this.#connection.prepare(sql));
  }

  /**
   * Does `work` in the next group of writes, and answers when that is on disk. `work` is
   * synchronous, and undone when it throws. A fault is `STORE_UNAVAILABLE`.
   */
  write<R>(work: () => R): Promise<R> {
    if (this.#state.kind !== 'open') return Promise.reject(this.#gone());
    return this.#writes.submit(work);
  }

  /** Does `work`, which only reads, at once. */
  read<R>(work: () => R): R {
    if (this.#state.kind !== 'open') throw this.#gone();
    try {
      return work();
    } catch (error) {
      throw isSqliteError(error) ? this.#failed(error, 'before-end') : error;
    }
  }

  meta(name: string): string | undefined {
    return this.#meta.read.first(name)?.value;
  }

  /** Inside `write`. */
  setMeta(name: string, value: string): void {
    this.#meta.write.run(name, value);
  }

  /** Inside the `write` that takes the fence. */
  raiseFence(fence: string): void {
    this.#raiseFence.run(fence);
  }

  /** The highest fence that was ever taken: the floor of a lock manager that remembers nothing itself. */
  highestFence(): FencingToken {
    const fence = this.read(() => this.meta('fence'));
    assert(fence !== undefined, 'the highest fence is kept from the first start');
    return parseFence(fence);
  }

  /** Stores what waits, and lets the folder go. The stores are of no use after it. Idempotent. */
  close(): void {
    if (this.#state.kind === 'closed') return;
    if (this.#state.kind === 'open') this.#writes.flush();
    this.#state = { kind: 'closed' };
    this.#connection.close();
    this.#folder.release();
  }

  #failed(error: SqliteError, moment: Moment): unknown {
    const fault = storeFault(error, this.dir, moment);
    if (this.#state.kind === 'open' && endsConnection(error)) {
      this.#state = { kind: 'failed', cause: error };
      this.#writes.refuse(this.#gone());
    }
    return fault ?? error;
  }

  #gone(): unknown {
    return storeClosed(this.dir, this.#state.kind === 'failed' ? this.#state.cause : undefined);
  }
}
