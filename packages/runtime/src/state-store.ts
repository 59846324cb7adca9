// StateStore
//
// Where actors live when they are not in memory, and where ownership is decided. Everything
// one commit changes is written by one atomic, fenced write; nothing in this port is a cache.
//
//   ST1  A shard has one owner record {incarnation, epoch}. `seal` replaces it by compare-and-set;
//        epochs of a shard strictly increase, over restarts and lost stores too (they are
//        max(previous + 1, the store's clock in microseconds)).
//   ST2  `load`, `commit` and `confirm` with an epoch that is not the shard's answer `fenced`
//        and have no effect.
//   ST3  A commit is all or nothing per actor: snapshot, timers, dedup, outbox and topic events
//        together. Commits of one call are independent of each other.
//   ST4  A commit whose `basis` is not the stored version answers `conflict` with the stored
//        commit id and has no effect.
//   ST5  A commit that carries a fence below the actor's guard answers `stale` with the guard
//        and has no effect. A fence at or above the guard is admitted, and raises the guard.
//   ST6  A message already settled for its sender (below the sender's floor, or committed above
//        it) makes the commit answer `duplicate` with the settled replies and has no effect.
//   ST7  The guard never decreases; `admit` raises it, needs no owner, and survives the actor.
//   ST8  Topic events get gapless `prev` links and ids that increase within the topic.
//   ST9  The stored record of an actor tells, after any lost reply, whether a commit id is in it.
//   ST10 At most 64 numbers above its floor are kept per sender; a commit that would keep more
//        answers `overloaded` and has no effect. Node senders are forgotten after 10 minutes of
//        silence, or when 10,000 others were heard since; actors have lanes.
//   ST11 A commit that cannot be stored as it is (not JSON, too large), or whose stored record is
//        of an unknown version, answers `refused` with the fault; its neighbours are untouched.
//   ST13 An actor's lane is kept until it is closed (`closes`), and deleted then unless it has a number
//        above that one. One opened beside `actorLanes` others is crowded: `committed` and
//        `duplicate` say so. A message not above the highest number that was ever closed, on
//        a lane that is not there, makes the commit answer `closed` and has no effect. See `lanes.ts`.
//   ST12 What is handed in or out is a copy: nobody holds a reference to stored data.
//
// When several answers fit, the first of this list is given: fenced, refused, conflict,
// duplicate, closed, overloaded, stale. So the retry of a message that was settled under an older
// fence gets its reply.
import type { CoordinationError, FencingToken } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import type { Json } from './json.ts';
import type { LogId, TopicEvent } from './log-store.ts';

export type { Json } from './json.ts';

/** One node process between its start and its end; never reused, without `:`. */
export type Incarnation = string;
/** 16-digit text, ordered as text: the token under which a shard is served. */
export type Epoch = string;
/** From 0 to the number of shards, exclusive; which actors are in which one is `shardOf`. */
export type Shard = number;

/** Who serves a shard, under which epoch. */
export interface Ownership {
  readonly incarnation: Incarnation | 'none';
  readonly epoch: Epoch;
}

/** A durable timer: fired once, at or after `dueAtMs` of the store's wall clock. */
export interface TimerRow {
  readonly id: string;
  /** Tells a re-entered `after` from the one it replaced. */
  readonly generation: number;
  readonly dueAtMs: number;
  readonly event: Json;
  /** Of the step that set it. */
  readonly traceparent?: string;
}

/** A message that the actor owes to another; relayed until the receiver has committed it. */
export interface OutboxRow {
  /** Rises over the messages of this actor, with gaps; the receiver's dedup number. */
  readonly n: number;
  readonly to: ActorId;
  readonly event: Json;
  /** Of the step that told it. */
  readonly traceparent?: string;
}

/** Who numbered a message: an actor (`type:key`) or a node incarnation, which has no `:`. */
export type SenderId = string;

/** A message this commit settles. */
export interface Settled {
  readonly sender: SenderId;
  readonly n: number;
  /** Lowest number the sender has not settled, at most `n`; replies below it are forgotten. */
  readonly floor: number;
  /** What a duplicate is answered with; absent for a tell. */
  readonly reply?: Json;
}

/** All that is stored of one actor. */
export interface ActorRecord {
  readonly id: ActorId;
  readonly version: number;
  readonly machineVersion: number;
  readonly commitId: string;
  readonly snapshot: Json;
  readonly timers: readonly TimerRow[];
  readonly outbox: readonly OutboxRow[];
  /** Last event of the actor's own topic. */
  readonly cursor?: LogId;
}

/** What one group of messages makes of an actor: written as a whole or not at all (ST3). */
export interface Commit {
  readonly id: ActorId;
  /** `<epoch>:<n>`, unique per commit of an owner. */
  readonly commitId: string;
  /** Version the step started from; 0 for an actor that has no record. */
  readonly basis: number;
  readonly machineVersion: number;
  readonly snapshot: Json;
  /** The whole set of timers after this commit. */
  readonly timers: readonly TimerRow[];
  readonly outbox: {
    readonly add: readonly OutboxRow[];
    readonly remove: readonly { readonly to: ActorId; readonly n: number }[];
  };
  readonly settles: readonly Settled[];
  /** Lanes whose actors have nothing more to say on them up to `n`. */
  readonly closes?: readonly { readonly sender: SenderId; readonly n: number }[];
  readonly fence?: FencingToken;
  readonly events: readonly { readonly type: string; readonly data: Json }[];
  /** Every value in it was found to be JSON where it was made; the store need not look again. */
  readonly isJson?: true;
}

/** What became of one commit. All but `committed` have changed nothing. */
export type CommitOutcome =
  | {
      readonly kind: 'committed';
      readonly version: number;
      readonly events: readonly TopicEvent[];
      /** Actors among the senders that are to close their lanes; absent for none. */
      readonly crowded?: readonly SenderId[];
    }
  | { readonly kind: 'conflict'; readonly version: number; readonly commitId: string }
  | { readonly kind: 'stale'; readonly guard: FencingToken }
  | {
      readonly kind: 'duplicate';
      readonly settled: readonly {
        readonly sender: SenderId;
        readonly n: number;
        readonly reply?: Json;
        readonly crowded?: true;
      }[];
    }
  /** The sender has no lane here, and may have closed one: numbers below `floor` are over. */
  | { readonly kind: 'closed'; readonly sender: SenderId; readonly floor: number }
  /** More than 64 unsettled numbers of one sender. */
  | { readonly kind: 'overloaded'; readonly sender: SenderId }
  /** `NOT_JSON` and `TOO_LARGE` name the path; `ID_REJECTED`, `ID_COLLISION`, `RECORD_VERSION_UNSUPPORTED`, `RECORD_UNREADABLE` the actor. */
  | { readonly kind: 'refused'; readonly fault: CoordinationError };

/** The epoch that was given is not the shard's: somebody else serves it, and nothing was changed (ST2). */
export type Fenced = { readonly kind: 'fenced'; readonly own: Ownership };

/**
 * The port of actors' records and of who may write them; the rules are ST1 and following, at the head of this file.
 *
 * A throw is a `CoordinationError`: `applied: 'no'` may be repeated, after `'unknown'` the record tells (ST9).
 */
export interface StateStore {
  /** Number of shards, stored with the namespace; `open` refuses another number (`SHARDS_MISMATCH`). */
  readonly shards: number;
  open(): Promise<void>;
  close(): Promise<void>;

  ownership(shards: readonly Shard[]): Promise<readonly Ownership[]>;
  /** Takes a shard if its owner is still `expects`. The caller has seen that owner's node lease lapsed, or `none`. */
  seal(
    shard: Shard,
    by: Incarnation,
    expects: Ownership,
  ): Promise<{ readonly kind: 'sealed'; readonly epoch: Epoch } | { readonly kind: 'lost'; readonly own: Ownership }>;
  /** Gives a shard up in order: the owner becomes `none`, the epoch stays. Under another epoch it does nothing. */
  yield(shard: Shard, epoch: Epoch): Promise<void>;
  /** True while `epoch` is the shard's: the fenced round trip of a fresh read. */
  confirm(shard: Shard, epoch: Epoch): Promise<boolean>;

  load(
    shard: Shard,
    epoch: Epoch,
    id: ActorId,
  ): Promise<{ readonly kind: 'record'; readonly record: ActorRecord } | { readonly kind: 'absent' } | Fenced>;
  /** One atomic write per actor, one round trip for all; outcomes in the order of `commits`. */
  commit(
    shard: Shard,
    epoch: Epoch,
    commits: readonly Commit[],
  ): Promise<{ readonly kind: 'outcomes'; readonly outcomes: readonly CommitOutcome[] } | Fenced>;
  /** Actors of the shard that have timers (with the earliest) or an outbox: read once after `seal`. */
  pending(
    shard: Shard,
    epoch: Epoch,
  ): Promise<
    | {
        readonly kind: 'pending';
        readonly timers: readonly { id: ActorId; dueAtMs: number }[];
        readonly outboxes: readonly ActorId[];
        readonly nowMs: number;
      }
    | Fenced
  >;
  /** The stored record without ownership: a committed prefix, possibly behind. */
  peek(id: ActorId): Promise<ActorRecord | undefined>;

  /** Raises the guard of an actor to at least `fence`. */
  admit(
    id: ActorId,
    fence: FencingToken,
  ): Promise<{ readonly kind: 'admitted' } | { readonly kind: 'stale'; readonly guard: FencingToken }>;
  /** The actor's guard; the lowest token when nothing was ever admitted. */
  guard(id: ActorId): Promise<FencingToken>;
}
