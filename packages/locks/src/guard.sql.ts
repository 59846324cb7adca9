// SQL guard
//
// The comparison stands in the statement that writes, where the row's lock makes it atomic.
// A fence is text of 16 digits, compared byte by byte. Two ways, which can be mixed:
//
//   - a column of the protected row: one UPDATE, one row, no transaction needed
//   - a table of fences: admit first, then write anything, in one transaction
//
// Both hold at every isolation level. Where a level reports a conflict (40001), repeat the
// transaction; nothing was written.
import type { Admission, StaleCounts, StaleFence } from './guard.ts';
import { parseFence } from './lease.ts';

export type SqlDialect = 'postgres' | 'sqlite';
export type SqlValue = string | number | bigint | boolean | null | Uint8Array;
export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * Runs one statement and returns its rows. With `pg`:
 * `async (text, values) => (await client.query(text, [...values])).rows`.
 * With `node:sqlite`: `(text, values) => database.prepare(text).all(...values)`.
 */
export type SqlRun = (text: string, values: readonly SqlValue[]) => PromiseLike<readonly SqlRow[]> | readonly SqlRow[];

export interface SqlUpdate {
  readonly table: string;
  /** Which row: the columns of its key. */
  readonly where: Readonly<Record<string, SqlValue>>;
  readonly set: Readonly<Record<string, SqlValue>>;
  readonly fence: string;
}

export type SqlUpdated =
  | { readonly kind: 'written'; readonly row: SqlRow }
  | StaleFence
  /** No such row. */
  | { readonly kind: 'missing' };

export interface SqlGuardOptions {
  /** Default `postgres`. */
  readonly dialect?: SqlDialect;
  /** Name of the column in protected rows; default `fence`. */
  readonly column?: string;
  /** Name of the table of fences; default `fences`. */
  readonly table?: string;
  readonly metrics?: StaleCounts;
}

/** A row may be deleted and made anew between the two statements of one try; not for ever. */
const MAX_TRIES = 16;

/** Statements that only the newest lease can make. */
export class SqlGuard {
  readonly #dialect: SqlDialect;
  readonly #column: string;
  readonly #table: string;
  readonly #metrics: StaleCounts | undefined;

  constructor(options: SqlGuardOptions = {}) {
    this.#metrics = options.metrics;
    this.#dialect = options.dialect ?? 'postgres';
    this.#column = identifier(options.column ?? 'fence');
    this.#table = identifier(options.table ?? 'fences');
  }

  /** The column for `CREATE TABLE` or `ALTER TABLE … ADD COLUMN`. A row nobody wrote yet admits every fence. */
  get columnDdl(): string {
    return `${this.#column} ${this.#type()} DEFAULT '0000000000000000'`;
  }

  /** The table of fences, for writes that touch more than one row. */
  get tableDdl(): string {
    return `CREATE TABLE IF NOT EXISTS ${this.#table} (resource text PRIMARY KEY, ${this.#column} ${this.#type()})`;
  }

  /**
   * The predicate for a statement of your own: `UPDATE … SET …, fence = $1 WHERE … AND ${predicate('$1')}`.
   * No row came back: `stale`, or no such row; a second statement tells (`update` does it for you).
   */
  predicate(parameter: string): string {
    return `${this.#column} <= ${parameter}`;
  }

  /** Updates one row iff the fence is admitted, and records it there, in one statement. */
  async update(run: SqlRun, update: SqlUpdate): Promise<SqlUpdated> {
    const fence = parseFence(update.fence);
    const values: SqlValue[] = [];
    const place = (value: SqlValue): string => this.#parameter(values.push(value));
    const table = identifier(update.table);
    const sets = Object.entries({ ...update.set }).map(([name, value]) => `${identifier(name)} = ${place(value)}`);
    const mine = place(fence);
    const keys = Object.entries(update.where).map(([name, value]) => `${identifier(name)} = ${place(value)}`);
    if (keys.length === 0) throw new RangeError('where names no column: a fence guards one row');
    const written =
      `UPDATE ${table} SET ${[...sets, `${this.#column} = ${mine}`].join(', ')} ` +
      `WHERE ${keys.join(' AND ')} AND ${this.predicate(mine)} RETURNING *`;
    const looked: SqlValue[] = [];
    const keysAlone = Object.entries(update.where).map(
      ([name, value]) => `${identifier(name)} = ${this.#parameter(looked.push(value))}`,
    );
    const look = `SELECT ${this.#column} AS seen FROM ${table} WHERE ${keysAlone.join(' AND ')}`;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const [row] = await run(written, values);
      if (row !== undefined) return { kind: 'written', row };
      // A statement of its own: within the first one, a row that its UPDATE waited for would
      // still look as it did before.
      const [found] = await run(look, looked);
      if (found === undefined) return { kind: 'missing' };
      const seen = parseFence(`${found.seen}`);
      if (seen > fence) return this.#stale({ resource: nameOf(update), fence, seen });
    }
    throw new Error(`A row of ${update.table} comes and goes; nothing was written`);
  }

  /**
   * Admits the fence for a resource, and holds its row until the transaction ends: everything
   * written after this, in the same transaction, is guarded. When it is `stale`, roll back.
   */
  async admit(run: SqlRun, resource: string, fence: string): Promise<Admission> {
    const token = parseFence(fence);
    const [one, two] = [this.#parameter(1), this.#parameter(2)];
    const raise =
      `INSERT INTO ${this.#table} (resource, ${this.#column}) VALUES (${one}, ${two}) ` +
      `ON CONFLICT (resource) DO UPDATE SET ${this.#column} = excluded.${this.#column} ` +
      `WHERE ${this.#table}.${this.#column} <= excluded.${this.#column} RETURNING ${this.#column} AS seen`;
    const look = `SELECT ${this.#column} AS seen FROM ${this.#table} WHERE resource = ${one}`;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const [raised] = await run(raise, [resource, token]);
      if (raised !== undefined) return { kind: 'admitted' };
      const [found] = await run(look, [resource]);
      const seen = found === undefined ? token : parseFence(`${found.seen}`);
      if (seen > token) return this.#stale({ resource, fence: token, seen });
    }
    throw new Error(`The fence of ${resource} comes and goes; nothing was admitted`);
  }

  #stale(facts: Omit<StaleFence, 'kind'>): StaleFence {
    this.#metrics?.staleWrite();
    return { kind: 'stale', ...facts };
  }

  /** Byte order, whatever the database sorts by; nothing else gets in. */
  #type(): string {
    return this.#dialect === 'postgres'
      ? `text COLLATE "C" NOT NULL CHECK (${this.#column} ~ '^[0-9]{16}$')`
      : `text NOT NULL CHECK (length(${this.#column}) = 16 AND ${this.#column} NOT GLOB '*[^0-9]*')`;
  }

  #parameter(place: number): string {
    return this.#dialect === 'postgres' ? `$${place}` : `?${place}`;
  }
}

/** Quoted, part by part where it names a schema too. */
function identifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new RangeError('an SQL name is empty or holds a NUL');
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}

/** How a refusal names the row. */
function nameOf(update: SqlUpdate): string {
  return [update.table, ...Object.values(update.where).map(String)].join(':');
}
