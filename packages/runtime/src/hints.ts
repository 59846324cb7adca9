// Hints
//
// What happened, for those who listen now: topic events after their commit, and events that a
// machine emitted. A hint may be lost, late or doubled; who must know reads the log.
import { encodeId, encodePart } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import type { EventData } from './effect.ts';
import type { TopicEvent } from './log-store.ts';
import type { Transport } from './transport.ts';

/** Where the topic events of a topic are hinted; the body is the `TopicEvent` as JSON. */
export function topicSubject(namespace: string, topic: string): string {
  return `ev.${namespace}.${token(topic)}`;
}

/** Where what a machine emits is hinted; the body is the event as JSON. */
export function emittedSubject(namespace: string, id: ActorId): string {
  return `em.${namespace}.${token(id)}`;
}

/** An id of very many parts would make too long a subject. */
function token(id: string): string {
  const encoded = encodeId(id);
  return encoded.length <= 256 ? encoded : encodePart(id);
}

export class Hints {
  readonly #transport: Transport;
  readonly #namespace: string;

  constructor(transport: Transport, namespace: string) {
    this.#transport = transport;
    this.#namespace = namespace;
  }

  published(event: TopicEvent): void {
    this.#publish(topicSubject(this.#namespace, event.topic), event);
  }

  emitted(id: ActorId, event: EventData): void {
    this.#publish(emittedSubject(this.#namespace, id), event);
  }

  /** Calls `listener` for each hint of an actor; returns at once, hints begin a moment later. */
  listen(id: ActorId, listener: (event: { readonly type: string }) => void): () => void {
    const topic = this.#listenTo(topicSubject(this.#namespace, id), listener);
    const emitted = this.#listenTo(emittedSubject(this.#namespace, id), listener);
    return () => {
      topic();
      emitted();
    };
  }

  #listenTo(subject: string, listener: (event: { readonly type: string }) => void): () => void {
    let over = false;
    const subscribed = this.#transport.subscribe(subject, ({ body }) => {
      const event = over ? undefined : parsedEvent(body);
      if (event !== undefined) listener(event);
    });
    return () => {
      over = true;
      subscribed
        .then((subscription) => subscription.unsubscribe())
        .catch(() => {
          // The connection is gone, and the subscription with it.
        });
    };
  }

  #publish(subject: string, event: object): void {
    try {
      this.#transport.publish(subject, Buffer.from(JSON.stringify(event)));
    } catch {
      // Disconnected, or too large for the transport: a hint is allowed to be lost.
    }
  }
}

function parsedEvent(body: Buffer): { readonly type: string } | undefined {
  try {
    const event: unknown = JSON.parse(body.toString('utf8'));
    return typeof event === 'object' && event !== null && 'type' in event && typeof event.type === 'string'
      ? { ...event, type: event.type }
      : undefined;
  } catch {
    return undefined;
  }
}
