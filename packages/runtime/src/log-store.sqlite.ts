import type { SqliteDatabase, Statement } from './database.sqlite.ts';
import { type EventRow, type EventText, eventOf, eventTexts, keptEvents, trimmedAtOnce } from './event-rows.sql.ts';
import type { Json } from './json.ts';
import { jsonValue } from './json-text.ts';
import type { LogId, LogStore, TopicEvent } from './log-store.ts';
import { stampAfter } from './stamp.ts';
import { checkKey } from './store-key.ts';

const logTables: readonly string[] = [
  `
CREATE TABLE topic (topic TEXT PRIMARY KEY, last TEXT NOT NULL, kept INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE event (
  topic TEXT NOT NULL,
  id TEXT NOT NULL,
  prev TEXT NOT NULL,
  type TEXT NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (topic, id)
) STRICT, WITHOUT ROWID;
`,
];

/** Topic logs in the database of one process. The database is its opener's to close. */
export class SqliteLogStore implements LogStore {
  readonly #database: SqliteDatabase;
  readonly #topic: Statement<{ last: string; kept: number }>;
  readonly #setTopic: Statement;
  readonly #add: Statement;
  readonly #trim: Statement;
  readonly #after: Statement<EventRow>;
  readonly #oldest: Statement<{ id: string; prev: string }>;
  readonly #has: Statement;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    database.makeTables('log', logTables);
    this.#topic = database.statement('SELECT last, kept FROM topic WHERE topic = ?');
    this.#setTopic = database.statement('INSERT OR REPLACE INTO topic VALUES (?, ?, ?)');
    this.#add = database.statement('INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)');
    this.#trim = database.statement(
      `DELETE FROM event WHERE topic = ?1 AND id <=
       (SELECT id FROM event WHERE topic = ?1 ORDER BY id DESC LIMIT 1 OFFSET ${keptEvents})`,
    );
    this.#after = database.statement(
      'SELECT id, prev, type, at AS atMs, data FROM event WHERE topic = ? AND id > ? ORDER BY id LIMIT ?',
    );
    this.#oldest = database.statement('SELECT id, prev FROM event WHERE topic = ? ORDER BY id LIMIT 1');
    this.#has = database.statement('SELECT 1 FROM event WHERE topic = ? AND id = ?');
  }

  async append(
    topic: string,
    events: readonly { readonly type: string; readonly data: Json }[],
  ): Promise<readonly TopicEvent[]> {
    checkKey(topic);
    const texts = eventTexts(events);
    return this.#database.write(() => this.appendTexts(topic, texts));
  }

  /** The append of a commit: inside its write, so that it is one with the record. */
  appendTexts(topic: string, events: readonly EventText[]): readonly TopicEvent[] {
    if (events.length === 0) return [];
    const { last, kept } = this.#topic.first(topic) ?? { last: '', kept: 0 };
    const wallMs = this.#database.clock.wallMs();
    const atMs = Math.floor(wallMs);
    let prev = last;
    const added = events.map(({ type, text }): TopicEvent => {
      const event = { topic, id: stampAfter(prev, wallMs), prev, type, atMs, data: jsonValue(text) };
      this.#add.run(topic, event.id, prev, type, atMs, text);
      prev = event.id;
      return event;
    });
    const held = kept + events.length;
    const full = held >= keptEvents + trimmedAtOnce;
    if (full) this.#trim.run(topic);
    this.#setTopic.run(topic, prev, full ? keptEvents : held);
    return added;
  }

  async read(topic: string, after: LogId | '', limit: number): ReturnType<LogStore['read']> {
    checkKey(topic);
    return this.#database.read(() => {
      const oldest = this.#oldest.first(topic);
      const known = after === '' || after === oldest?.prev || this.#has.first(topic, after) !== undefined;
      if (!known) return { kind: 'gone', oldest: oldest?.id ?? '' };
      return { kind: 'events', events: this.#after.all(topic, after, limit).map((row) => eventOf(topic, row)) };
    });
  }

  async last(topic: string): Promise<LogId | ''> {
    checkKey(topic);
    return this.#database.read(() => this.#topic.first(topic)?.last ?? '');
  }

  async close(): Promise<void> {}
}
