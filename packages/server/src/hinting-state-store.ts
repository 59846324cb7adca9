import type { Unsubscribe } from '@devmentor/locks';
import type { StateStore, TopicEvent } from '@devmentor/runtime';
import type { TopicHints } from './live/topic-feed.ts';

/**
 * The state of a node that is alone. It needs no transport to say what happened: whoever listens
 * in this process hears each topic event as its commit ends.
 */
export class HintingStateStore implements StateStore, TopicHints {
  readonly #store: StateStore;
  readonly #listeners = new Map<string, Set<(event: TopicEvent) => void>>();

  constructor(store: StateStore) {
    this.#store = store;
  }

  get shards(): number {
    return this.#store.shards;
  }

  async commit(...args: Parameters<StateStore['commit']>): ReturnType<StateStore['commit']> {
    const committed = await this.#store.commit(...args);
    if (committed.kind === 'outcomes') {
      for (const outcome of committed.outcomes) if (outcome.kind === 'committed') this.#tell(outcome.events);
    }
    return committed;
  }

  async listen(topic: string, heard: (event: TopicEvent) => void): Promise<Unsubscribe> {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(heard));
    return () => {
      listeners.delete(heard);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    };
  }

  open: StateStore['open'] = () => this.#store.open();
  close: StateStore['close'] = () => this.#store.close();
  ownership: StateStore['ownership'] = (...args) => this.#store.ownership(...args);
  seal: StateStore['seal'] = (...args) => this.#store.seal(...args);
  yield: StateStore['yield'] = (...args) => this.#store.yield(...args);
  confirm: StateStore['confirm'] = (...args) => this.#store.confirm(...args);
  load: StateStore['load'] = (...args) => this.#store.load(...args);
  pending: StateStore['pending'] = (...args) => this.#store.pending(...args);
  peek: StateStore['peek'] = (...args) => this.#store.peek(...args);
  admit: StateStore['admit'] = (...args) => this.#store.admit(...args);
  guard: StateStore['guard'] = (...args) => this.#store.guard(...args);

  #tell(events: readonly TopicEvent[]): void {
    for (const event of events) for (const heard of this.#listeners.get(event.topic) ?? []) heard(event);
  }
}
