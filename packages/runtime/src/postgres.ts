import { PostgresDatabase, type PostgresOptions } from './database.postgres.ts';
import { PostgresLogStore } from './log-store.postgres.ts';
import { PostgresRecordStore } from './record-store.postgres.ts';
import { PostgresStateStore } from './state-store.postgres.ts';
import type { StoreLimits } from './store-limits.ts';

// Everything durable, in one schema of a PostgreSQL database
export { PostgresDatabase, type PostgresOptions } from './database.postgres.ts';
export { PostgresLogStore } from './log-store.postgres.ts';
export { PostgresRecordStore } from './record-store.postgres.ts';
export { PostgresStateStore } from './state-store.postgres.ts';
export type { StoreLimits } from './store-limits.ts';

/**
 * Connects to a PostgreSQL of version 14 or newer, with the three stores of one namespace in it.
 * Throws as `PostgresDatabase.open` does. The database is the caller's to close, after the stores.
 */
export async function postgresStores(
  options: PostgresOptions & {
    /** Default 64; fixed with the first start. */
    readonly shards?: number;
    readonly limits?: Partial<StoreLimits>;
  },
): Promise<{
  readonly database: PostgresDatabase;
  readonly state: PostgresStateStore;
  readonly log: PostgresLogStore;
  readonly records: PostgresRecordStore;
}> {
  const database = await PostgresDatabase.open(options);
  return {
    database,
    state: new PostgresStateStore(database, options),
    log: new PostgresLogStore(database),
    records: new PostgresRecordStore(database),
  };
}
