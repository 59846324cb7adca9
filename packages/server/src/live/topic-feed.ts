import type { Cancel, Clock, Unsubscribe } from '@devmentor/locks';
import type { LogStore, TopicEvent } from '@devmentor/runtime';
import { type TopicListener, TopicTail } from './topic-tail.ts';

/** The new event itself, or only that there is one. */
export type Heard = TopicEvent | 'changed';

/** Says, soon and perhaps not at all, that a topic has a new event. */
export interface TopicHints {
  /** In force when the promise resolves. */
  listen(topic: string, heard: (news: Heard) => void): Promise<Unsubscribe>;
}

/** A second without a hint makes the log be read. */
const SILENCE_MS = 1_000;

interface Followed {
  readonly tail: TopicTail;
  readonly started: Promise<void>;
  readonly stop: Unsubscribe;
  /** Who listens or is about to. */
  users: number;
}

/** The topics somebody on this node listens to; each is followed once, however many listen. */
export class TopicFeed {
  readonly #log: LogStore;
  readonly #hints: TopicHints;
  readonly #clock: Clock;
  readonly #followed = new Map<string, Followed>();
  #nextCheck: Cancel | undefined;

  constructor(options: { readonly log: LogStore; readonly hints: TopicHints; readonly clock: Clock }) {
    this.#log = options.log;
    this.#hints = options.hints;
    this.#clock = options.clock;
    this.#checkLater();
  }

  /** Resolves when the listener has been told how it joined; throws when the log cannot be read. */
  async subscribe(topic: string, cursor: string | undefined, listener: TopicListener): Promise<Unsubscribe> {
    const followed = this.#follow(topic);
    followed.users += 1;
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      followed.tail.leave(listener);
      followed.users -= 1;
      if (followed.users === 0) this.#unfollow(topic, followed);
    };
    try {
      await followed.started;
      await followed.tail.join(listener, cursor);
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  close(): void {
    this.#nextCheck?.();
    for (const [topic, followed] of this.#followed) this.#unfollow(topic, followed);
  }

  #follow(topic: string): Followed {
    const known = this.#followed.get(topic);
    if (known !== undefined) return known;
    const tail = new TopicTail(topic, this.#log);
    const listening = this.#hints.listen(topic, (news) => (news === 'changed' ? tail.changed() : tail.hint(news)));
    const followed: Followed = {
      tail,
      users: 0,
      started: listening.then(() => tail.start()),
      stop: () =>
        void listening.then(
          (stop) => stop(),
          () => {},
        ),
    };
    this.#followed.set(topic, followed);
    return followed;
  }

  #unfollow(topic: string, followed: Followed): void {
    if (this.#followed.get(topic) === followed) this.#followed.delete(topic);
    followed.stop();
  }

  #checkLater(): void {
    this.#nextCheck = this.#clock.background(SILENCE_MS, () => {
      for (const { tail } of this.#followed.values()) tail.afterSilence();
      this.#checkLater();
    });
  }
}
