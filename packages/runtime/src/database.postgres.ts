// Database
//
// A pool of connections to one schema, which is a namespace's own. Any number of processes share it.
//
//   PG1  A statement is a transaction of its own, and none is open between two round trips: a process
//        that stands still, or is killed, holds no lock.
//   PG2  What the server undid for others' sake (deadlock, serialisation failure) is tried again
//        here, a few times.
//   PG3  Every statement settles: within `commandTimeoutMs` and half a second once it is sent, after as
//        long again at most for a connection. At most 16,384 wait for one; more are refused.
//   PG4  `applied: 'no'` means that nothing was written: not sent, or undone by the server. A write
//        without an answer is `REPLY_LOST`, `applied: 'unknown'`.
//   PG5  An answered write is on the server's disk, whatever the server's default says.
//   PG6  The schema is made by whoever comes first, and its version is stored in it; a newer one is
//        refused before any change.
import { type Clock, systemClock } from '@devmentor/locks';
import { type ClientBase, Pool, type PoolClient, type PoolConfig, types } from 'pg';
import { connectFault, endsConnection, isRetriable, storeFault, storeUnavailable } from './faults.postgres.ts';
import { makeSchema } from './schema.postgres.ts';
import { StoreFault } from './store-faults.ts';

/** Which database, and how much of it this process may take. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`, or settings of `pg`. */
  readonly postgres: string | PoolConfig;
  /** Names the schema: 1 to 63 characters of `A-Z a-z 0-9 _ -`. Default `devmentor`. */
  readonly namespace?: string;
  readonly clock?: Clock;
  /** Most connections of this process. Default 8. */
  readonly connections?: number;
  /** Default 5,000. */
  readonly commandTimeoutMs?: number;
}

/** Prepared once on each connection, under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export type SqlValue = string | number | null | readonly number[];

const int8 = 20;
const mostWaiting = 16_384;
const mostTries = 6;

/** One schema of a PostgreSQL database, through a pool of connections; several processes may share it. */
export class PostgresDatabase {
  readonly namespace: string;
  /** Host and database, without what lets one in. */
  readonly at: string;
  readonly clock: Clock;
  readonly #pool: Pool;
  #closed = false;

  /**
   * Connects, and makes the schema when it is not there.
   *
   * Throws `STORE_UNAVAILABLE` when the server does not answer, `STORE_CONFIG` when it refuses or is
   * older than 14, `RECORD_VERSION_UNSUPPORTED` when a newer release wrote the schema.
   */
  static async open(options: PostgresOptions): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(options);
    try {
      await database.makeSchema();
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  private constructor(options: PostgresOptions) {
    const { namespace = 'devmentor', clock = systemClock, connections = 8, commandTimeoutMs = 5_000 } = options;
    if (!/^[A-Za-z0-9_-]{1,63}$/.test(namespace))
      throw new StoreFault('STORE_CONFIG', 'A namespace in PostgreSQL is 1 to 63 characters of A-Z a-z 0-9 _ -');
    const given = typeof options.postgres === 'string' ? { connectionString: options.postgres } : options.postgres;
    this.namespace = namespace;
    this.clock = clock;
    // The pool waits for what this returns; its types do not say so.
    const hooks = { onConnect: (client: ClientBase) => setUp(client, namespace, commandTimeoutMs) };
    this.#pool = new Pool({
      keepAlive: true,
      application_name: 'devmentor',
      ...given,
      max: connections,
      connectionTimeoutMillis: commandTimeoutMs,
      // The server's own limit, which tells what became of the statement, comes first.
      query_timeout: commandTimeoutMs + 500,
      // Stamps are below 2^53 until the year 2255.
      types: { getTypeParser: (oid, format) => (oid === int8 ? Number : types.getTypeParser(oid, format)) },
      ...hooks,
    });
    // Of a connection that waits in the pool; the next statement gets another.
    this.#pool.on('error', ignore);
    this.at = addressOf(given);
  }

  /** Idempotent; several processes may do it at once. */
  async makeSchema(): Promise<void> {
    const client = await this.#connect();
    try {
      await makeSchema(client, this.namespace);
      client.release();
    } catch (error) {
      client.release(endsConnection(error));
      throw error instanceof StoreFault ? error : openingFault(error, this.at);
    }
  }

  /** A statement that changes nothing. */
  read<R>(statement: Statement, values: readonly SqlValue[]): Promise<readonly R[]> {
    return this.#run<R>('read', statement, values);
  }

  /** A statement that writes all that it says, or nothing. */
  write<R>(statement: Statement, values: readonly SqlValue[]): Promise<readonly R[]> {
    return this.#run<R>('write', statement, values);
  }

  /** Rejects when the server does not answer. */
  async ping(): Promise<void> {
    await this.read({ name: 'ping', text: 'SELECT 1' }, []);
  }

  /** Ends the connections once their statements have settled. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }

  async #run<R>(kind: 'read' | 'write', statement: Statement, values: readonly SqlValue[]): Promise<readonly R[]> {
    for (let tries = 1; ; tries++) {
      const client = await this.#connect();
      try {
        const { rows } = await client.query<R & object>({ ...statement, values: [...values] });
        client.release();
        return rows;
      } catch (error) {
        client.release(endsConnection(error));
        if (!isRetriable(error) || tries === mostTries) throw storeFault(error, this.at, kind);
      }
      await new Promise<void>((resolve) => this.clock.after(2 ** tries, resolve));
    }
  }

  async #connect(): Promise<PoolClient> {
    if (this.#closed) throw storeUnavailable(this.at, 'is closed');
    const { waitingCount } = this.#pool;
    if (waitingCount >= mostWaiting)
      throw storeUnavailable(this.at, `has ${waitingCount} statements waiting for a connection; try later`);
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw connectFault(error, this.at);
    }
  }
}

/**
 * Every statement of ours is a look-up by key. The planner does not know that of a table that was
 * just made: it would choose to read all of it, and keep that plan while the table grows.
 */
async function setUp(client: ClientBase, namespace: string, commandTimeoutMs: number): Promise<void> {
  // Of a connection that ends while it is lent out; its statement hears of it too.
  client.on('error', ignore);
  const settings: Readonly<Record<string, string>> = {
    search_path: `"${namespace}"`,
    statement_timeout: String(commandTimeoutMs),
    lock_timeout: String(Math.ceil(commandTimeoutMs / 2)),
    idle_in_transaction_session_timeout: String(commandTimeoutMs),
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: 'off',
    enable_seqscan: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    plan_cache_mode: 'force_generic_plan',
    jit: 'off',
  };
  const calls = Object.keys(settings).map((name, i) => `set_config('${name}', $${i + 1}, false)`);
  // Only raised: a server may ask for more than its own disk.
  const durable = `set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), false)`;
  await client.query(`SELECT ${[...calls, durable].join(', ')}`, Object.values(settings));
}

/** Opening is told from working: who may not make a schema now may not make it later either. */
function openingFault(error: unknown, at: string): unknown {
  return endsConnection(error) ? storeFault(error, at, 'write') : connectFault(error, at);
}

function addressOf({ connectionString, host, port, database }: PoolConfig): string {
  const url = connectionString === undefined ? null : URL.parse(connectionString);
  if (url !== null) return `${url.host || 'localhost'}${url.pathname}`;
  return `${host ?? 'localhost'}:${port ?? 5432}/${database ?? ''}`;
}

function ignore(): void {}
