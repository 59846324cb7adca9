// Boards in Redis
//
//   <ns>:{s<n>}:blackboard:<id>             hash: v, id, problem, status, createdAt, updatedAt,
//                                           settings, ended, rev, epoch, contributions, mostContributions
//   <ns>:{s<n>}:blackboard:<id>:stream      the log; entry <rev>-0 has source, knowledge (JSON),
//                                           timestamp (ms), kind, and of a contribution id, version, supports
//   <ns>:{s<n>}:blackboard:<id>:current     id -> version, signature, revision
//   <ns>:{s<n>}:blackboard:<id>:activations key -> place and fence
//   <ns>:{s<n>}:blackboard:<id>:files       sha256 -> text
//   <ns>:{s<n>}:blackboards, :blackboards-open
//
// Everything of a board is in one slot, so that each write is one script.
import { assert, encodeId, type FencingToken } from '@devmentor/locks';
import type { RedisArg, Script } from '@devmentor/locks/redis';
import type { RedisNamespace } from '@devmentor/runtime/redis';
import { commitWrite, failWrite, noteOf, obviateWrite, readEntry, startWrite, steerWrite } from './board-codec.ts';
import { asCommitted, asContributed, asFailed, asRecorded, asStarted, asSteered } from './board-outcome.ts';
import type { BoardStatus, Steering } from './board-status.ts';
import { createScript, readScript, removeScript, sealScript, writeScript } from './board-store.redis-scripts.ts';
import type { BoardHead, BoardPage, BoardStore, FileTexts, Missing, NewBoard, StoredProblem } from './board-store.ts';
import type { BoardWrite, WriteOutcome } from './board-write.ts';
import type { EntryKind } from './entry.ts';
import { notFound } from './errors.ts';
import type { BoardSettings } from './problem.ts';

/** Boards of one namespace. The link is its opener's to close. */
export class RedisBoardStore implements BoardStore {
  readonly #namespace: RedisNamespace;
  readonly #write: Script;
  readonly #create: Script;
  readonly #seal: Script;
  readonly #read: Script;
  readonly #remove: Script;

  constructor(namespace: RedisNamespace) {
    this.#namespace = namespace;
    this.#write = namespace.link.script(writeScript);
    this.#create = namespace.link.script(createScript);
    this.#seal = namespace.link.script(sealScript);
    this.#read = namespace.link.script(readScript);
    this.#remove = namespace.link.script(removeScript);
  }

  async create(board: NewBoard): ReturnType<BoardStore['create']> {
    const { id, problem, settings, contributions, files } = board;
    const args = [
      id,
      commandText({ contributions }),
      JSON.stringify(problem),
      JSON.stringify(settings),
      settings.budget.contributions,
      ...[...files].flat(),
    ];
    const kind = await this.#run(this.#create, id, args);
    const head = await this.head(id);
    if (head === undefined) throw notFound(id);
    return { kind: kind === 'created' ? 'created' : 'exists', head };
  }

  async head(id: string): Promise<BoardHead | undefined> {
    await this.#namespace.open();
    const [hash] = this.#keys(id);
    const values = list(await this.#namespace.link.command('hmget', hash, ...headFields));
    return values[0] === null ? undefined : readHead(values.map(text));
  }

  async read(id: string, afterRev: number, limit: number): ReturnType<BoardStore['read']> {
    const [nowMs, entries] = list(await this.#run(this.#read, id, [afterRev, limit]));
    return { nowMs: Number(nowMs), entries: list(entries).map(readStored) };
  }

  async files(id: string, hashes: readonly string[]): Promise<FileTexts> {
    if (hashes.length === 0) return new Map();
    await this.#namespace.open();
    const texts = list(await this.#namespace.link.command('hmget', this.#keys(id)[4], ...hashes));
    return new Map(hashes.flatMap((hash, i) => (typeof texts[i] === 'string' ? [[hash, texts[i]]] : [])));
  }

  async list(query: { readonly after?: string; readonly limit: number }): Promise<BoardPage> {
    await this.#namespace.open();
    const end = query.after === undefined ? '+' : `(${query.after}`;
    const found = await Promise.all(
      this.#slots('blackboards').map((key) =>
        this.#namespace.link.command('zrevrangebylex', key, end, '-', 'LIMIT', 0, query.limit + 1),
      ),
    );
    const places = found.flatMap((places) => list(places).map(text)).sort((a, b) => (a < b ? 1 : -1));
    const page = places.slice(0, query.limit);
    const heads = await Promise.all(page.map((place) => this.head(place.slice(17))));
    const last = page.at(-1);
    return {
      items: heads.filter((head) => head !== undefined),
      ...(places.length > page.length && last !== undefined ? { next: last } : {}),
    };
  }

  async open(limit: number): Promise<readonly string[]> {
    await this.#namespace.open();
    const found = await Promise.all(
      this.#slots('blackboards-open').map((key) => this.#namespace.link.command('smembers', key)),
    );
    return found.flatMap((ids) => list(ids).map(text)).slice(0, limit);
  }

  async remove(id: string): Promise<boolean> {
    return (await this.#run(this.#remove, id, [id])) === 1;
  }

  contribute(
    id: string,
    contributions: NewBoard['contributions'],
    files?: FileTexts,
  ): ReturnType<BoardStore['contribute']> {
    return this.#submit(id, { contributions }, asContributed, files);
  }

  steer(id: string, what: Steering, why: string): ReturnType<BoardStore['steer']> {
    return this.#submit(id, steerWrite(what, why), asSteered);
  }

  async seal(id: string, epoch: FencingToken): ReturnType<BoardStore['seal']> {
    const kind = await this.#run(this.#seal, id, [epoch]);
    if (kind === 'fenced') return { kind };
    const head = kind === 'sealed' ? await this.head(id) : undefined;
    return head === undefined ? { kind: 'missing' } : { kind: 'sealed', head };
  }

  record(...[id, entries, under]: Parameters<BoardStore['record']>): ReturnType<BoardStore['record']> {
    return this.#submit(id, { ...under, notes: entries.map(noteOf) }, asRecorded);
  }

  start(...[id, run]: Parameters<BoardStore['start']>): ReturnType<BoardStore['start']> {
    return this.#submit(id, startWrite(run), asStarted);
  }

  commit(...[id, run, result]: Parameters<BoardStore['commit']>): ReturnType<BoardStore['commit']> {
    return this.#submit(id, commitWrite(run, result), asCommitted);
  }

  fail(...[id, run, failure]: Parameters<BoardStore['fail']>): ReturnType<BoardStore['fail']> {
    return this.#submit(id, failWrite(run, failure), asFailed);
  }

  obviate(...[id, run, why]: Parameters<BoardStore['obviate']>): ReturnType<BoardStore['obviate']> {
    return this.#submit(id, obviateWrite(run, why), asFailed);
  }

  async #submit<Answer>(
    id: string,
    write: BoardWrite,
    answer: (outcome: WriteOutcome) => Answer,
    files: FileTexts = new Map(),
  ): Promise<Answer | Missing> {
    const reply = list(await this.#run(this.#write, id, [id, commandText(write), ...[...files].flat()]));
    return reply[0] === 'missing' ? { kind: 'missing' } : answer(readOutcome(reply));
  }

  async #run(script: Script, id: string, args: readonly RedisArg[]): Promise<unknown> {
    await this.#namespace.open();
    return this.#namespace.link.run(script, this.#keys(id), args);
  }

  #keys(id: string): readonly [string, string, string, string, string, string, string] {
    const { name } = this.#namespace;
    const tag = `${name}:{s${this.#namespace.shardOf(`blackboard:${id}`)}}`;
    const board = `${tag}:${encodeId(`blackboard:${id}`)}`;
    return [
      board,
      `${board}:stream`,
      `${board}:current`,
      `${board}:activations`,
      `${board}:files`,
      `${tag}:blackboards`,
      `${tag}:blackboards-open`,
    ];
  }

  #slots(what: 'blackboards' | 'blackboards-open'): string[] {
    return Array.from({ length: this.#namespace.shards }, (_, n) => `${this.#namespace.name}:{s${n}}:${what}`);
  }
}

function commandText(write: BoardWrite): string {
  return JSON.stringify(write);
}

function readOutcome([kind, fact, ...items]: readonly unknown[]): WriteOutcome {
  const name = text(kind) as WriteOutcome['kind'];
  switch (name) {
    case 'written':
      return {
        kind: name,
        rev: Number(fact),
        contributions: items.map((item) => {
          const [id, version, rev, fresh] = list(item);
          return { id: text(id), version: Number(version), rev: Number(rev), fresh: fresh === 1 };
        }),
      };
    case 'closed':
    case 'refused':
      return { kind: name, status: text(fact) as BoardStatus };
    case 'unknown-support':
    case 'stale':
      return { kind: name, id: text(fact) };
    default:
      return { kind: name };
  }
}

const headFields = ['id', 'problem', 'settings', 'status', 'ended', 'createdAt', 'updatedAt', 'rev', 'epoch'] as const;

function readHead([
  id = '',
  problem = '',
  settings = '',
  status,
  ended,
  createdAt,
  updatedAt,
  rev,
  epoch,
]: readonly string[]): BoardHead {
  return {
    id,
    problem: JSON.parse(problem) as StoredProblem,
    settings: JSON.parse(settings) as BoardSettings,
    status: status as BoardStatus,
    ended: ended === '1',
    createdAtMs: Number(createdAt),
    updatedAtMs: Number(updatedAt),
    rev: Number(rev),
    epoch: epoch as FencingToken | '',
  };
}

function readStored(entry: unknown) {
  const [id, flat] = list(entry);
  const fields = fieldsOf(list(flat));
  const field = (name: string): string => fields.get(name) ?? '';
  return readEntry({
    rev: Number(text(id).split('-')[0]),
    kind: field('kind') as EntryKind,
    source: field('source'),
    text: field('knowledge'),
    atMs: Number(field('timestamp')),
    id: field('id'),
    version: Number(field('version')),
    supports: field('supports'),
  });
}

function fieldsOf(flat: readonly unknown[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(text(flat[i]), text(flat[i + 1]));
  return fields;
}

function list(reply: unknown): readonly unknown[] {
  assert(Array.isArray(reply), 'a script answers a list');
  return reply;
}

function text(reply: unknown): string {
  assert(typeof reply === 'string', 'a script answers text');
  return reply;
}
