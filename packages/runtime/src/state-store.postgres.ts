import type { FencingToken } from '@devmentor/locks';
import { assert, CoordinationError, parseFence } from '@devmentor/locks';
import { type ActorId, shardOf } from './actor-id.ts';
import { type ActorRow, type OutboxRow, recordOf } from './actor-rows.sql.ts';
import { CommitQueue } from './commit-queue.postgres.ts';
import type { PostgresDatabase, Statement } from './database.postgres.ts';
import { prepareCommit } from './prepared-commit.ts';
import { assertIncarnation, assertShard, nobody, serves } from './shard-rows.sql.ts';
import { lowestStamp } from './stamp.ts';
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
import { shardsMismatch } from './store-faults.ts';
import { checkKey } from './store-key.ts';
import type { StoreLimits } from './store-limits.ts';
import { defaultStoreLimits } from './store-limits.ts';

const statements = {
  openShards: {
    name: 'open-shards',
    text: `WITH first AS (INSERT INTO meta VALUES ('shards', $1::text) ON CONFLICT DO NOTHING RETURNING value::int)
      INSERT INTO shard SELECT generate_series(0, value - 1), $2, $3 FROM first ON CONFLICT DO NOTHING`,
  },
  shards: { name: 'shards', text: `SELECT value::int AS shards FROM meta WHERE name = 'shards'` },
  owners: { name: 'owners', text: 'SELECT shard, incarnation, epoch FROM shard WHERE shard = ANY ($1::int[])' },
  seal: {
    name: 'seal',
    text: `UPDATE shard SET incarnation = $2, epoch = stamp(greatest(epoch::bigint + 1, now_us()))
      WHERE shard = $1 AND incarnation = $3 AND epoch = $4 RETURNING epoch`,
  },
  yield: { name: 'yield', text: `UPDATE shard SET incarnation = 'none' WHERE shard = $1 AND epoch = $2` },
  load: {
    name: 'load',
    text: `SELECT s.incarnation, s.epoch, a.version, a.machine AS "machineVersion", a.commit_id AS "commitId",
        a.snapshot, a.timers, coalesce((SELECT stamp(t.last) FROM topic AS t WHERE t.topic = a.id), '') AS cursor,
        (SELECT json_agg(json_build_object('receiver', o.receiver, 'n', o.n, 'event', o.event))
         FROM outbox AS o WHERE o.shard = a.shard AND o.actor = a.id) AS outbox
      FROM (VALUES ($1::int, $2::text)) AS asked(shard, id)
      LEFT JOIN shard AS s ON s.shard = asked.shard LEFT JOIN actor AS a ON a.id = asked.id`,
  },
  pending: {
    name: 'pending',
    text: `SELECT s.incarnation, s.epoch, now_us() / 1000 AS "nowMs",
        (SELECT json_agg(json_build_object('id', a.id, 'dueAtMs', a.due))
         FROM actor AS a WHERE a.shard = asked.shard AND a.due IS NOT NULL) AS timers,
        (SELECT json_agg(DISTINCT o.actor) FROM outbox AS o WHERE o.shard = asked.shard) AS outboxes
      FROM (VALUES ($1::int)) AS asked(shard) LEFT JOIN shard AS s ON s.shard = asked.shard`,
  },
  admit: {
    name: 'admit',
    text: `INSERT INTO guard AS g VALUES ($1, $2)
      ON CONFLICT (actor) DO UPDATE SET fence = greatest(g.fence, excluded.fence) RETURNING fence`,
  },
  guard: { name: 'guard', text: 'SELECT fence FROM guard WHERE actor = $1' },
} as const satisfies Record<string, Statement>;

interface OwnerRow {
  readonly incarnation: string | null;
  readonly epoch: string | null;
}

/** Of an actor without a record, all but the owner is null. */
type LoadedRow = OwnerRow & { readonly [K in keyof ActorRow]: ActorRow[K] | null } & {
  readonly outbox: readonly OutboxRow[] | null;
};

interface PendingRow extends OwnerRow {
  readonly nowMs: number;
  readonly timers: readonly { readonly id: ActorId; readonly dueAtMs: number }[] | null;
  readonly outboxes: readonly ActorId[] | null;
}

/** Actors in PostgreSQL, shared by any number of processes. The database is its opener's to close. */
export class PostgresStateStore implements StateStore {
  readonly shards: number;
  readonly #database: PostgresDatabase;
  readonly #limits: StoreLimits;
  readonly #commits: CommitQueue;

  constructor(
    database: PostgresDatabase,
    options: { readonly shards?: number; readonly limits?: Partial<StoreLimits> } = {},
  ) {
    this.shards = options.shards ?? 64;
    this.#database = database;
    this.#limits = { ...defaultStoreLimits, ...options.limits };
    this.#commits = new CommitQueue(database, this.#limits);
  }

  async open(): Promise<void> {
    // Again, because a database may have been lost while this process ran on.
    await this.#database.makeSchema();
    await this.#database.write(statements.openShards, [this.shards, nobody.incarnation, nobody.epoch]);
    const [row] = await this.#database.read<{ shards: number }>(statements.shards, []);
    const stored = row?.shards ?? 0;
    if (stored !== this.shards) throw shardsMismatch(this.#database.namespace, stored, this.shards);
  }

  async close(): Promise<void> {}

  async ownership(shards: readonly Shard[]): Promise<readonly Ownership[]> {
    for (const shard of shards) assertShard(shard, this.shards);
    if (shards.length === 0) return [];
    const rows = await this.#database.read<Ownership & { shard: Shard }>(statements.owners, [shards]);
    const owners = new Map(rows.map(({ shard, incarnation, epoch }) => [shard, { incarnation, epoch }]));
    return shards.map((shard) => owners.get(shard) ?? nobody);
  }

  async seal(shard: Shard, by: Incarnation, expects: Ownership): ReturnType<StateStore['seal']> {
    assertIncarnation(by);
    assertShard(shard, this.shards);
    const values = [shard, by, expects.incarnation, expects.epoch];
    const [sealed] = await this.#database.write<{ epoch: Epoch }>(statements.seal, values);
    if (sealed !== undefined) return { kind: 'sealed', epoch: sealed.epoch };
    const [own = nobody] = await this.ownership([shard]);
    return { kind: 'lost', own };
  }

  async yield(shard: Shard, epoch: Epoch): Promise<void> {
    assertShard(shard, this.shards);
    await this.#database.write(statements.yield, [shard, epoch]);
  }

  async confirm(shard: Shard, epoch: Epoch): Promise<boolean> {
    const [own = nobody] = await this.ownership([shard]);
    return serves(own, epoch);
  }

  async load(shard: Shard, epoch: Epoch, id: ActorId): ReturnType<StateStore['load']> {
    this.#assertHome(shard, id);
    const { own, record } = await this.#load(shard, id);
    if (!serves(own, epoch)) return { kind: 'fenced', own };
    return record === undefined ? { kind: 'absent' } : { kind: 'record', record };
  }

  async commit(shard: Shard, epoch: Epoch, commits: readonly Commit[]): ReturnType<StateStore['commit']> {
    const prepared = commits.map((commit) => prepareCommit(commit, this.#limits));
    for (const { id } of commits) this.#assertHome(shard, id);
    const answers = await Promise.all(
      prepared.map(async (item) => (item.kind === 'refused' ? item : this.#commits.submit(shard, epoch, item))),
    );
    const outcomes = answers.filter((answer): answer is CommitOutcome => answer.kind !== 'fenced');
    // Where nothing was sent nobody has asked yet whose the shard is.
    const fenced =
      answers.find((answer) => answer.kind === 'fenced') ??
      (prepared.every(({ kind }) => kind === 'refused') ? await this.#fenced(shard, epoch) : undefined);
    if (fenced === undefined) return { kind: 'outcomes', outcomes };
    // The shard was taken between two groups of one call.
    if (outcomes.some(({ kind }) => kind === 'committed'))
      throw new CoordinationError('REPLY_LOST', 'The shard was taken while its commits were under way', {
        applied: 'unknown',
      });
    return fenced;
  }

  async pending(shard: Shard, epoch: Epoch): ReturnType<StateStore['pending']> {
    assertShard(shard, this.shards);
    const [row] = await this.#database.read<PendingRow>(statements.pending, [shard]);
    const own = ownerOf(row);
    if (row === undefined || !serves(own, epoch)) return { kind: 'fenced', own };
    return { kind: 'pending', timers: row.timers ?? [], outboxes: row.outboxes ?? [], nowMs: row.nowMs };
  }

  async peek(id: ActorId): Promise<ActorRecord | undefined> {
    checkKey(id);
    return (await this.#load(shardOf(id, this.shards), id)).record;
  }

  async admit(id: ActorId, fence: FencingToken): ReturnType<StateStore['admit']> {
    checkKey(id);
    const [row] = await this.#database.write<{ fence: string }>(statements.admit, [id, parseFence(fence)]);
    const guard = parseFence(row?.fence ?? fence);
    return fence < guard ? { kind: 'stale', guard } : { kind: 'admitted' };
  }

  async guard(id: ActorId): Promise<FencingToken> {
    checkKey(id);
    const [row] = await this.#database.read<{ fence: string }>(statements.guard, [id]);
    return parseFence(row?.fence ?? lowestStamp);
  }

  async #load(shard: Shard, id: ActorId): Promise<{ own: Ownership; record: ActorRecord | undefined }> {
    const [row] = await this.#database.read<LoadedRow>(statements.load, [shard, id]);
    const own = ownerOf(row);
    if (row === undefined || row.version === null) return { own, record: undefined };
    return { own, record: recordOf(id, row as ActorRow, row.outbox ?? []) };
  }

  async #fenced(shard: Shard, epoch: Epoch): Promise<Fenced | undefined> {
    const [own = nobody] = await this.ownership([shard]);
    return serves(own, epoch) ? undefined : { kind: 'fenced', own };
  }

  #assertHome(shard: Shard, id: ActorId): void {
    assertShard(shard, this.shards);
    assert(shardOf(id, this.shards) === shard, 'an actor is stored in its own shard');
  }
}

function ownerOf(row: OwnerRow | undefined): Ownership {
  return row === undefined || row.incarnation === null || row.epoch === null
    ? nobody
    : { incarnation: row.incarnation, epoch: row.epoch };
}
