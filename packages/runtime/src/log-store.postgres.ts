import type { PostgresDatabase } from './database.postgres.ts';
import { type EventRow, eventOf, eventTexts } from './event-rows.sql.ts';
import type { Json } from './json.ts';
import type { LogId, LogStore, TopicEvent } from './log-store.ts';
import { checkKey } from './store-key.ts';

const statements = {
  append: { name: 'append', text: 'SELECT id, prev, at AS "atMs" FROM append_events($1)' },
  last: { name: 'last', text: 'SELECT stamp(last) AS last FROM topic WHERE topic = $1' },
  // One row without an event (its id is null) where there is none to read.
  read: {
    name: 'read',
    text: `WITH oldest AS (SELECT id, prev FROM event WHERE topic = $1 ORDER BY id LIMIT 1)
      SELECT coalesce((SELECT stamp(id) FROM oldest), '') AS oldest,
        $2::bigint = 0 OR $2 = (SELECT prev FROM oldest) OR EXISTS (SELECT FROM event WHERE topic = $1 AND id = $2) AS known,
        stamp(e.id) AS id, stamp(e.prev) AS prev, e.type, e.at AS "atMs", e.data
      FROM (VALUES (1)) AS once
      LEFT JOIN LATERAL (SELECT * FROM event WHERE topic = $1 AND id > $2 ORDER BY id LIMIT $3) AS e ON true
      ORDER BY e.id`,
  },
} as const;

/** A cursor that no store ever gave. */
const unknown = 1;

type ReadRow = { readonly oldest: string; readonly known: boolean | null } & (
  | EventRow
  | { readonly [K in keyof EventRow]: null }
);

/** Topic logs in PostgreSQL, shared by any number of processes. The database is its opener's to close. */
export class PostgresLogStore implements LogStore {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async append(
    topic: string,
    events: readonly { readonly type: string; readonly data: Json }[],
  ): Promise<readonly TopicEvent[]> {
    checkKey(topic);
    const texts = eventTexts(events);
    if (texts.length === 0) return [];
    const given = JSON.stringify(texts.map(({ type, text }, i) => ({ topic, n: i + 1, type, data: text })));
    const rows = await this.#database.write<Omit<EventRow, 'type' | 'data'>>(statements.append, [given]);
    return rows.map((row, i) => eventOf(topic, { ...row, type: texts[i]?.type ?? '', data: texts[i]?.text ?? 'null' }));
  }

  async read(topic: string, after: LogId | '', limit: number): ReturnType<LogStore['read']> {
    checkKey(topic);
    const cursor = after === '' ? 0 : /^\d{16}$/.test(after) ? after : unknown;
    const rows = await this.#database.read<ReadRow>(statements.read, [topic, cursor, limit]);
    const [first] = rows;
    if (first?.known !== true) return { kind: 'gone', oldest: first?.oldest ?? '' };
    return {
      kind: 'events',
      events: rows.flatMap(({ oldest: _, known: __, ...row }) => (row.id === null ? [] : [eventOf(topic, row)])),
    };
  }

  async last(topic: string): Promise<LogId | ''> {
    checkKey(topic);
    const [row] = await this.#database.read<{ last: LogId }>(statements.last, [topic]);
    return row?.last ?? '';
  }

  async close(): Promise<void> {}
}
