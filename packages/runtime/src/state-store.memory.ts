import type { Clock, FencingToken } from '@devmentor/locks';
import { assert, parseFence } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import { crowdedOf } from './lanes.ts';
import { MemoryLogStore } from './log-store.memory.ts';
import { MemoryActor } from './memory-actor.ts';
import { Places } from './places.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { prepareCommit } from './prepared-commit.ts';
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
import { checkKey } from './store-key.ts';
import type { StoreLimits } from './store-limits.ts';
import { defaultStoreLimits } from './store-limits.ts';

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
  readonly #places: Places;
  readonly #owners = new Map<Shard, Ownership>();
  readonly #actors = new Map<Shard, Map<ActorId, MemoryActor>>();
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
    this.#places = new Places(this.shards);
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
    const actor = this.#actor(id);
    return actor === undefined ? { kind: 'absent' } : { kind: 'record', record: actor.record(id) };
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
      outboxes: actors.filter(([, actor]) => actor.owes).map(([id]) => id),
      nowMs: Math.floor(this.#clock.wallMs()),
    };
  }

  async peek(id: ActorId): Promise<ActorRecord | undefined> {
    checkKey(id);
    return this.#actor(id)?.record(id);
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
    const { id, fence, events } = item.commit;
    const nowMs = this.#clock.wallMs();
    const actor = this.#actor(id) ?? new MemoryActor(this.#limits);
    const checked = actor.check(item, nowMs);
    if (checked.kind !== 'fits') return checked;
    const guard = this.#guardOf(id);
    if (fence !== undefined && fence < guard) return { kind: 'stale', guard };

    if (fence !== undefined) this.#guards.set(id, fence);
    const texts = events.map(({ type }, i) => ({ type, text: item.events[i] ?? 'null' }));
    const appended = this.#log.appendTexts(id, texts);
    const version = actor.write(item, checked, appended.at(-1)?.id ?? '', nowMs);
    const actors = this.#actors.get(shard) ?? new Map<ActorId, MemoryActor>();
    this.#actors.set(shard, actors.set(id, actor));
    return { kind: 'committed', version, events: appended, ...crowdedOf(checked.lanes) };
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

  #actor(id: ActorId): MemoryActor | undefined {
    return this.#actors.get(this.#shardOf(id))?.get(id);
  }

  #guardOf(id: ActorId): FencingToken {
    return this.#guards.get(id) ?? lowestFence;
  }

  #shardOf(id: ActorId): Shard {
    return this.#places.of(id).shard;
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
