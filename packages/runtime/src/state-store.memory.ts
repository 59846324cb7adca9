import type { Clock, FencingToken } from '@devmentor/locks';
import { assert, encodeId, parseFence, slotOf } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import type { RowText } from './actor-record.ts';
import { actorRecord } from './actor-record.ts';
import { jsonValue } from './json-text.ts';
import { MemoryLogStore } from './log-store.memory.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { prepareCommit } from './prepared-commit.ts';
import type { Settlement } from './settlement.ts';
import { isSettled, nothingSettled, settle } from './settlement.ts';
import { lowestStamp, stampAfter } from './stamp.ts';
import type {
  ActorRecord,
  Commit,
  CommitOutcome,
  Epoch,
  Fenced,
  Incarnation,
  Ownership,
  SenderId,
  Shard,
  StateStore,
} from './state-store.ts';
import { checkKey } from './store-key.ts';
import type { StoreLimits } from './store-limits.ts';
import { defaultStoreLimits } from './store-limits.ts';

/** One actor as it is stored: everything of the caller's is JSON text. */
interface Stored {
  version: number;
  machineVersion: number;
  commitId: string;
  snapshot: string;
  timers: string;
  dueAtMs: number | undefined;
  cursor: string;
  readonly outbox: Map<string, RowText>;
  readonly nextOut: Map<ActorId, number>;
  readonly senders: Map<SenderId, { readonly settlement: Settlement; readonly seenMs: number }>;
}

const nobody: Ownership = { incarnation: 'none', epoch: lowestStamp };
const lowestFence = parseFence(lowestStamp);

/**
 * Actors in this process's memory. One store is shared by all the nodes of the process, and it
 * decides between them as Redis does between processes; it keeps nothing when the process ends.
 */
export class MemoryStateStore implements StateStore {
  readonly shards: number;
  readonly #clock: Clock;
  readonly #log: MemoryLogStore;
  readonly #limits: StoreLimits;
  readonly #owners = new Map<Shard, Ownership>();
  readonly #actors = new Map<Shard, Map<ActorId, Stored>>();
  readonly #guards = new Map<ActorId, FencingToken>();

  /** `log` takes the actors' topic events: give the same one to readers. */
  constructor(options: {
    readonly clock: Clock;
    readonly log?: MemoryLogStore;
    readonly shards?: number;
    readonly limits?: Partial<StoreLimits>;
  }) {
    this.#clock = options.clock;
    this.#log = options.log ?? new MemoryLogStore({ clock: options.clock });
    this.#limits = { ...defaultStoreLimits, ...options.limits };
    this.shards = options.shards ?? 64;
  }

  async open(): Promise<void> {}

  /** The actors stay: the nodes that share this store come and go. */
  async close(): Promise<void> {}

  async ownership(shards: readonly Shard[]): Promise<readonly Ownership[]> {
    return shards.map((shard) => this.#owner(shard));
  }

  async seal(shard: Shard, by: Incarnation, expects: Ownership): ReturnType<StateStore['seal']> {
    assertIncarnation(by);
    const own = this.#owner(shard);
    if (own.incarnation !== expects.incarnation || own.epoch !== expects.epoch) return { kind: 'lost', own };
    const epoch = stampAfter(own.epoch, this.#clock.wallMs());
    this.#owners.set(shard, { incarnation: by, epoch });
    return { kind: 'sealed', epoch };
  }

  async yield(shard: Shard, epoch: Epoch): Promise<void> {
    if (this.#serves(shard, epoch)) this.#owners.set(shard, { incarnation: 'none', epoch });
  }

  async confirm(shard: Shard, epoch: Epoch): Promise<boolean> {
    return this.#serves(shard, epoch);
  }

  async load(shard: Shard, epoch: Epoch, id: ActorId): ReturnType<StateStore['load']> {
    this.#assertShard(shard, id);
    if (!this.#serves(shard, epoch)) return this.#fenced(shard);
    const stored = this.#stored(id);
    return stored === undefined ? { kind: 'absent' } : { kind: 'record', record: asRecord(id, stored) };
  }

  async commit(shard: Shard, epoch: Epoch, commits: readonly Commit[]): ReturnType<StateStore['commit']> {
    const prepared = commits.map((commit) => prepareCommit(commit, this.#limits));
    for (const { id } of commits) this.#assertShard(shard, id);
    if (!this.#serves(shard, epoch)) return this.#fenced(shard);
    return {
      kind: 'outcomes',
      outcomes: prepared.map((item) => (item.kind === 'refused' ? item : this.#apply(shard, item))),
    };
  }

  async pending(shard: Shard, epoch: Epoch): ReturnType<StateStore['pending']> {
    if (!this.#serves(shard, epoch)) return this.#fenced(shard);
    const actors = [...(this.#actors.get(shard) ?? [])];
    return {
      kind: 'pending',
      timers: actors.flatMap(([id, { dueAtMs }]) => (dueAtMs === undefined ? [] : [{ id, dueAtMs }])),
      outboxes: actors.filter(([, stored]) => stored.outbox.size > 0).map(([id]) => id),
      nowMs: Math.floor(this.#clock.wallMs()),
    };
  }

  async peek(id: ActorId): Promise<ActorRecord | undefined> {
    checkKey(id);
    const stored = this.#stored(id);
    return stored && asRecord(id, stored);
  }

  async admit(id: ActorId, fence: FencingToken): ReturnType<StateStore['admit']> {
    checkKey(id);
    const guard = this.#guardOf(id);
    if (fence < guard) return { kind: 'stale', guard };
    this.#guards.set(id, fence);
    return { kind: 'admitted' };
  }

  async guard(id: ActorId): Promise<FencingToken> {
    return this.#guardOf(checkKey(id) as ActorId);
  }

  #apply(shard: Shard, item: PreparedCommit): CommitOutcome {
    const { commit } = item;
    const stored = this.#stored(commit.id) ?? emptyActor();
    if (stored.version !== commit.basis)
      return { kind: 'conflict', version: stored.version, commitId: stored.commitId };

    const settled = commit.settles.filter(({ sender, n }) => isSettled(this.#settlement(stored, sender), n));
    if (settled.length > 0)
      return {
        kind: 'duplicate',
        settled: settled.map(({ sender, n }) => withReply(sender, n, this.#settlement(stored, sender))),
      };

    const senders = this.#settleAll(stored, item);
    for (const [sender, { kept }] of senders)
      if (kept.size > this.#limits.unsettledPerSender) return { kind: 'overloaded', sender };

    const guard = this.#guardOf(commit.id);
    if (commit.fence !== undefined && commit.fence < guard) return { kind: 'stale', guard };

    if (commit.fence !== undefined) this.#guards.set(commit.id, commit.fence);
    this.#keepSenders(stored, senders);
    return this.#write(shard, stored, item);
  }

  #write(shard: Shard, stored: Stored, item: PreparedCommit): CommitOutcome {
    const { commit } = item;
    const { add, remove } = commit.outbox;
    stored.version += 1;
    stored.machineVersion = commit.machineVersion;
    stored.commitId = commit.commitId;
    stored.snapshot = item.snapshot;
    stored.timers = item.timers;
    stored.dueAtMs = item.dueAtMs;
    for (const { to, n } of remove) stored.outbox.delete(rowKey(to, n));
    for (const [i, { to, n }] of add.entries()) {
      stored.outbox.set(rowKey(to, n), { to, n, text: item.outbox[i] ?? 'null' });
      stored.nextOut.set(to, Math.max(stored.nextOut.get(to) ?? 0, n + 1));
    }
    const events = this.#log.appendTexts(
      commit.id,
      commit.events.map(({ type }, i) => ({ type, text: item.events[i] ?? 'null' })),
    );
    stored.cursor = events.at(-1)?.id ?? stored.cursor;
    const actors = this.#actors.get(shard) ?? new Map<ActorId, Stored>();
    this.#actors.set(shard, actors.set(commit.id, stored));
    return { kind: 'committed', version: stored.version, events };
  }

  #settleAll(stored: Stored, item: PreparedCommit): Map<SenderId, Settlement> {
    const senders = new Map<SenderId, Settlement>();
    for (const [i, { sender, n, floor }] of item.commit.settles.entries()) {
      const before = senders.get(sender) ?? this.#settlement(stored, sender);
      senders.set(sender, settle(before, n, floor, item.replies[i]));
    }
    return senders;
  }

  #keepSenders(stored: Stored, senders: ReadonlyMap<SenderId, Settlement>): void {
    const seenMs = this.#clock.wallMs();
    for (const [sender, settlement] of senders) stored.senders.set(sender, { settlement, seenMs });
    for (const sender of stored.senders.keys()) if (this.#isForgotten(stored, sender)) stored.senders.delete(sender);
  }

  #settlement(stored: Stored, sender: SenderId): Settlement {
    return this.#isForgotten(stored, sender)
      ? nothingSettled
      : (stored.senders.get(sender)?.settlement ?? nothingSettled);
  }

  #isForgotten(stored: Stored, sender: SenderId): boolean {
    const seenMs = stored.senders.get(sender)?.seenMs;
    return (
      seenMs !== undefined && !sender.includes(':') && this.#clock.wallMs() - seenMs > this.#limits.senderSilenceMs
    );
  }

  #owner(shard: Shard): Ownership {
    assert(
      Number.isInteger(shard) && shard >= 0 && shard < this.shards,
      'a shard is a number below the number of shards',
    );
    return this.#owners.get(shard) ?? nobody;
  }

  #serves(shard: Shard, epoch: Epoch): boolean {
    const own = this.#owner(shard);
    return own.epoch === epoch && own.incarnation !== 'none';
  }

  #fenced(shard: Shard): Fenced {
    return { kind: 'fenced', own: this.#owner(shard) };
  }

  #stored(id: ActorId): Stored | undefined {
    return this.#actors.get(this.#shardOf(id))?.get(id);
  }

  #guardOf(id: ActorId): FencingToken {
    return this.#guards.get(id) ?? lowestFence;
  }

  #shardOf(id: ActorId): Shard {
    return slotOf(encodeId(id), this.shards);
  }

  #assertShard(shard: Shard, id: ActorId): void {
    assert(this.#shardOf(id) === shard, 'an actor is stored in its own shard');
  }
}

function assertIncarnation(incarnation: Incarnation): void {
  assert(
    incarnation !== 'none' && incarnation !== '' && !incarnation.includes(':'),
    "an incarnation has no ':' and is not 'none'",
  );
}

function emptyActor(): Stored {
  const stored = {
    version: 0,
    machineVersion: 0,
    commitId: '',
    snapshot: 'null',
    timers: '',
    dueAtMs: undefined,
    cursor: '',
  };
  return { ...stored, outbox: new Map(), nextOut: new Map(), senders: new Map() };
}

function rowKey(to: ActorId, n: number): string {
  return `${n} ${to}`;
}

function withReply(sender: SenderId, n: number, settlement: Settlement) {
  const reply = settlement.kept.get(n);
  return reply === undefined ? { sender, n } : { sender, n, reply: jsonValue(reply) };
}

function asRecord(id: ActorId, stored: Stored): ActorRecord {
  return actorRecord(id, stored, stored.outbox.values(), stored.nextOut);
}
