import type { Unsubscribe } from './clock.ts';
import type { SubscriberPort } from './redis-faults.ts';

type OnMessage = (payload: string) => void;

/** The subscriber connection: opened with the first channel, shared by all. */
export class Subscriptions {
  readonly #connect: () => SubscriberPort;
  readonly #channels = new Map<string, Set<OnMessage>>();
  #subscriber: SubscriberPort | undefined;
  #ready: Promise<void> | undefined;

  constructor(connect: () => SubscriberPort) {
    this.#connect = connect;
  }

  async add(channel: string, onMessage: OnMessage): Promise<Unsubscribe> {
    const subscriber = this.#open();
    const listeners = this.#channels.get(channel) ?? new Set();
    const isFirst = listeners.size === 0;
    listeners.add(onMessage);
    this.#channels.set(channel, listeners);
    await this.#ready;
    if (isFirst) await subscriber.subscribe(channel);
    return () => {
      listeners.delete(onMessage);
      if (listeners.size > 0 || this.#channels.get(channel) !== listeners) return;
      this.#channels.delete(channel);
      // Failing to unsubscribe costs a few ignored messages, no more.
      subscriber.unsubscribe(channel).catch(() => undefined);
    };
  }

  async close(): Promise<void> {
    this.#channels.clear();
    this.#subscriber?.disconnect();
    this.#subscriber = undefined;
  }

  #open(): SubscriberPort {
    if (this.#subscriber !== undefined) return this.#subscriber;
    const subscriber = this.#connect();
    this.#subscriber = subscriber;
    subscriber.on('error', () => undefined);
    subscriber.on('message', (channel, payload) => {
      for (const listener of this.#channels.get(channel) ?? []) listener(payload);
    });
    this.#ready =
      subscriber.status === 'ready'
        ? Promise.resolve()
        : new Promise((resolve) => subscriber.on('ready', () => resolve()));
    return subscriber;
  }
}
