// Boards in the database of one process. Each write is the transition of `board-write.ts` over
// rows, inside one write of the database; the database is its opener's to close.
import { assert, type FencingToken, parseFence } from '@devmentor/locks';
import type { SqliteDatabase, Statement } from '@devmentor/runtime/sqlite';
import { commitWrite, failWrite, noteOf, obviateWrite, readEntry, startWrite, steerWrite } from './board-codec.ts';
import { asCommitted, asContributed, asFailed, asRecorded, asStarted, asSteered } from './board-outcome.ts';
import type { BoardStatus, Steering } from './board-status.ts';
import { placeOf } from './board-store.memory.ts';
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
import type { EntryKind } from './entry.ts';
import type { BoardSettings } from './problem.ts';

const tables: readonly string[] = [
  `
CREATE TABLE board (
  id TEXT PRIMARY KEY,
  place TEXT NOT NULL UNIQUE,
  problem TEXT NOT NULL,
  settings TEXT NOT NULL,
  status TEXT NOT NULL,
  ended INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  epoch TEXT NOT NULL,
  contributions INTEGER NOT NULL,
  most INTEGER NOT NULL,
  createdAt INTEGER NOT NULL,
  updatedAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX boardStatus ON board (status);
CREATE TABLE boardEntry (
  board TEXT NOT NULL,
  rev INTEGER NOT NULL,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  text TEXT NOT NULL,
  atMs INTEGER NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  supports TEXT NOT NULL,
  PRIMARY KEY (board, rev)
) STRICT, WITHOUT ROWID;
CREATE TABLE boardCurrent (
  board TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  signature TEXT NOT NULL,
  rev INTEGER NOT NULL,
  PRIMARY KEY (board, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE boardActivation (
  board TEXT NOT NULL,
  key TEXT NOT NULL,
  place TEXT NOT NULL,
  fence TEXT NOT NULL,
  PRIMARY KEY (board, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE boardFile (board TEXT NOT NULL, hash TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (board, hash)) STRICT, WITHOUT ROWID;
`,
];

const missing: Missing = { kind: 'missing' };

type HeadRow = {
  readonly id: string;
  readonly place: string;
  readonly problem: string;
  readonly settings: string;
  readonly status: string;
  readonly ended: number;
  readonly rev: number;
  readonly epoch: string;
  readonly contributions: number;
  readonly most: number;
  readonly createdAt: number;
  readonly updatedAt: number;
};
type EntryRow = {
  readonly rev: number;
  readonly kind: string;
  readonly source: string;
  readonly text: string;
  readonly atMs: number;
  readonly id: string;
  readonly version: number;
  readonly supports: string;
};
type CurrentRow = { readonly version: number; readonly signature: string; readonly rev: number };
type ActivationRow = { readonly place: string; readonly fence: string };

export class SqliteBoardStore implements BoardStore {
  readonly #database: SqliteDatabase;
  readonly #sql: Statements;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    database.makeTables('boards', tables);
    this.#sql = statementsOf(database);
  }

  async create(board: NewBoard): ReturnType<BoardStore['create']> {
    return this.#database.write(() => {
      const { id, problem, settings, files, contributions } = board;
      const known = this.#sql.board.first(id);
      if (known !== undefined) return { kind: 'exists', head: headOf(known) } as const;
      const nowMs = this.#nowMs();
      const most = settings.budget.contributions;
      const texts = [JSON.stringify(problem), JSON.stringify(settings)] as const;
      this.#sql.addBoard.run(id, placeOf(nowMs, id), ...texts, 'initializing', 0, 0, '', 0, most, nowMs, nowMs);
      this.#keepFiles(id, files);
      this.#apply(id, { contributions });
      return { kind: 'created', head: this.#headIn(id) } as const;
    });
  }

  async head(id: string): Promise<BoardHead | undefined> {
    const row = this.#database.read(() => this.#sql.board.first(id));
    return row === undefined ? undefined : headOf(row);
  }

  async read(id: string, afterRev: number, limit: number): ReturnType<BoardStore['read']> {
    const rows = this.#database.read(() => this.#sql.entries.all(id, afterRev, limit));
    return { entries: rows.map((row) => readEntry({ ...row, kind: row.kind as EntryKind })), nowMs: this.#nowMs() };
  }

  async files(id: string, hashes: readonly string[]): Promise<FileTexts> {
    return this.#database.read(() => {
      const found = hashes.map((hash) => [hash, this.#sql.file.first(id, hash)?.text] as const);
      return new Map(found.flatMap(([hash, text]) => (text === undefined ? [] : [[hash, text]])));
    });
  }

  async list(query: { readonly after?: string; readonly limit: number }): Promise<BoardPage> {
    // Places are digits and ids: `~~` is above them all.
    const rows = this.#database.read(() => this.#sql.boards.all(query.after ?? '~~', query.limit + 1));
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    return {
      items: page.map(headOf),
      ...(rows.length > page.length && last !== undefined ? { next: last.place } : {}),
    };
  }

  async open(limit: number): Promise<readonly string[]> {
    return this.#database.read(() => this.#sql.openBoards.all(limit)).map(({ id }) => id);
  }

  async remove(id: string): Promise<boolean> {
    return this.#database.write(() => {
      if (this.#sql.board.first(id) === undefined) return false;
      for (const statement of this.#sql.remove) statement.run(id);
      return true;
    });
  }

  async contribute(
    id: string,
    contributions: NewBoard['contributions'],
    files?: FileTexts,
  ): ReturnType<BoardStore['contribute']> {
    return this.#database.write(() => {
      const outcome = this.#answer(id, { contributions }, asContributed);
      if (outcome.kind === 'contributed') this.#keepFiles(id, files ?? new Map());
      return outcome;
    });
  }

  async steer(id: string, what: Steering, why: string): ReturnType<BoardStore['steer']> {
    return this.#write(id, steerWrite(what, why), asSteered);
  }

  async seal(id: string, epoch: FencingToken): ReturnType<BoardStore['seal']> {
    return this.#database.write(() => {
      const row = this.#sql.board.first(id);
      if (row === undefined) return missing;
      if (epoch < row.epoch) return { kind: 'fenced' } as const;
      this.#database.raiseFence(epoch);
      this.#sql.seal.run(epoch, id);
      return { kind: 'sealed', head: this.#headIn(id) } as const;
    });
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

  #write<Answer>(id: string, write: BoardWrite, answer: (outcome: WriteOutcome) => Answer): Promise<Answer | Missing> {
    return this.#database.write(() => this.#answer(id, write, answer));
  }

  #answer<Answer>(id: string, write: BoardWrite, answer: (outcome: WriteOutcome) => Answer): Answer | Missing {
    const outcome = this.#apply(id, write);
    return outcome === undefined ? missing : answer(outcome);
  }

  /** Inside a write of the database. */
  #apply(id: string, write: BoardWrite): WriteOutcome | undefined {
    const row = this.#sql.board.first(id);
    if (row === undefined) return undefined;
    const cells = this.#cellsOf(id, factsOf(row));
    const outcome = writeBoard(cells, write);
    const { status, ended, rev, contributions, updatedAtMs } = cells.facts;
    if (rev > row.rev) this.#sql.setBoard.run(status, ended ? 1 : 0, rev, contributions, updatedAtMs, id);
    if (write.run !== undefined && outcome.kind === 'written') this.#database.raiseFence(write.run.fence);
    return outcome;
  }

  #cellsOf(board: string, facts: BoardFacts): BoardCells {
    const sql = this.#sql;
    return {
      facts,
      nowMs: this.#nowMs(),
      current: (id) => sql.current.first(board, id),
      setCurrent: (id, { version, signature, rev }) => sql.setCurrent.run(board, id, version, signature, rev),
      activation: (key) => {
        const row = sql.activation.first(board, key);
        return row && { place: row.place as ActivationPlace, fence: fenceIn(row.fence) };
      },
      setActivation: (key, { place, fence }) => sql.setActivation.run(board, key, place, fence),
      append: ({ rev, kind, source, text, atMs, id, version, supports }: StoredEntry) =>
        sql.addEntry.run(board, rev, kind, source, text, atMs, id, version, supports),
    };
  }

  #keepFiles(board: string, files: FileTexts): void {
    for (const [hash, text] of files) this.#sql.addFile.run(board, hash, text);
  }

  #headIn(id: string): BoardHead {
    const row = this.#sql.board.first(id);
    assert(row !== undefined, 'a board that was just written is there');
    return headOf(row);
  }

  #nowMs(): number {
    return Math.floor(this.#database.clock.wallMs());
  }
}

interface Statements {
  readonly board: Statement<HeadRow>;
  readonly addBoard: Statement;
  readonly setBoard: Statement;
  readonly seal: Statement;
  readonly boards: Statement<HeadRow>;
  readonly openBoards: Statement<{ id: string }>;
  readonly entries: Statement<EntryRow>;
  readonly addEntry: Statement;
  readonly current: Statement<CurrentRow>;
  readonly setCurrent: Statement;
  readonly activation: Statement<ActivationRow>;
  readonly setActivation: Statement;
  readonly file: Statement<{ text: string }>;
  readonly addFile: Statement;
  readonly remove: readonly Statement[];
}

function statementsOf(database: SqliteDatabase): Statements {
  const owned = ['boardEntry', 'boardCurrent', 'boardActivation', 'boardFile'];
  return {
    board: database.statement('SELECT * FROM board WHERE id = ?'),
    addBoard: database.statement('INSERT INTO board VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    setBoard: database.statement(
      'UPDATE board SET status = ?, ended = ?, rev = ?, contributions = ?, updatedAt = ? WHERE id = ?',
    ),
    seal: database.statement('UPDATE board SET epoch = ? WHERE id = ?'),
    boards: database.statement('SELECT * FROM board WHERE place < ? ORDER BY place DESC LIMIT ?'),
    openBoards: database.statement(
      "SELECT id FROM board WHERE status IN ('initializing', 'running', 'paused', 'quiescent') LIMIT ?",
    ),
    entries: database.statement(
      'SELECT rev, kind, source, text, atMs, id, version, supports FROM boardEntry WHERE board = ? AND rev > ? ORDER BY rev LIMIT ?',
    ),
    addEntry: database.statement('INSERT INTO boardEntry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    current: database.statement('SELECT version, signature, rev FROM boardCurrent WHERE board = ? AND id = ?'),
    setCurrent: database.statement('INSERT OR REPLACE INTO boardCurrent VALUES (?, ?, ?, ?, ?)'),
    activation: database.statement('SELECT place, fence FROM boardActivation WHERE board = ? AND key = ?'),
    setActivation: database.statement('INSERT OR REPLACE INTO boardActivation VALUES (?, ?, ?, ?)'),
    file: database.statement('SELECT text FROM boardFile WHERE board = ? AND hash = ?'),
    addFile: database.statement('INSERT OR IGNORE INTO boardFile VALUES (?, ?, ?)'),
    remove: [
      ...owned.map((table) => database.statement(`DELETE FROM ${table} WHERE board = ?`)),
      database.statement('DELETE FROM board WHERE id = ?'),
    ],
  };
}

function headOf(row: HeadRow): BoardHead {
  return {
    id: row.id,
    problem: JSON.parse(row.problem) as StoredProblem,
    settings: JSON.parse(row.settings) as BoardSettings,
    status: row.status as BoardStatus,
    ended: row.ended === 1,
    createdAtMs: row.createdAt,
    updatedAtMs: row.updatedAt,
    rev: row.rev,
    epoch: fenceIn(row.epoch),
  };
}

function factsOf(row: HeadRow): BoardFacts {
  return {
    status: row.status as BoardStatus,
    ended: row.ended === 1,
    rev: row.rev,
    epoch: fenceIn(row.epoch),
    contributions: row.contributions,
    mostContributions: row.most,
    updatedAtMs: row.updatedAt,
  };
}

function fenceIn(text: string): FencingToken | '' {
  return text === '' ? '' : parseFence(text);
}
