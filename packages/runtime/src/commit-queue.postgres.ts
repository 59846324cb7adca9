// Commit queue
//
// The commits of a process on their way to the database: those of one tick, and those that came
// while others were under way, are one write, and one read before it for what is not remembered.
// One group is under way at a time, so a process never waits for its own locks.
//
//   CQ1  Commits of one actor take effect in the order they came, each in a group of its own.
//   CQ2  A commit that the database cannot hold fails alone.
import { parseFence } from '@devmentor/locks';
import {
  commitStatement,
  committed,
  type Decision,
  decide,
  type Fitting,
  type OwnedCommit,
  type StoredRow,
  storedOf,
  storedQuestion,
  storedStatement,
  type WrittenEvent,
  writeParts,
} from './commit-group.postgres.ts';
import type { PostgresDatabase } from './database.postgres.ts';
import { isMoved, storeUnavailable } from './faults.postgres.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { RememberedActors } from './remembered-actors.postgres.ts';
import { lowestStamp } from './stamp.ts';
import type { CommitOutcome, Epoch, Fenced, Shard } from './state-store.ts';
import { StoreClock } from './store-clock.ts';
import { isFault } from './store-faults.ts';
import type { StoreLimits } from './store-limits.ts';

const mostInGroup = 512;
const mostBytesInGroup = 2 * 1024 * 1024;
const mostWaiting = 16_384;
/** How often a group is decided anew because others changed what it was decided on. */
const mostDecisions = 8;

const lowestGuard = parseFence(lowestStamp);

type Answer = CommitOutcome | Fenced;

interface Waiting extends OwnedCommit {
  readonly bytes: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (fault: unknown) => void;
}

export class CommitQueue {
  readonly #database: PostgresDatabase;
  readonly #limits: StoreLimits;
  readonly #clock: StoreClock;
  readonly #remembered = new RememberedActors();
  #waiting: Waiting[] = [];
  #busy = false;

  constructor(database: PostgresDatabase, limits: StoreLimits) {
    this.#database = database;
    this.#limits = limits;
    this.#clock = new StoreClock(database.clock);
  }

  submit(shard: Shard, epoch: Epoch, prepared: PreparedCommit): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const waiting = this.#waiting.length;
      if (waiting >= mostWaiting)
        return reject(storeUnavailable(this.#database.at, `has ${waiting} commits waiting; try later`));
      this.#waiting.push({ shard, epoch, prepared, bytes: bytesOf(prepared), resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      queueMicrotask(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#settle(this.#take());
      // Those just answered commit again within this tick: they travel together.
      await new Promise<void>((resolve) => this.#database.clock.soon(resolve));
    }
    this.#busy = false;
  }

  /** The next group: in order, one commit of each actor, as many as fit. */
  #take(): readonly Waiting[] {
    const group = new Map<string, Waiting>();
    const left: Waiting[] = [];
    let bytes = 0;
    let looked = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (group.size === mostInGroup || (group.size > 0 && bytes > mostBytesInGroup)) break;
      looked += 1;
      const { id } = waiting.prepared.commit;
      if (group.has(id)) left.push(waiting);
      else group.set(id, waiting);
    }
    this.#waiting = [...left, ...this.#waiting.slice(looked)];
    return [...group.values()];
  }

  async #settle(group: readonly Waiting[]): Promise<void> {
    try {
      const answers = await this.#commit(group);
      for (const [i, answer] of answers.entries()) group[i]?.resolve(answer);
    } catch (fault) {
      if (!isFault(fault)) for (const { reject } of group) reject(fault);
      else if (group.length > 1) for (const one of group) await this.#settle([one]);
      else for (const { resolve } of group) resolve({ kind: 'refused', fault });
    }
  }

  async #commit(group: readonly Waiting[]): Promise<readonly Answer[]> {
    for (let decisions = 1; ; decisions++) {
      const decided = await this.#decide(group);
      const fitting = decided.filter((decision): decision is Fitting => decision.kind === 'fits');
      const events = await this.#write(fitting);
      if (events !== 'moved') return decided.map((decision) => answerOf(decision, events));
      if (decisions === mostDecisions)
        throw storeUnavailable(this.#database.at, 'is changed by others faster than this process can commit');
    }
  }

  /** On what is remembered where that is enough, on what is read elsewhere. */
  async #decide(group: readonly Waiting[]): Promise<readonly Decision[]> {
    const guesses = group.map((owned) => this.#guess(owned));
    const asked = group.filter((_, i) => guesses[i] === undefined);
    const rows =
      asked.length === 0 ? [] : await this.#database.read<StoredRow>(storedStatement, [storedQuestion(asked)]);
    const read = rows.values();
    return group.map((owned, i) => guesses[i] ?? this.#decideOn(owned, read.next().value));
  }

  #guess(owned: OwnedCommit): Decision | undefined {
    const actor = this.#remembered.recall(owned);
    if (actor === undefined) return undefined;
    const own = { incarnation: 'ours', epoch: owned.epoch };
    const guess = decide(
      owned,
      { own, actor, guard: lowestGuard, nowMs: Math.floor(this.#clock.nowMs()) },
      this.#limits,
    );
    return guess.kind === 'fits' ? guess : undefined;
  }

  #decideOn(owned: OwnedCommit, row: StoredRow | undefined): Decision {
    if (row === undefined) throw storeUnavailable(this.#database.at, 'answered fewer commits than it was asked');
    try {
      const stored = storedOf(owned.prepared.commit.id, row);
      this.#clock.heard(stored.nowMs);
      return decide(owned, stored, this.#limits);
    } catch (error) {
      if (isFault(error)) return { kind: 'refused', fault: error };
      throw error;
    }
  }

  /** The events of each topic. */
  async #write(fitting: readonly Fitting[]): Promise<ReadonlyMap<string, readonly WrittenEvent[]> | 'moved'> {
    if (fitting.length === 0) return new Map();
    try {
      const written = await this.#database.write<WrittenEvent>(commitStatement, writeParts(fitting, this.#limits));
      for (const each of fitting) this.#remembered.remember(each);
      return byTopic(written);
    } catch (error) {
      for (const { prepared } of fitting) this.#remembered.forget(prepared.commit.id);
      if (isMoved(error)) return 'moved';
      throw error;
    }
  }
}

function answerOf(decision: Decision, events: ReadonlyMap<string, readonly WrittenEvent[]>): Answer {
  return decision.kind === 'fits' ? committed(decision, events.get(decision.prepared.commit.id) ?? []) : decision;
}

function byTopic(written: readonly WrittenEvent[]): ReadonlyMap<string, readonly WrittenEvent[]> {
  const topics = new Map<string, WrittenEvent[]>();
  for (const event of written) {
    const known = topics.get(event.topic);
    if (known === undefined) topics.set(event.topic, [event]);
    else known.push(event);
  }
  return topics;
}

function bytesOf({ snapshot, timers, outbox, replies, events }: PreparedCommit): number {
  const texts = [snapshot, timers, ...outbox, ...replies, ...events];
  return texts.reduce((bytes, text) => bytes + (text?.length ?? 0), 0);
}
