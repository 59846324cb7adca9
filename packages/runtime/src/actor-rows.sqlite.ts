// The rows of actors: everything but their guards and topics. Reads and writes, no decisions.
import type { ActorId } from './actor-id.ts';
import {
  type ActorRow,
  keptText,
  knownSender,
  type OutboxRow,
  recordOf,
  type SenderRow,
  seenOf,
  sendersOf,
} from './actor-rows.sql.ts';
import type { Fits, KnownSender, StoredActor } from './commit-check.ts';
import type { SqliteDatabase } from './database.sqlite.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import type { ActorRecord, SenderId, Shard } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';

/** What goes with a commit that fits. */
interface CommitFacts {
  readonly fits: Fits;
  /** What was stored of the senders before. */
  readonly known: ReadonlyMap<SenderId, KnownSender>;
  /** The commit's last event; `''` without one. */
  readonly cursor: string;
  readonly nowMs: number;
  readonly limits: StoreLimits;
}

const unborn = { version: 0, commitId: '', lanes: 0, floor: 0 };

export class ActorRows {
  readonly #actor;
  readonly #head;
  readonly #putActor;
  readonly #timers;
  readonly #outboxes;
  readonly #outbox;
  readonly #addRow;
  readonly #removeRow;
  readonly #sender;
  readonly #putSender;
  readonly #endLane;
  readonly #oldestNodes;
  readonly #excessNode;
  readonly #forget;

  constructor(database: SqliteDatabase) {
    this.#actor = database.statement<ActorRow>(
      'SELECT version, machine AS machineVersion, commit_id AS commitId, snapshot, timers, cursor FROM actor WHERE id = ?',
    );
    this.#head = database.statement<{ version: number; commitId: string; lanes: number; floor: number }>(
      'SELECT version, commit_id AS commitId, lanes, floor FROM actor WHERE id = ?',
    );
    this.#putActor = database.statement(
      `INSERT INTO actor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
       version = excluded.version, machine = excluded.machine, commit_id = excluded.commit_id,
       snapshot = excluded.snapshot, timers = excluded.timers, due = excluded.due,
       lanes = excluded.lanes, floor = excluded.floor,
       cursor = iif(excluded.cursor = '', cursor, excluded.cursor)`,
    );
    this.#timers = database.statement<{ id: string; dueAtMs: number }>(
      'SELECT id, due AS dueAtMs FROM actor WHERE shard = ? AND due IS NOT NULL',
    );
    this.#outboxes = database.statement<{ actor: string }>('SELECT DISTINCT actor FROM outbox WHERE shard = ?');
    this.#outbox = database.statement<OutboxRow>('SELECT receiver, n, event FROM outbox WHERE shard = ? AND actor = ?');
    this.#addRow = database.statement('INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?)');
    this.#removeRow = database.statement('DELETE FROM outbox WHERE shard = ? AND actor = ? AND receiver = ? AND n = ?');
    this.#sender = database.statement<SenderRow>(
      'SELECT sender, floor, kept, seen FROM sender WHERE actor = ? AND sender = ?',
    );
    this.#endLane = database.statement('DELETE FROM sender WHERE actor = ? AND sender = ?');
    this.#putSender = database.statement('INSERT OR REPLACE INTO sender VALUES (?, ?, ?, ?, ?)');
    this.#oldestNodes = database.statement<{ at: number; seen: number }>(
      `SELECT rowid AS at, seen FROM sender WHERE actor = ? AND instr(sender, ':') = 0 ORDER BY rowid LIMIT 16`,
    );
    this.#excessNode = database.statement<{ at: number }>(
      `SELECT rowid AS at FROM sender WHERE actor = ? AND instr(sender, ':') = 0 ORDER BY rowid DESC LIMIT 1 OFFSET ?`,
    );
    this.#forget = database.statement(`DELETE FROM sender WHERE actor = ? AND instr(sender, ':') = 0 AND rowid <= ?`);
  }

  record(shard: Shard, id: ActorId): ActorRecord | undefined {
    const actor = this.#actor.first(id);
    return actor && recordOf(id, actor, this.#outbox.all(shard, id));
  }

  /** What a commit to the actor is checked against. */
  stored({ commit }: PreparedCommit): StoredActor {
    const { id } = commit;
    const { version, commitId, lanes, floor } = this.#head.first(id) ?? unborn;
    const senders = new Map<SenderId, KnownSender>();
    for (const sender of sendersOf(commit)) {
      const row = this.#sender.first(id, sender);
      if (row !== undefined) senders.set(sender, knownSender(id, row));
    }
    return { version, commitId, lanes: { count: lanes, floor }, senders };
  }

  /** Writes a commit that fits. Answers the version. */
  write(
    shard: Shard,
    { commit, ...texts }: PreparedCommit,
    { fits: { settlements, lanes }, known, cursor, nowMs, limits }: CommitFacts,
  ): number {
    const { id, machineVersion, commitId, outbox } = commit;
    const version = commit.basis + 1;
    this.#putActor.run(
      id,
      shard,
      version,
      machineVersion,
      commitId,
      texts.snapshot,
      texts.timers,
      texts.dueAtMs ?? null,
      cursor,
      lanes.after.count,
      lanes.after.floor,
    );
    for (const [sender, settlement] of settlements) {
      this.#putSender.run(id, sender, settlement.floor, keptText(settlement), seenOf(sender, lanes, nowMs));
    }
    for (const sender of lanes.ended) this.#endLane.run(id, sender);
    if (settlements.size > 0) this.#forgetSilent(id, nowMs - limits.senderSilenceMs);
    // Only a newcomer can be one too many.
    if ([...settlements.keys()].some((sender) => !known.has(sender))) this.#forgetExcess(id, limits.nodeSenders);
    for (const { to, n } of outbox.remove) this.#removeRow.run(shard, id, to, n);
    for (const [i, { to, n }] of outbox.add.entries()) {
      this.#addRow.run(shard, id, to, n, texts.outbox[i] ?? 'null');
    }
    return version;
  }

  /** A few at a time, as fast as new ones come. */
  #forgetSilent(id: ActorId, sinceMs: number): void {
    const last = this.#oldestNodes.all(id).findLast(({ seen }) => seen < sinceMs);
    if (last !== undefined) this.#forget.run(id, last.at);
  }

  #forgetExcess(id: ActorId, most: number): void {
    const last = this.#excessNode.first(id, most);
    if (last !== undefined) this.#forget.run(id, last.at);
  }

  /** Actors of a shard with timers, and those with an outbox. */
  pending(shard: Shard): {
    readonly timers: readonly { id: ActorId; dueAtMs: number }[];
    readonly outboxes: readonly ActorId[];
  } {
    return {
      timers: this.#timers.all(shard).map(({ id, dueAtMs }) => ({ id: id as ActorId, dueAtMs })),
      outboxes: this.#outboxes.all(shard).map(({ actor }) => actor as ActorId),
    };
  }
}
