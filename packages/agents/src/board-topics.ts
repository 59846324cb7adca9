// Boards as topics: the log of each, in the form in which live events are read.
//
//   BT1  Topic `blackboard:<id>`; the id of an event is its revision as fixed-width text.
//   BT2  Every revision is one event, so `prev` is always the revision before.
//   BT3  What is no contribution, schedule or ending is `blackboard.progress`, with the counts
//        of that moment.
import type { Json, LogStore, TopicEvent } from '@devmentor/runtime';
import { Board, type Counts } from './board.ts';
import type { BoardStatus } from './board-status.ts';
import type { BoardStore } from './board-store.ts';
import { cursorOf, revOf } from './cursor.ts';
import type { Contribution, Entry } from './entry.ts';
import { BoardError } from './errors.ts';

const PREFIX = 'blackboard:';
const MOST_KNOWN = 64;
const PAGE = 1_000;

/** A view for reading; nothing can be appended to it. */
export function boardTopics(store: BoardStore): LogStore {
  return new BoardTopics(store);
}

class BoardTopics implements LogStore {
  readonly #store: BoardStore;
  /** Boards folded up to where their readers last were. */
  readonly #known = new Map<string, Board>();

  constructor(store: BoardStore) {
    this.#store = store;
  }

  append(topic: string): ReturnType<LogStore['append']> {
    return Promise.reject(new BoardError('BOARD_STATE', `${topic} is written by contributing to the board`));
  }

  async read(topic: string, after: string, limit: number): ReturnType<LogStore['read']> {
    const id = idOf(topic);
    const head = await this.#store.head(id);
    const afterRev = after === '' ? 0 : revOf(after);
    if (head === undefined) return after === '' ? { kind: 'events', events: [] } : { kind: 'gone', oldest: '' };
    if (afterRev === undefined || afterRev > head.rev) return { kind: 'gone', oldest: cursorOf(1) };
    const board = this.#boardAt(head, afterRev);
    const events: TopicEvent[] = [];
    while (events.length < limit) {
      const { entries } = await this.#store.read(id, board.rev, Math.min(PAGE, afterRev + limit - board.rev));
      if (entries.length === 0) break;
      for (const entry of entries) {
        board.apply(entry);
        if (entry.rev > afterRev) events.push(eventOf(topic, board, entry));
      }
    }
    this.#keep(board);
    return { kind: 'events', events };
  }

  async last(topic: string): Promise<string> {
    const head = await this.#store.head(idOf(topic));
    return head === undefined || head.rev === 0 ? '' : cursorOf(head.rev);
  }

  async close(): Promise<void> {}

  /** Taken out while it is read with, so that two readers never share one. */
  #boardAt(head: ConstructorParameters<typeof Board>[0], rev: number): Board {
    const known = this.#known.get(head.id);
    this.#known.delete(head.id);
    return known !== undefined && known.createdAtMs === head.createdAtMs && known.rev <= rev ? known : new Board(head);
  }

  #keep(board: Board): void {
    this.#known.set(board.id, board);
    const oldest = this.#known.size > MOST_KNOWN ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

function idOf(topic: string): string {
  if (!topic.startsWith(PREFIX))
    throw new BoardError('BOARD_NOT_FOUND', `${JSON.stringify(topic)} is no topic of a blackboard`);
  return topic.slice(PREFIX.length);
}

function eventOf(topic: string, board: Board, entry: Entry): TopicEvent {
  const { type, data } = saidOf(board, entry);
  return {
    topic,
    id: cursorOf(entry.rev),
    prev: entry.rev === 1 ? '' : cursorOf(entry.rev - 1),
    type,
    atMs: entry.atMs,
    data: { blackboardId: board.id, ...data },
  };
}

function saidOf(
  board: Board,
  entry: Entry,
): { readonly type: string; readonly data: { readonly [key: string]: Json } } {
  if (entry.kind === 'contribution')
    return { type: 'blackboard.contribution', data: { contribution: contributionData(entry.contribution, entry) } };
  if (entry.kind === 'scheduled') {
    const { source, triggeredBy, rating } = entry.activation;
    return { type: 'blackboard.scheduled', data: { source, triggeredBy, rating } };
  }
  if (entry.kind === 'status' && entry.status === 'solved')
    return { type: 'blackboard.solved', data: { solutionId: board.solution?.id ?? '' } };
  if (entry.kind === 'status' && entry.status === 'failed')
    return { type: 'blackboard.failed', data: { reason: entry.why } };
  return { type: 'blackboard.progress', data: progressData(board.status, board.counts) };
}

function contributionData(
  { id, version, level, kind, subject, value, author, confidence, supports, evidence }: Contribution,
  { rev, atMs }: Entry,
): Json {
  return {
    id,
    version,
    revision: rev,
    cursor: cursorOf(rev),
    source: author,
    kind,
    subject: { ...subject },
    knowledge: { level, value, confidence, links: supports.map((support) => support.id) },
    evidence: evidence.map(({ file, sha256, span }) => ({
      file,
      sha256,
      ...(span === undefined ? {} : { span: { ...span } }),
    })),
    at: new Date(atMs).toISOString(),
  };
}

function progressData(status: BoardStatus, counts: Counts): { readonly [key: string]: Json } {
  return { status, counts: { ...counts } };
}
