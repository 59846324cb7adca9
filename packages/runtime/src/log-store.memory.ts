import type { Clock } from '@devmentor/locks';
import type { Json } from './json.ts';
import { jsonText, jsonValue } from './json-text.ts';
import type { LogId, LogStore, TopicEvent } from './log-store.ts';
import { stampAfter } from './stamp.ts';
import { checkKey } from './store-key.ts';
import { defaultStoreLimits } from './store-limits.ts';

type Stored = Omit<TopicEvent, 'data' | 'topic'> & { readonly text: string };

const keptEvents = 1_000;
/** Old events are dropped in groups of this many: appending stays cheap. */
const trimmedAtOnce = 250;

/** Topic logs in this process's memory. Shared by the nodes of one process. */
export class MemoryLogStore implements LogStore {
  readonly #clock: Clock;
  readonly #topics = new Map<string, Stored[]>();

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  async append(
    topic: string,
    events: readonly { readonly type: string; readonly data: Json }[],
  ): Promise<readonly TopicEvent[]> {
    checkKey(topic);
    const texts = events.map((event, i) => jsonText(event.data, `events[${i}].data`, defaultStoreLimits.messageBytes));
    return this.appendTexts(
      topic,
      events.map((event, i) => ({ type: event.type, text: texts[i] ?? 'null' })),
    );
  }

  /** The append of a commit: at once, so that it is one write with the record. */
  appendTexts(
    topic: string,
    events: readonly { readonly type: string; readonly text: string }[],
  ): readonly TopicEvent[] {
    if (events.length === 0) return [];
    const stored = this.#topics.get(topic) ?? [];
    this.#topics.set(topic, stored);
    const atMs = Math.floor(this.#clock.wallMs());
    let prev = stored.at(-1)?.id ?? '';
    const added = events.map(({ type, text }): Stored => {
      const id = stampAfter(prev, this.#clock.wallMs());
      const event = { id, prev, type, atMs, text };
      prev = id;
      return event;
    });
    stored.push(...added);
    if (stored.length >= keptEvents + trimmedAtOnce) stored.splice(0, stored.length - keptEvents);
    return added.map((event) => asTopicEvent(topic, event));
  }

  async read(topic: string, after: LogId | '', limit: number): ReturnType<LogStore['read']> {
    const stored = this.#topics.get(topic) ?? [];
    const oldest = stored[0];
    const from = after === '' || after === oldest?.prev ? 0 : stored.findIndex((event) => event.id === after) + 1;
    const unknown = from === 0 && after !== '' && after !== oldest?.prev;
    if (unknown) return { kind: 'gone', oldest: oldest?.id ?? '' };
    return { kind: 'events', events: stored.slice(from, from + limit).map((event) => asTopicEvent(topic, event)) };
  }

  async last(topic: string): Promise<LogId | ''> {
    return this.#topics.get(topic)?.at(-1)?.id ?? '';
  }

  /** The events stay: the nodes that share this store come and go. */
  async close(): Promise<void> {}
}

function asTopicEvent(topic: string, { id, prev, type, atMs, text }: Stored): TopicEvent {
  return { topic, id, prev, type, atMs, data: jsonValue(text) };
}
