import type { Unsubscribe } from '@devmentor/locks';
import { MemoryStateStore, type TopicEvent } from '@devmentor/runtime';
import type { TopicHints } from './live/topic-feed.ts';

/**
 * The memory store of a node that is alone. It needs no transport to say what happened: whoever
 * listens in this process hears each topic event as its commit ends.
 */
export class HintingStateStore extends MemoryStateStore implements TopicHints {
  readonly #listeners = new Map<string, Set<(event: TopicEvent) => void>>();

  override async commit(...args: Parameters<MemoryStateStore['commit']>): ReturnType<MemoryStateStore['commit']> {
    const committed = await super.commit(...args);
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

  #tell(events: readonly TopicEvent[]): void {
    for (const event of events) for (const heard of this.#listeners.get(event.topic) ?? []) heard(event);
  }
}
