// LogStore
//
// Append-only topics, read by cursor. A topic that bears an actor's id is written by that
// actor's commits (see StateStore); every other topic is appended to here.
//
//   LO1  Ids of a topic increase (as text); each event names the one before it (`prev`).
//   LO2  A read after cursor c returns exactly the events after c, in order, or `gone` when c
//        is older than what is kept or was never given (a log that was lost and began anew).
//        At least 1,000 events or 10 minutes are kept.
//   LO3  An append is all or nothing and answers with the ids it gave.
//   LO4  A hint may be lost, late or doubled; a read never lies.
import type { Json } from './json.ts';

/** Opaque to clients; fixed-width text that orders as text within its topic. */
export type LogId = string;

/** An event of a topic, as it was appended. */
export interface TopicEvent {
  readonly topic: string;
  readonly id: LogId;
  /** Id of the topic's event before this one; `''` for the first. */
  readonly prev: LogId | '';
  readonly type: string;
  /** Wall time of the store at the append, epoch milliseconds; for display. */
  readonly atMs: number;
  readonly data: Json;
}

/** The port of topics: events in order, each linked to the one before it; of old ones LO2 says how many are kept. */
export interface LogStore {
  append(
    topic: string,
    events: readonly { readonly type: string; readonly data: Json }[],
  ): Promise<readonly TopicEvent[]>;
  /** `after: ''` reads from the oldest kept. */
  read(
    topic: string,
    after: LogId | '',
    limit: number,
  ): Promise<
    | { readonly kind: 'events'; readonly events: readonly TopicEvent[] }
    | { readonly kind: 'gone'; readonly oldest: LogId | '' }
  >;
  /** Id of the last event; `''` for a topic without one. */
  last(topic: string): Promise<LogId | ''>;
  close(): Promise<void>;
}
