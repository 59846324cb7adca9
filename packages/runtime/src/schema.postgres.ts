// The schema of a namespace, and how it is made and brought up to date.
import { DatabaseError, type PoolClient } from 'pg';
import { sqlStates } from './faults.postgres.ts';
import { commitFunction, functions } from './functions.postgres.ts';
import { layoutUnsupported, StoreFault } from './store-faults.ts';
import { lanes, tables } from './tables.postgres.ts';

/** Each text follows the one before it. Nodes of the release before go on working beside it. */
const versions: readonly string[] = [tables + functions, lanes + commitFunction];

const oldestServer = 14;

/** One statement, hence one transaction; others that make the schema now wait for it. */
export async function makeSchema(client: PoolClient, namespace: string): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int / 10000 AS version`,
  );
  const version = rows[0]?.version ?? 0;
  if (version < oldestServer)
    throw new StoreFault('STORE_CONFIG', `PostgreSQL ${oldestServer} or newer is needed; this server is ${version}`);
  try {
    await client.query(schemaStatement(namespace));
  } catch (error) {
    if (error instanceof DatabaseError && error.code === sqlStates.newer)
      throw layoutUnsupported(namespace, error.message);
    throw error;
  }
}

function schemaStatement(namespace: string): string {
  const upgrades = versions.map((text, i) => `IF stored < ${i + 1} THEN\n${text}\nEND IF;`);
  return `DO $schema$
#variable_conflict use_column
DECLARE
  stored int;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('devmentor ${namespace}', 0));
  IF to_regnamespace('"${namespace}"') IS NULL THEN CREATE SCHEMA "${namespace}"; END IF;
  IF to_regclass('"${namespace}".meta') IS NULL THEN
    CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL);
  END IF;
  stored := coalesce((SELECT value::int FROM meta WHERE name = 'schema'), 0);
  IF stored > ${versions.length} THEN RAISE EXCEPTION '%', stored USING ERRCODE = '${sqlStates.newer}'; END IF;
  ${upgrades.join('\n  ')}
  IF stored < ${versions.length} THEN
    INSERT INTO meta VALUES ('schema', '${versions.length}') ON CONFLICT (name) DO UPDATE SET value = excluded.value;
  END IF;
END $schema$`;
}
