import type { Unsubscribe } from './clock.ts';
import type { SubscriberPort } from './redis-faults.ts';

type OnMessage = (payload: string) => void;

interface Channel {
  readonly listeners: Set<OnMessage>;
  readonly subscribed: Promise<unknown>;
}

/** The subscriber connection: opened with the first channel, shared by all. */
export class Subscriptions {
  readonly #connect: () => SubscriberPort;
  readonly #channels = new Map<string, Channel>();
  #connection: { readonly subscriber: SubscriberPort; readonly ready: Promise<void> } | undefined;

  constructor(connect: () => SubscriberPort) {
    this.#connect = connect;
  }

  /** Resolves when messages flow. `signal` gives up; what was begun is then undone. */
  async add(channel: string, onMessage: OnMessage, signal: AbortSignal): Promise<Unsubscribe> {
    const { subscriber, ready } = this.#open();
    const known = this.#channels.get(channel);
    const entry: Channel = known ?? {
      listeners: new Set(),
      subscribed: ready.then(() => subscriber.subscribe(channel)),
    };
    this.#channels.set(channel, entry);
    entry.listeners.add(onMessage);
    const remove = (): void => {
      entry.listeners.delete(onMessage);
      if (entry.listeners.size > 0 || this.#channels.get(channel) !== entry) return;
      this.#channels.delete(channel);
      // Failing to unsubscribe costs a few ignored messages, no more.
      subscriber.unsubscribe(channel).catch(() => undefined);
    };
    try {
      await Promise.race([entry.subscribed, aborted(signal)]);
    } catch (cause) {
      this.#channels.delete(channel);
      remove();
      throw cause;
    }
    return remove;
  }

  close(): void {
    this.#channels.clear();
    this.#connection?.subscriber.disconnect();
    this.#connection = undefined;
  }

  #open(): { readonly subscriber: SubscriberPort; readonly ready: Promise<void> } {
    if (this.#connection !== undefined) return this.#connection;
    const subscriber = this.#connect();
    // ioredis does not catch its own repetition of subscriptions: a connection that breaks again in
    // that moment would end the process. It is done below.
    Object.assign(subscriber.options, { autoResubscribe: false });
    subscriber.on('error', () => undefined);
    subscriber.on('message', (channel, payload) => {
      for (const listener of this.#channels.get(channel)?.listeners ?? []) listener(payload);
    });
    let wasReady = subscriber.status === 'ready';
    const ready = new Promise<void>((resolve) => {
      if (wasReady) resolve();
      subscriber.on('ready', () => {
        // A connection made anew knows of no channels; one that breaks meanwhile is made anew too.
        if (wasReady) for (const channel of this.#channels.keys()) subscriber.subscribe(channel).catch(() => undefined);
        wasReady = true;
        resolve();
      });
    });
    if (subscriber.status === 'wait') subscriber.connect().catch(() => undefined);
    this.#connection = { subscriber, ready };
    return this.#connection;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
