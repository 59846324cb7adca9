// Commit queue
//
// The commits of a process on their way to the database: those of one tick, and those that came
// while others were under way, are one read and one write. One group is under way at a time, so a
// process never waits for its own locks.
//
//   CQ1  Commits of one actor take effect in the order they came, each in a group of its own.
//   CQ2  A commit that the database cannot hold fails alone.

import {
  commitStatement,
  committed,
  type Decision,
  decide,
  type Fitting,
  type OwnedCommit,
  type StoredRow,
  storedQuestion,
  storedStatement,
  type WrittenEvent,
  writeParts,
} from './commit-group.postgres.ts';
import type { PostgresDatabase } from './database.postgres.ts';
import { isMoved, storeUnavailable } from './faults.postgres.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import type { CommitOutcome, Epoch, Fenced, Shard } from './state-store.ts';
import { isFault } from './store-faults.ts';
import type { StoreLimits } from './store-limits.ts';

const mostInGroup = 256;
const mostBytesInGroup = 2 * 1024 * 1024;
const mostWaiting = 16_384;
/** How often a group is decided anew because others changed what it was decided on. */
const mostDecisions = 8;

type Answer = CommitOutcome | Fenced;

interface Waiting extends OwnedCommit {
  readonly bytes: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (fault: unknown) => void;
}

export class CommitQueue {
  readonly #database: PostgresDatabase;
  readonly #limits: StoreLimits;
  #waiting: Waiting[] = [];
  #busy = false;

  constructor(database: PostgresDatabase, limits: StoreLimits) {
    this.#database = database;
    this.#limits = limits;
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
    for (const waiting of this.#waiting) {
      const { id } = waiting.prepared.commit;
      const fits = group.size < mostInGroup && (group.size === 0 || bytes + waiting.bytes <= mostBytesInGroup);
      if (!fits || group.has(id)) left.push(waiting);
      else {
        group.set(id, waiting);
        bytes += waiting.bytes;
      }
    }
    this.#waiting = left;
    return [...group.values()];
  }

  async #settle(group: readonly Waiting[]): Promise<void> {
    try {
      const answers = await this.#commit(group);
      for (const [i, { resolve, reject }] of group.entries()) {
        const answer = answers[i];
        if (answer === undefined)
          reject(storeUnavailable(this.#database.at, 'answered fewer commits than it was asked'));
        else resolve(answer);
      }
    } catch (fault) {
      if (!isFault(fault)) for (const { reject } of group) reject(fault);
      else if (group.length > 1) for (const one of group) await this.#settle([one]);
      else for (const { resolve } of group) resolve({ kind: 'refused', fault });
    }
  }

  async #commit(group: readonly Waiting[]): Promise<readonly Answer[]> {
    for (let decisions = 1; ; decisions++) {
      const stored = await this.#database.read<StoredRow>(storedStatement, [storedQuestion(group)]);
      const decided = stored.map((row, i): Decision | undefined => {
        const owned = group[i];
        return owned && decide(owned, row, this.#limits);
      });
      const fitting = decided.filter((decision): decision is Fitting => decision?.kind === 'fits');
      const events = await this.#write(fitting);
      if (events !== 'moved')
        return decided.flatMap((decision): readonly Answer[] => {
          if (decision === undefined) return [];
          if (decision.kind !== 'fits') return [decision];
          return [committed(decision, events.get(decision.prepared.commit.id) ?? [])];
        });
      if (decisions === mostDecisions)
        throw storeUnavailable(this.#database.at, 'is changed by others faster than this process can commit');
    }
  }

  /** The events of each topic. */
  async #write(fitting: readonly Fitting[]): Promise<ReadonlyMap<string, readonly WrittenEvent[]> | 'moved'> {
    if (fitting.length === 0) return new Map();
    try {
      const written = await this.#database.write<WrittenEvent>(commitStatement, writeParts(fitting, this.#limits));
      return byTopic(written);
    } catch (error) {
      if (isMoved(error)) return 'moved';
      throw error;
    }
  }
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
