// TopicCursor
//
// Where a reader stands in one topic, and what a further event is to it (pure).
//
//   T1  An event is taken once, however often it comes.
//   T2  An event that does not follow the last one taken is never taken: the log is read.

/** Taken now; taken before; or something between is missing. */
export type Reading = 'next' | 'seen' | 'gap';

/** How many taken events are told from missed ones; more than a replay and a live copy overlap. */
const recent = 64;

export class TopicCursor {
  #last: string | null | undefined;
  readonly #seen: string[] = [];

  /** The last cursor; `undefined` before the topic was subscribed to. */
  get last(): string | null | undefined {
    return this.#last;
  }

  /** What to resume from; nothing when there is no position yet. */
  get resumeFrom(): string | undefined {
    return this.#last ?? undefined;
  }

  /** Stands at a position the server named: what came before is known another way. */
  moveTo(cursor: string | null): void {
    this.#last = cursor;
  }

  take(event: { readonly seq: string; readonly prev: string | null }): Reading {
    if (event.seq === this.#last || this.#seen.includes(event.seq)) return 'seen';
    if (event.prev !== (this.#last ?? null)) return 'gap';
    this.#last = event.seq;
    this.#seen.push(event.seq);
    if (this.#seen.length > recent) this.#seen.shift();
    return 'next';
  }
}
