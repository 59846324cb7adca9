import type { Script } from '@devmentor/locks/redis';
import { readEvents } from './commit-batch.ts';
import type { Json } from './json.ts';
import { jsonText, jsonValue } from './json-text.ts';
import { appendScript, readScript } from './log-store.redis-scripts.ts';
import type { LogId, LogStore, TopicEvent } from './log-store.ts';
import type { RedisNamespace } from './redis-namespace.ts';
import { list, text } from './redis-reply.ts';
import { checkKey } from './store-key.ts';
import { defaultStoreLimits } from './store-limits.ts';

/** Topic logs as Redis streams, of about the last 1,000 events. The link is its opener's to close. */
export class RedisLogStore implements LogStore {
  readonly #namespace: RedisNamespace;
  readonly #append: Script;
  readonly #read: Script;

  constructor(namespace: RedisNamespace) {
    this.#namespace = namespace;
    this.#append = namespace.timed(appendScript);
    this.#read = namespace.link.script(readScript);
  }

  async append(
    topic: string,
    events: readonly { readonly type: string; readonly data: Json }[],
  ): Promise<readonly TopicEvent[]> {
    checkKey(topic);
    const texts = events.map((event, i) => ({
      type: event.type,
      text: jsonText(event.data, `events[${i}].data`, defaultStoreLimits.messageBytes),
    }));
    if (texts.length === 0) return [];
    await this.#namespace.open();
    const answer = await this.#namespace.runTimed(
      this.#append,
      [this.#namespace.key('log', topic)],
      texts.flatMap((event) => [event.type, event.text]),
    );
    return readEvents(list(answer), topic, texts);
  }

  async read(topic: string, after: LogId | '', limit: number): ReturnType<LogStore['read']> {
    checkKey(topic);
    await this.#namespace.open();
    // Anything but an id of ours is a cursor the topic never gave.
    const cursor = after === '' || /^\d{16}$/.test(after) ? after : 'none';
    const [kind, fact] = list(
      await this.#namespace.link.run(this.#read, [this.#namespace.key('log', topic)], [cursor, limit]),
    );
    if (kind === 'gone') return { kind, oldest: text(fact) };
    return { kind: 'events', events: list(fact).map((entry) => readEntry(topic, entry)) };
  }

  async last(topic: string): Promise<LogId | ''> {
    checkKey(topic);
    await this.#namespace.open();
    const [last] = list(
      await this.#namespace.link.command('xrevrange', this.#namespace.key('log', topic), '+', '-', 'COUNT', 1),
    );
    return last === undefined ? '' : idOf(list(last)[0]);
  }

  async close(): Promise<void> {}
}

function readEntry(topic: string, entry: unknown): TopicEvent {
  const [entryId, fields] = list(entry);
  const [, prev, , type, , atMs, , data] = list(fields).map(text);
  return {
    topic,
    id: idOf(entryId),
    prev: prev ?? '',
    type: type ?? '',
    atMs: Number(atMs),
    data: jsonValue(data ?? 'null'),
  };
}

function idOf(entryId: unknown): LogId {
  return text(entryId).slice(0, 16);
}
