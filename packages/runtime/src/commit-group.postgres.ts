// Commit group
//
// Commits of many actors, at most one of each, between what the database says of them and what it
// is to write. Pure: the rows go in as they were read, the parts come out as they are written.
import type { FencingToken } from '@devmentor/locks';
import { parseFence } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import { keptText, knownSender, seenOf, sendersOf } from './actor-rows.sql.ts';
import { checkCommit, type Fits, type KnownSender, type StoredActor } from './commit-check.ts';
import { type EventRow, eventOf } from './event-rows.sql.ts';
import { crowdedOf, noLanes } from './lanes.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { nobody, serves } from './shard-rows.sql.ts';
import { lowestStamp } from './stamp.ts';
import type { CommitOutcome, Epoch, Fenced, Ownership, SenderId, Shard } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';

/** A commit on its way to the database. */
export interface OwnedCommit {
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly prepared: PreparedCommit;
}

/** Of each commit in turn: the owner of its shard, and what is stored of its actor, its guard and its senders. */
export const storedStatement = {
  name: 'stored',
  text: `SELECT s.incarnation, s.epoch, a.version, a.commit_id AS "commitId", a.lanes, a.floor, g.fence, now_us() / 1000 AS "nowMs",
    (SELECT json_agg(json_build_array(k.sender, k.floor, k.kept, k.seen)) FROM sender AS k
     WHERE k.actor = c.id AND k.sender = ANY (c.senders)) AS senders
  FROM ROWS FROM (json_to_recordset($1::json) AS (id text, shard int, fenced bool, senders text[]))
    WITH ORDINALITY AS c(id, shard, fenced, senders, nth)
  LEFT JOIN shard AS s ON s.shard = c.shard
  LEFT JOIN actor AS a ON a.id = c.id
  LEFT JOIN guard AS g ON c.fenced AND g.actor = c.id
  ORDER BY c.nth`,
};

export interface StoredRow {
  readonly incarnation: string | null;
  readonly epoch: string | null;
  readonly version: number | null;
  readonly commitId: string | null;
  readonly lanes: number | null;
  readonly floor: number | null;
  readonly fence: string | null;
  readonly nowMs: number;
  readonly senders: readonly (readonly [SenderId, number, string, number])[] | null;
}

export function storedQuestion(commits: readonly OwnedCommit[]): string {
  return JSON.stringify(
    commits.map(({ shard, prepared: { commit } }) => ({
      id: commit.id,
      shard,
      fenced: commit.fence !== undefined,
      senders: [...sendersOf(commit)],
    })),
  );
}

/** A commit that fits, with what it leaves of its senders. */
export interface Fitting extends OwnedCommit, Fits {
  /** Some sender was not known before. */
  readonly newcomer: boolean;
  readonly nowMs: number;
}

export type Decision = Fitting | CommitOutcome | Fenced;

/** What a commit is checked against. */
export interface Stored {
  readonly own: Ownership;
  readonly actor: StoredActor;
  readonly guard: FencingToken;
  readonly nowMs: number;
}

/** Throws `RECORD_UNREADABLE`. */
export function storedOf(id: ActorId, row: StoredRow): Stored {
  const { incarnation, epoch, version, commitId, lanes, floor, fence, nowMs } = row;
  const senders = row.senders?.map(([sender, floor, kept, seen]): [SenderId, KnownSender] => [
    sender,
    knownSender(id, { sender, floor, kept, seen }),
  ]);
  return {
    own: incarnation === null || epoch === null ? nobody : { incarnation, epoch },
    actor: {
      version: version ?? 0,
      commitId: commitId ?? '',
      lanes: { count: lanes ?? noLanes.count, floor: floor ?? noLanes.floor },
      senders: new Map(senders),
    },
    guard: parseFence(fence ?? lowestStamp),
    nowMs,
  };
}

/** The answer to a commit, in the order that StateStore asks for, or what it is to write. */
export function decide(owned: OwnedCommit, { own, actor, guard, nowMs }: Stored, limits: StoreLimits): Decision {
  if (!serves(own, owned.epoch)) return { kind: 'fenced', own };
  const check = checkCommit(owned.prepared, actor, nowMs, limits);
  if (check.kind !== 'fits') return check;
  const { fence } = owned.prepared.commit;
  if (fence !== undefined && fence < guard) return { kind: 'stale', guard };
  const newcomer = [...check.settlements.keys()].some((sender) => !actor.senders.has(sender) && !sender.includes(':'));
  return { ...owned, ...check, newcomer, nowMs };
}

/** Writes what fits, all of it or, when something has changed since it was decided, nothing (`moved`). */
export const commitStatement = {
  name: 'commit',
  text: 'SELECT topic, id, prev, at AS "atMs" FROM commit_actors($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
};

export interface WrittenEvent {
  readonly topic: string;
  readonly id: string;
  readonly prev: string;
  readonly atMs: number;
}

/** The values of `commitStatement`. */
export function writeParts(commits: readonly Fitting[], limits: StoreLimits): readonly (string | number | null)[] {
  const [first] = commits;
  // Of two epochs of one shard at most one is the owner's: then nothing is written, and all of it is decided anew.
  const owners = new Map(commits.map(({ shard, epoch }) => [`${shard} ${epoch}`, { shard, epoch }]));
  return [
    rows([...owners.values()]),
    rows(commits.map(actorRow)),
    rows(
      commits.flatMap(
        ({
          prepared: {
            commit: { id, fence },
          },
        }) => (fence === undefined ? [] : [{ actor: id, fence }]),
      ),
    ),
    rows(commits.flatMap(senderRows)),
    rows(commits.filter(({ newcomer }) => newcomer).map(({ prepared }) => prepared.commit.id)),
    rows(
      commits.flatMap(({ shard, prepared: { commit } }) =>
        commit.outbox.remove
          // A row that is added as well stays.
          .filter(({ to, n }) => !commit.outbox.add.some((row) => row.to === to && row.n === n))
          .map(({ to, n }) => ({ shard, actor: commit.id, receiver: to, n })),
      ),
    ),
    rows(commits.flatMap(outboxRows)),
    rows(
      commits.flatMap(({ prepared: { commit, events } }) =>
        commit.events.map(({ type }, i) => ({ topic: commit.id, n: i + 1, type, data: events[i] ?? 'null' })),
      ),
    ),
    (first?.nowMs ?? 0) - limits.senderSilenceMs,
    limits.nodeSenders,
  ];
}

function rows(values: readonly unknown[]): string | null {
  return values.length === 0 ? null : JSON.stringify(values);
}

function actorRow({ shard, lanes, prepared: { commit, snapshot, timers, dueAtMs } }: Fitting) {
  const { id, basis, machineVersion, commitId } = commit;
  const row = {
    id,
    shard,
    basis,
    machine: machineVersion,
    commit_id: commitId,
    snapshot,
    timers,
    due: dueAtMs ?? null,
  };
  const { count, floor } = lanes.after;
  // Few have any.
  return count + floor === 0 ? row : { ...row, lanes: count, floor };
}

/** A row without a floor deletes a lane. */
function senderRows({ settlements, lanes, nowMs, prepared: { commit } }: Fitting) {
  const ended = new Set(lanes.ended);
  const kept = [...settlements].filter(([sender]) => !ended.has(sender));
  return [
    ...lanes.ended.map((sender) => ({ actor: commit.id, sender })),
    ...kept.map(([sender, settlement], nth) => ({
      actor: commit.id,
      sender,
      floor: settlement.floor,
      kept: keptText(settlement),
      seen: seenOf(sender, lanes, nowMs),
      version: commit.basis + 1,
      nth,
    })),
  ];
}

/** Of two rows with one number, the later one. */
function outboxRows({ shard, prepared: { commit, outbox } }: Fitting) {
  const added = new Map(
    commit.outbox.add.map(({ to, n }, i) => [
      `${n} ${to}`,
      { shard, actor: commit.id, receiver: to, n, event: outbox[i] ?? 'null' },
    ]),
  );
  return [...added.values()];
}

/** The outcome of a commit that was written; `events` of its topic in their order. */
export function committed({ prepared, lanes }: Fitting, written: readonly WrittenEvent[]): CommitOutcome {
  const { id, basis, events } = prepared.commit;
  return {
    kind: 'committed',
    version: basis + 1,
    events: written.map((event, i) => {
      const row: EventRow = {
        id: event.id,
        prev: event.prev,
        type: events[i]?.type ?? '',
        atMs: event.atMs,
        data: prepared.events[i] ?? 'null',
      };
      return eventOf(id, row);
    }),
    ...crowdedOf(lanes),
  };
}
