import type { FencingToken } from '@devmentor/locks';
import { assert, parseFence } from '@devmentor/locks';
import { type ActorId, shardOf } from './actor-id.ts';
import { ActorRows } from './actor-rows.sqlite.ts';
import { checkCommit, type StoredActor } from './commit-check.ts';
import type { SqliteDatabase, Statement } from './database.sqlite.ts';
import { crowdedOf } from './lanes.ts';
import type { SqliteLogStore } from './log-store.sqlite.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { prepareCommit } from './prepared-commit.ts';
import { assertIncarnation, assertShard, nobody, serves } from './shard-rows.sql.ts';
import { lowestStamp, stampAfter } from './stamp.ts';
import type {
  ActorRecord,
  Commit,
  CommitOutcome,
  Epoch,
  Fenced,
  Incarnation,
  Ownership,
  Shard,
  StateStore,
} from './state-store.ts';
import { stateTables } from './state-tables.sqlite.ts';
import { isFault, shardsMismatch } from './store-faults.ts';
import { checkKey } from './store-key.ts';
import type { StoreLimits } from './store-limits.ts';
import { defaultStoreLimits } from './store-limits.ts';

const lowestFence = parseFence(lowestStamp);

/** Actors in the database of one process. Shared by its nodes; the database is its opener's to close. */
export class SqliteStateStore implements StateStore {
  readonly shards: number;
  readonly #database: SqliteDatabase;
  readonly #log: SqliteLogStore;
  readonly #limits: StoreLimits;
  readonly #actors: ActorRows;
  readonly #owner: Statement<{ incarnation: string; epoch: string }>;
  readonly #setOwner: Statement;
  readonly #guard: Statement<{ fence: string }>;
  readonly #setGuard: Statement;

  /** `log`, of the same database, takes the actors' topic events. */
  constructor(
    database: SqliteDatabase,
    options: { readonly log: SqliteLogStore; readonly shards?: number; readonly limits?: Partial<StoreLimits> },
  ) {
    this.shards = options.shards ?? 64;
    this.#database = database;
    this.#log = options.log;
    this.#limits = { ...defaultStoreLimits, ...options.limits };
    database.makeTables('state', stateTables);
    this.#actors = new ActorRows(database);
    this.#owner = database.statement('SELECT incarnation, epoch FROM shard WHERE shard = ?');
    this.#setOwner = database.statement('INSERT OR REPLACE INTO shard VALUES (?, ?, ?)');
    this.#guard = database.statement('SELECT fence FROM guard WHERE actor = ?');
    this.#setGuard = database.statement('INSERT OR REPLACE INTO guard VALUES (?, ?)');
  }

  async open(): Promise<void> {
    const stored = await this.#database.write(() => {
      const found = this.#database.meta('shards');
      if (found === undefined) this.#database.setMeta('shards', String(this.shards));
      return Number(found ?? this.shards);
    });
    if (stored !== this.shards) throw shardsMismatch(this.#database.dir, stored, this.shards);
  }

  async close(): Promise<void> {}

  async ownership(shards: readonly Shard[]): Promise<readonly Ownership[]> {
    return this.#database.read(() => shards.map((shard) => this.#ownerOf(shard)));
  }

  async seal(shard: Shard, by: Incarnation, expects: Ownership): ReturnType<StateStore['seal']> {
    assertIncarnation(by);
    return this.#database.write(() => {
      const own = this.#ownerOf(shard);
      if (own.incarnation !== expects.incarnation || own.epoch !== expects.epoch) return { kind: 'lost', own };
      const epoch = stampAfter(own.epoch, this.#database.clock.wallMs());
      this.#setOwner.run(shard, by, epoch);
      this.#database.raiseFence(epoch);
      return { kind: 'sealed', epoch };
    });
  }

  async yield(shard: Shard, epoch: Epoch): Promise<void> {
    await this.#database.write(() => {
      if (this.#serves(shard, epoch)) this.#setOwner.run(shard, 'none', epoch);
    });
  }

  async confirm(shard: Shard, epoch: Epoch): Promise<boolean> {
    return this.#database.read(() => this.#serves(shard, epoch));
  }

  async load(shard: Shard, epoch: Epoch, id: ActorId): ReturnType<StateStore['load']> {
    this.#assertShard(shard, id);
    return this.#database.read(() => {
      if (!this.#serves(shard, epoch)) return this.#fenced(shard);
      const record = this.#actors.record(shard, id);
      return record === undefined ? { kind: 'absent' } : { kind: 'record', record };
    });
  }

  async commit(shard: Shard, epoch: Epoch, commits: readonly Commit[]): ReturnType<StateStore['commit']> {
    const prepared = commits.map((commit) => prepareCommit(commit, this.#limits));
    for (const { id } of commits) this.#assertShard(shard, id);
    return this.#database.write(() => {
      if (!this.#serves(shard, epoch)) return this.#fenced(shard);
      return {
        kind: 'outcomes',
        outcomes: prepared.map((item) => (item.kind === 'refused' ? item : this.#apply(shard, item))),
      };
    });
  }

  async pending(shard: Shard, epoch: Epoch): ReturnType<StateStore['pending']> {
    return this.#database.read(() => {
      if (!this.#serves(shard, epoch)) return this.#fenced(shard);
      return { kind: 'pending', ...this.#actors.pending(shard), nowMs: Math.floor(this.#database.clock.wallMs()) };
    });
  }

  async peek(id: ActorId): Promise<ActorRecord | undefined> {
    checkKey(id);
    return this.#database.read(() => this.#actors.record(shardOf(id, this.shards), id));
  }

  async admit(id: ActorId, fence: FencingToken): ReturnType<StateStore['admit']> {
    checkKey(id);
    parseFence(fence);
    return this.#database.write(() => {
      const guard = this.#guardOf(id);
      if (fence < guard) return { kind: 'stale', guard };
      this.#raiseGuard(id, guard, fence);
      return { kind: 'admitted' };
    });
  }

  async guard(id: ActorId): Promise<FencingToken> {
    checkKey(id);
    return this.#database.read(() => this.#guardOf(id));
  }

  /** Decides, and only then writes. */
  #apply(shard: Shard, item: PreparedCommit): CommitOutcome {
    const { id, fence, events } = item.commit;
    const nowMs = Math.floor(this.#database.clock.wallMs());
    const stored = this.#stored(item);
    if ('kind' in stored) return stored;
    const check = checkCommit(item, stored, nowMs, this.#limits);
    if (check.kind !== 'fits') return check;
    const guard = fence === undefined ? lowestFence : this.#guardOf(id);
    if (fence !== undefined && fence < guard) return { kind: 'stale', guard };

    if (fence !== undefined) this.#raiseGuard(id, guard, fence);
    const appended = this.#log.appendTexts(
      id,
      events.map(({ type }, i) => ({ type, text: item.events[i] ?? 'null' })),
    );
    const version = this.#actors.write(shard, item, {
      fits: check,
      known: stored.senders,
      cursor: appended.at(-1)?.id ?? '',
      nowMs,
      limits: this.#limits,
    });
    return { kind: 'committed', version, events: appended, ...crowdedOf(check.lanes) };
  }

  #stored(item: PreparedCommit): StoredActor | (CommitOutcome & { readonly kind: 'refused' }) {
    try {
      return this.#actors.stored(item);
    } catch (error) {
      if (isFault(error)) return { kind: 'refused', fault: error };
      throw error;
    }
  }

  #raiseGuard(id: ActorId, guard: FencingToken, fence: FencingToken): void {
    if (fence === guard) return;
    this.#setGuard.run(id, fence);
    this.#database.raiseFence(fence);
  }

  #ownerOf(shard: Shard): Ownership {
    assertShard(shard, this.shards);
    return this.#owner.first(shard) ?? nobody;
  }

  #serves(shard: Shard, epoch: Epoch): boolean {
    return serves(this.#ownerOf(shard), epoch);
  }

  #fenced(shard: Shard): Fenced {
    return { kind: 'fenced', own: this.#ownerOf(shard) };
  }

  #guardOf(id: ActorId): FencingToken {
    const row = this.#guard.first(id);
    return row === undefined ? lowestFence : parseFence(row.fence);
  }

  #assertShard(shard: Shard, id: ActorId): void {
    assert(shardOf(id, this.shards) === shard, 'an actor is stored in its own shard');
  }
}
