import { systemClock } from '@devmentor/locks';
import { Client } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import type { Backend } from '../../../test/backends.ts';
import { type PostgresOptions as ServerOptions, startPostgres } from '../../../test/postgres.ts';
import { postgresStores } from '../src/postgres.ts';
import type { StoreLimits } from '../src/store-limits.ts';

/** A PostgreSQL of this file's own; every call of `stores` opens an empty namespace on it unless it is told which. */
export function postgresOfThisFile(options: ServerOptions = {}) {
  let postgres: Backend;
  const opened: Awaited<ReturnType<typeof postgresStores>>[] = [];
  let namespaces = 0;
  beforeAll(async () => {
    postgres = await startPostgres(options);
  });
  afterAll(async () => {
    await Promise.all(opened.map(({ database }) => database.close()));
    await postgres.stop();
  });
  return {
    backend: () => postgres,
    stores: async (
      settings: {
        readonly shards?: number;
        readonly limits?: Partial<StoreLimits>;
        readonly namespace?: string;
        readonly connections?: number;
        readonly commandTimeoutMs?: number;
      } = {},
    ) => {
      namespaces += 1;
      const stores = await postgresStores({
        postgres: postgres.url,
        namespace: `test-${namespaces}`,
        clock: systemClock,
        connections: 3,
        ...settings,
      });
      opened.push(stores);
      await stores.state.open();
      return stores;
    },
    /** Statements of somebody else. */
    sql: async (text: string): Promise<readonly Record<string, unknown>[]> => {
      const client = new Client(postgres.url);
      await client.connect();
      try {
        return (await client.query(text)).rows;
      } finally {
        await client.end();
      }
    },
  };
}
