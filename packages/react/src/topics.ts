// Topics
//
// What is subscribed to, and who listens. Keeps each topic's place across lines; see
// `topic-cursor.ts` for what is taken and what is a gap.
import type { EventFrame } from '@devmentor/contracts';
import { isDurable, parseTopic } from '@devmentor/contracts/topics';
import type { CoordinationError } from './errors.ts';
import { TopicCursor } from './topic-cursor.ts';

export interface TopicListener {
  event(event: EventFrame): void;
  /**
   * The subscription stands. `continuous`: every event since the last one follows.
   * Otherwise the thing must be fetched, now that nothing more is missed.
   */
  subscribed?(continuous: boolean): void;
  /** The server ended it: no right any more, or nothing there any more. */
  ended?(reason: 'forbidden' | 'deleted'): void;
  refused?(error: CoordinationError): void;
}

interface Entry {
  readonly listeners: Set<TopicListener>;
  readonly cursor: TopicCursor;
  readonly durable: boolean;
  /** Between asking for a place in the log and being told it, events are not in order. */
  settled: boolean;
}

export class Topics {
  readonly #entries = new Map<string, Entry>();
  readonly #subscribe: (topics: string[], cursors: Record<string, string>) => void;

  constructor(subscribe: (topics: string[], cursors: Record<string, string>) => void) {
    this.#subscribe = subscribe;
  }

  add(topic: string, listener: TopicListener, onLast: (topic: string) => void): () => void {
    const known = this.#entries.get(topic);
    const entry = known ?? newEntry(topic);
    entry.listeners.add(listener);
    if (known === undefined) {
      this.#entries.set(topic, entry);
      this.#ask([topic]);
    } else if (entry.settled) {
      listener.subscribed?.(false);
    }
    return () => {
      if (!entry.listeners.delete(listener)) return;
      if (entry.listeners.size > 0 || this.#entries.get(topic) !== entry) return;
      this.#entries.delete(topic);
      onLast(topic);
    };
  }

  /** A new line is there: go on everywhere. */
  resumeAll(): void {
    if (this.#entries.size > 0) this.#ask([...this.#entries.keys()]);
  }

  subscribed(topic: string, cursor: string | null, outcome: 'current' | 'replay' | 'resync'): void {
    const entry = this.#entries.get(topic);
    if (entry === undefined) return;
    const continuous = outcome === 'replay' || (outcome === 'current' && cursor === entry.cursor.last);
    // A replay begins behind the place that was asked for, and moves on by its events.
    if (outcome !== 'replay') entry.cursor.moveTo(cursor);
    entry.settled = true;
    for (const listener of [...entry.listeners]) listener.subscribed?.(continuous);
  }

  event(event: EventFrame): void {
    const entry = this.#entries.get(event.topic);
    if (entry === undefined || !entry.settled) return;
    const reading = entry.durable ? entry.cursor.take(event) : 'next';
    if (reading === 'gap') this.#ask([event.topic]);
    if (reading !== 'next') return;
    for (const listener of [...entry.listeners]) listener.event(event);
  }

  ended(topic: string, reason: 'forbidden' | 'deleted'): void {
    const entry = this.#entries.get(topic);
    this.#entries.delete(topic);
    for (const listener of entry?.listeners ?? []) listener.ended?.(reason);
  }

  refused(topic: string, error: CoordinationError): void {
    for (const listener of [...(this.#entries.get(topic)?.listeners ?? [])]) listener.refused?.(error);
  }

  #ask(topics: string[]): void {
    const cursors: Record<string, string> = {};
    for (const topic of topics) {
      const entry = this.#entries.get(topic);
      if (entry === undefined) continue;
      entry.settled = false;
      const from = entry.durable ? entry.cursor.resumeFrom : undefined;
      if (from !== undefined) cursors[topic] = from;
    }
    this.#subscribe(topics, cursors);
  }
}

function newEntry(topic: string): Entry {
  const parsed = parseTopic(topic);
  if (parsed === undefined) throw new RangeError(`${topic} is not a topic`);
  return { listeners: new Set(), cursor: new TopicCursor(), durable: isDurable(parsed), settled: false };
}
