import type { Clock, FencingToken } from '@devmentor/locks';
import { commitWrite, failWrite, noteOf, obviateWrite, readEntry, startWrite, steerWrite } from './board-codec.ts';
import { asCommitted, asContributed, asFailed, asRecorded, asStarted, asSteered } from './board-outcome.ts';
import { isOpen, type Steering } from './board-status.ts';
import type { BoardHead, BoardPage, BoardStore, FileTexts, Missing, NewBoard, StoredProblem } from './board-store.ts';
import {
  type ActivationPlace,
  type BoardCells,
  type BoardFacts,
  type BoardWrite,
  type StoredEntry,
  type WriteOutcome,
  writeBoard,
} from './board-write.ts';
import type { BoardSettings } from './problem.ts';

const missing: Missing = { kind: 'missing' };

/** Boards in this process's memory. Shared by the systems of one process. */
export class MemoryBoardStore implements BoardStore {
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #boards = new Map<string, MemoryBoard>();

  constructor(options: { readonly clock: Pick<Clock, 'wallMs'> }) {
    this.#clock = options.clock;
  }

  async create(board: NewBoard): ReturnType<BoardStore['create']> {
    const known = this.#boards.get(board.id);
    if (known !== undefined) return { kind: 'exists', head: known.head() };
    const made = new MemoryBoard(board, this.#clock);
    made.write({ contributions: board.contributions });
    this.#boards.set(board.id, made);
    return { kind: 'created', head: made.head() };
  }

  async head(id: string): Promise<BoardHead | undefined> {
    return this.#boards.get(id)?.head();
  }

  async read(id: string, afterRev: number, limit: number): ReturnType<BoardStore['read']> {
    const entries = this.#boards.get(id)?.log.slice(afterRev, afterRev + limit) ?? [];
    return { entries: entries.map(readEntry), nowMs: Math.floor(this.#clock.wallMs()) };
  }

  async files(id: string, hashes: readonly string[]): Promise<FileTexts> {
    const files = this.#boards.get(id)?.files;
    return new Map(hashes.flatMap((hash) => (files?.has(hash) === true ? [[hash, files.get(hash) ?? '']] : [])));
  }

  async list(query: { readonly after?: string; readonly limit: number }): Promise<BoardPage> {
    const places = [...this.#boards.values()].map((board) => ({ board, place: board.place }));
    const rest = places
      .filter(({ place }) => query.after === undefined || place < query.after)
      .sort((a, b) => (a.place < b.place ? 1 : -1));
    const items = rest.slice(0, query.limit);
    const last = items.at(-1);
    return {
      items: items.map(({ board }) => board.head()),
      ...(rest.length > items.length && last !== undefined ? { next: last.place } : {}),
    };
  }

  async open(limit: number): Promise<readonly string[]> {
    return [...this.#boards.values()]
      .filter(({ facts }) => isOpen(facts.status))
      .map(({ id }) => id)
      .slice(0, limit);
  }

  async remove(id: string): Promise<boolean> {
    return this.#boards.delete(id);
  }

  async contribute(
    id: string,
    contributions: NewBoard['contributions'],
    files?: FileTexts,
  ): ReturnType<BoardStore['contribute']> {
    const outcome = this.#write(id, { contributions }, asContributed);
    if (outcome.kind === 'contributed')
      for (const [hash, text] of files ?? []) this.#boards.get(id)?.files.set(hash, text);
    return outcome;
  }

  async steer(id: string, what: Steering, why: string): ReturnType<BoardStore['steer']> {
    return this.#write(id, steerWrite(what, why), asSteered);
  }

  async seal(id: string, epoch: FencingToken): ReturnType<BoardStore['seal']> {
    const board = this.#boards.get(id);
    if (board === undefined) return missing;
    if (epoch < board.facts.epoch) return { kind: 'fenced' };
    board.facts.epoch = epoch;
    return { kind: 'sealed', head: board.head() };
  }

  async record(...[id, entries, under]: Parameters<BoardStore['record']>): ReturnType<BoardStore['record']> {
    return this.#write(id, { ...under, notes: entries.map(noteOf) }, asRecorded);
  }

  async start(...[id, run]: Parameters<BoardStore['start']>): ReturnType<BoardStore['start']> {
    return this.#write(id, startWrite(run), asStarted);
  }

  async commit(...[id, run, result]: Parameters<BoardStore['commit']>): ReturnType<BoardStore['commit']> {
    return this.#write(id, commitWrite(run, result), asCommitted);
  }

  async fail(...[id, run, failure]: Parameters<BoardStore['fail']>): ReturnType<BoardStore['fail']> {
    return this.#write(id, failWrite(run, failure), asFailed);
  }

  async obviate(...[id, run, why]: Parameters<BoardStore['obviate']>): ReturnType<BoardStore['obviate']> {
    return this.#write(id, obviateWrite(run, why), asFailed);
  }

  #write<Answer>(id: string, write: BoardWrite, answer: (outcome: WriteOutcome) => Answer): Answer | Missing {
    const board = this.#boards.get(id);
    return board === undefined ? missing : answer(board.write(write));
  }
}

class MemoryBoard {
  readonly id: string;
  readonly log: StoredEntry[] = [];
  readonly files: Map<string, string>;
  readonly facts: BoardFacts;
  readonly #problem: string;
  readonly #settings: string;
  readonly #createdAtMs: number;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #current = new Map<string, { version: number; signature: string; rev: number }>();
  readonly #activations = new Map<string, { place: ActivationPlace; fence: FencingToken | '' }>();

  constructor(board: NewBoard, clock: Pick<Clock, 'wallMs'>) {
    this.id = board.id;
    this.files = new Map(board.files);
    this.#clock = clock;
    this.#problem = JSON.stringify(board.problem);
    this.#settings = JSON.stringify(board.settings);
    this.#createdAtMs = Math.floor(clock.wallMs());
    this.facts = {
      status: 'initializing',
      ended: false,
      rev: 0,
      epoch: '',
      contributions: 0,
      mostContributions: board.settings.budget.contributions,
      updatedAtMs: this.#createdAtMs,
    };
  }

  get place(): string {
    return placeOf(this.#createdAtMs, this.id);
  }

  head(): BoardHead {
    const { contributions: _, mostContributions: __, ...facts } = this.facts;
    return {
      id: this.id,
      ...facts,
      problem: JSON.parse(this.#problem) as StoredProblem,
      settings: JSON.parse(this.#settings) as BoardSettings,
      createdAtMs: this.#createdAtMs,
    };
  }

  write(write: BoardWrite): WriteOutcome {
    const cells: BoardCells = {
      facts: this.facts,
      nowMs: Math.floor(this.#clock.wallMs()),
      current: (id) => this.#current.get(id),
      setCurrent: (id, current) => void this.#current.set(id, current),
      activation: (key) => this.#activations.get(key),
      setActivation: (key, at) => void this.#activations.set(key, at),
      append: (entry) => void this.log.push(entry),
    };
    return writeBoard(cells, write);
  }
}

/** The place of a board in lists: by its opening. */
export function placeOf(createdAtMs: number, id: string): string {
  return `${String(createdAtMs).padStart(16, '0')}:${id}`;
}
