// Topic tail
//
// One topic as this node follows it: where its log stands, and who listens. Hints make it fast,
// the log makes it right.
//
//   TT1  Every listener hears every event after the cursor it joined at, once and in order, or
//        is told that it missed some.
//   TT2  A hint is believed only if its `prev` is where the tail stands; anything else makes the
//        log be read.
//   TT3  Joining, catching up and hearing are steps of one line: nothing falls between a
//        listener's replay and its first live event.
import type { LogId, LogStore, TopicEvent } from '@devmentor/runtime';

export interface TopicListener {
  /** Called once, before anything else: how it goes on from the cursor it gave. */
  joined(join: Joined): void;
  event(event: TopicEvent): void;
  /** Events were lost for good; what the listener knows must be fetched anew. */
  missed(cursor: LogId | ''): void;
}

export interface Joined {
  readonly outcome: 'current' | 'replay' | 'resync';
  /** Where the topic stands after the replay. */
  readonly cursor: LogId | '';
  readonly replay: readonly TopicEvent[];
}

const PAGE = 200;
/** Who missed more than this fetches the thing itself: cheaper than its history. */
const MAX_REPLAY = 1_000;
const MAX_REPLAY_BYTES = 512 * 1024;

export class TopicTail {
  readonly #topic: string;
  readonly #log: LogStore;
  readonly #listeners = new Set<TopicListener>();
  #last: LogId | '' = '';
  #line: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #heard = false;

  constructor(topic: string, log: LogStore) {
    this.#topic = topic;
    this.#log = log;
  }

  /** Begins where the log ends now. Call once the hints are in force. */
  start(): Promise<void> {
    return this.#step(async () => {
      this.#last = await this.#log.last(this.#topic);
    });
  }

  join(listener: TopicListener, cursor: LogId | undefined): Promise<void> {
    return this.#step(async () => {
      await this.#catchUp();
      listener.joined(await this.#since(cursor));
      this.#listeners.add(listener);
    });
  }

  leave(listener: TopicListener): void {
    this.#listeners.delete(listener);
  }

  /** Something was appended, as the node that did says. */
  hint(event: TopicEvent): void {
    this.#heard = true;
    if (this.#queued === 0 && event.prev === this.#last) this.#deliver(event);
    else if (event.id > this.#last) this.#read();
  }

  /** Something was appended; what, the log tells. */
  changed(): void {
    this.#heard = true;
    // One reading that has begun may have passed the end; one that waits will not.
    if (this.#queued < 2) this.#read();
  }

  /** Reads the log if no hint came since the last call. */
  afterSilence(): void {
    if (!this.#heard && this.#queued === 0) this.#read();
    this.#heard = false;
  }

  #read(): void {
    // A log that cannot be read now is read after the next silence.
    this.#step(() => this.#catchUp()).catch(() => {});
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      const page = await this.#log.read(this.#topic, this.#last, PAGE);
      if (page.kind === 'gone') {
        this.#last = await this.#log.last(this.#topic);
        for (const listener of this.#listeners) listener.missed(this.#last);
        return;
      }
      for (const event of page.events) this.#deliver(event);
      if (page.events.length < PAGE) return;
    }
  }

  #deliver(event: TopicEvent): void {
    this.#last = event.id;
    for (const listener of this.#listeners) listener.event(event);
  }

  async #since(cursor: LogId | undefined): Promise<Joined> {
    const here = this.#last;
    if (cursor === undefined || cursor === here) return { outcome: 'current', cursor: here, replay: [] };
    const replay: TopicEvent[] = [];
    let bytes = 0;
    for (let after = cursor; after !== here; ) {
      const page = await this.#log.read(this.#topic, after, PAGE);
      const events = page.kind === 'events' ? page.events.filter(({ id }) => id <= here) : [];
      bytes += events.reduce((sum, event) => sum + JSON.stringify(event.data).length, 0);
      replay.push(...events);
      after = events.at(-1)?.id ?? after;
      const isUnknown = events.length === 0 || replay[0]?.prev !== cursor;
      if (isUnknown || replay.length > MAX_REPLAY || bytes > MAX_REPLAY_BYTES)
        return { outcome: 'resync', cursor: here, replay: [] };
    }
    return { outcome: 'replay', cursor: here, replay };
  }

  #step<T>(work: () => Promise<T>): Promise<T> {
    this.#queued += 1;
    const result = this.#line.then(work).finally(() => {
      this.#queued -= 1;
    });
    this.#line = result.catch(() => {});
    return result;
  }
}
