import type { Clock } from '@devmentor/locks';
import { openDatabase, type SqliteDatabase } from './database.sqlite.ts';
import { dataDirUnusable, isSqliteError } from './faults.sqlite.ts';
import { SqliteLogStore } from './log-store.sqlite.ts';
import { SqliteRecordStore } from './record-store.sqlite.ts';
import { SqliteStateStore } from './state-store.sqlite.ts';
import type { StoreLimits } from './store-limits.ts';

// Everything durable, in one folder of one process
export { openDatabase, type Row, SqliteDatabase, Statement } from './database.sqlite.ts';
export { DATA_DIR_CODES, type DataDirCode, DataDirFault } from './faults.sqlite.ts';
export { SqliteLogStore } from './log-store.sqlite.ts';
export { SqliteRecordStore } from './record-store.sqlite.ts';
export { SqliteStateStore } from './state-store.sqlite.ts';
export type { StoreLimits } from './store-limits.ts';

/**
 * Opens a data folder with the three stores in it. Needs Node 22.13 or newer; throws a `DataDirFault`.
 *
 * Leases of a `MemoryLockManager` end with the process: give it `fenceFloor:
 * database.highestFence()`, so that none of its grants is refused as stale. The database is the
 * caller's to close, after the stores.
 */
export function sqliteStores(options: {
  readonly dir: string;
  readonly clock: Clock;
  /** Default 64; fixed with the first start. */
  readonly shards?: number;
  readonly limits?: Partial<StoreLimits>;
}): {
  readonly database: SqliteDatabase;
  readonly state: SqliteStateStore;
  readonly log: SqliteLogStore;
  readonly records: SqliteRecordStore;
} {
  const database = openDatabase(options.dir, options);
  try {
    const log = new SqliteLogStore(database);
    return {
      database,
      state: new SqliteStateStore(database, { ...options, log }),
      log,
      records: new SqliteRecordStore(database),
    };
  } catch (error) {
    database.close();
    throw isSqliteError(error) ? dataDirUnusable(database.dir, error) : error;
  }
}
