import type { Clock } from '@devmentor/locks';
import { Board } from './board.ts';
import type { BoardHead, BoardStore } from './board-store.ts';
import type { Entry } from './entry.ts';

const PAGE = 1_000;

/** One board as this process knows it: the log up to some revision, folded, and caught up on demand. */
export class SharedKnowledgeBase {
  readonly board: Board;
  readonly #store: BoardStore;
  readonly #clock: Clock;
  #line: Promise<unknown> = Promise.resolve();
  #ahead = 0;

  private constructor(store: BoardStore, clock: Clock, board: Board) {
    this.#store = store;
    this.#clock = clock;
    this.board = board;
  }

  /** Folds the log as it is now; nothing for a board that is not there. */
  static async open(store: BoardStore, id: string, clock: Clock): Promise<SharedKnowledgeBase | undefined> {
    const head = await store.head(id);
    if (head === undefined) return undefined;
    const base = SharedKnowledgeBase.unread(store, head, clock);
    await base.catchUp();
    return base;
  }

  /** At revision 0: the first `catchUp` answers with the whole log. */
  static unread(store: BoardStore, head: BoardHead, clock: Clock): SharedKnowledgeBase {
    return new SharedKnowledgeBase(store, clock, new Board(head));
  }

  /** Reads on to the end of the log; answers with what was new. Calls are one after another. */
  catchUp(): Promise<readonly Entry[]> {
    const turn = this.#line.then(() => this.#readOn());
    this.#line = turn.catch(() => undefined);
    return turn;
  }

  /** The store's wall clock, as far as this process can tell. */
  nowMs(): number {
    return this.#clock.nowMs() + this.#ahead;
  }

  async #readOn(): Promise<readonly Entry[]> {
    const news: Entry[] = [];
    for (;;) {
      const { entries, nowMs } = await this.#store.read(this.board.id, this.board.rev, PAGE);
      this.#ahead = nowMs - this.#clock.nowMs();
      for (const entry of entries) this.board.apply(entry);
      news.push(...entries);
      if (entries.length < PAGE) return news;
    }
  }
}

const MOST_OPEN = 64;

/** The boards that a process looks at, each folded once; the longest unused is forgotten. */
export class KnowledgeBases {
  readonly #store: BoardStore;
  readonly #clock: Clock;
  readonly #open = new Map<string, SharedKnowledgeBase>();

  constructor(store: BoardStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Caught up; nothing for a board that is not there. */
  async get(id: string): Promise<SharedKnowledgeBase | undefined> {
    const known = this.#open.get(id);
    if (known !== undefined) {
      const head = await this.#store.head(id);
      // Removed, and perhaps made anew under its id: another log.
      if (head?.createdAtMs !== known.board.createdAtMs || head.rev < known.board.rev) this.#open.delete(id);
      else {
        this.#open.delete(id);
        this.#open.set(id, known);
        await known.catchUp();
        return known;
      }
    }
    const base = await SharedKnowledgeBase.open(this.#store, id, this.#clock);
    if (base === undefined) return undefined;
    this.#open.set(id, base);
    const oldest = this.#open.size > MOST_OPEN ? this.#open.keys().next().value : undefined;
    if (oldest !== undefined) this.#open.delete(oldest);
    return base;
  }

  forget(id: string): void {
    this.#open.delete(id);
  }
}
