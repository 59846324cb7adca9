import type { FencingToken } from '@devmentor/locks';
import { assert, parseFence } from '@devmentor/locks';
import type { Script } from '@devmentor/locks/redis';
import type { ActorId } from './actor-id.ts';
import { readRecord } from './actor-record.redis.ts';
import { readOutcome, refusedCall } from './commit-batch.ts';
import { CommitQueue } from './commit-queue.redis.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { prepareCommit } from './prepared-commit.ts';
import type { RedisNamespace } from './redis-namespace.ts';
import type { Reply } from './redis-reply.ts';
import { list, pairs, text } from './redis-reply.ts';
import { lowestStamp } from './stamp.ts';
import { admitScript, loadScript, pendingScript, sealScript, yieldScript } from './state-store.redis-scripts.ts';
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
import { idCollision } from './store-faults.ts';
import { checkKey } from './store-key.ts';
import type { StoreLimits } from './store-limits.ts';
import { defaultStoreLimits } from './store-limits.ts';

type ScriptName = 'seal' | 'yield' | 'load' | 'pending' | 'admit';

/**
 * Actors in Redis. The commits of a tick go out as one script, on a Cluster as one per shard.
 * The link is its opener's to close.
 */
export class RedisStateStore implements StateStore {
  readonly shards: number;
  readonly #namespace: RedisNamespace;
  readonly #limits: StoreLimits;
  readonly #scripts: Readonly<Record<ScriptName, Script>>;
  readonly #commits: CommitQueue;

  constructor(namespace: RedisNamespace, limits: Partial<StoreLimits> = {}) {
    const { link } = namespace;
    this.#namespace = namespace;
    this.#limits = { ...defaultStoreLimits, ...limits };
    this.shards = namespace.shards;
    this.#commits = new CommitQueue(namespace, this.#limits);
    this.#scripts = {
      seal: namespace.timed(sealScript),
      yield: link.script(yieldScript),
      load: link.script(loadScript),
      pending: namespace.timed(pendingScript),
      admit: link.script(admitScript),
    };
  }

  async open(): Promise<void> {
    await this.#namespace.open();
  }

  async close(): Promise<void> {}

  async ownership(shards: readonly Shard[]): Promise<readonly Ownership[]> {
    if (shards.length === 0) return [];
    const { link } = this.#namespace;
    const keys = shards.map((shard) => this.#key(shard, 'own'));
    const owns = link.isCluster
      ? await Promise.all(keys.map((key) => link.command('get', key)))
      : list(await link.command('mget', ...keys));
    return owns.map(readOwnership);
  }

  async seal(shard: Shard, by: Incarnation, expects: Ownership): ReturnType<StateStore['seal']> {
    assert(by !== 'none' && by !== '' && !by.includes(':'), "an incarnation has no ':' and is not 'none'");
    const own = this.#key(shard, 'own');
    const answer = await this.#namespace.runTimed(
      this.#scripts.seal,
      [own],
      [by, `${expects.epoch} ${expects.incarnation}`],
    );
    const [kind, fact] = list(answer);
    return kind === 'sealed' ? { kind, epoch: text(fact) } : { kind: 'lost', own: readOwnership(fact) };
  }

  async yield(shard: Shard, epoch: Epoch): Promise<void> {
    await this.#namespace.link.run(this.#scripts.yield, [this.#key(shard, 'own')], [epoch]);
  }

  async confirm(shard: Shard, epoch: Epoch): Promise<boolean> {
    const own = readOwnership(await this.#namespace.link.command('get', this.#key(shard, 'own')));
    return own.epoch === epoch && own.incarnation !== 'none';
  }

  async load(shard: Shard, epoch: Epoch, id: ActorId): ReturnType<StateStore['load']> {
    this.#assertShard(shard, id);
    assert(epoch !== '', 'a shard is served under an epoch');
    return this.#read(shard, epoch, id);
  }

  async commit(shard: Shard, epoch: Epoch, commits: readonly Commit[]): ReturnType<StateStore['commit']> {
    for (const { id } of commits) this.#assertShard(shard, id);
    const prepared = commits.map((commit) => prepareCommit(commit, this.#limits));
    const call = { shard, epoch, commits: prepared.filter(isPrepared) };
    const reply = await this.#commits.submit(call);
    if (reply[0] === 'fenced') return readFenced(reply);
    const refused = refusedCall(reply);
    if (refused !== undefined) throw refused;
    const replies = reply.values();
    return {
      kind: 'outcomes',
      outcomes: prepared.map(
        (item): CommitOutcome => (item.kind === 'refused' ? item : readOutcome(replies.next().value, item)),
      ),
    };
  }

  async pending(shard: Shard, epoch: Epoch): ReturnType<StateStore['pending']> {
    const keys = [this.#key(shard, 'own'), this.#key(shard, 'timers'), this.#key(shard, 'outbox')];
    const answer = list(await this.#namespace.runTimed(this.#scripts.pending, keys, [epoch]));
    if (answer[0] === 'fenced') return readFenced(answer);
    return {
      kind: 'pending',
      timers: pairs(answer[1]).map(([id, dueAtMs]) => ({ id: id as ActorId, dueAtMs: Number(dueAtMs) })),
      outboxes: list(answer[2]).map((id) => text(id) as ActorId),
      nowMs: Number(answer[3]),
    };
  }

  async peek(id: ActorId): Promise<ActorRecord | undefined> {
    checkKey(id);
    const answer = await this.#read(this.#namespace.shardOf(id), '', id);
    return answer.kind === 'record' ? answer.record : undefined;
  }

  async admit(id: ActorId, fence: FencingToken): ReturnType<StateStore['admit']> {
    checkKey(id);
    const [kind, guard] = await this.#run('admit', [this.#namespace.key('guard', id)], [id, parseFence(fence)]);
    if (kind === 'collision') throw idCollision(id);
    return kind === 'stale' ? { kind, guard: parseFence(text(guard)) } : { kind: 'admitted' };
  }

  async guard(id: ActorId): Promise<FencingToken> {
    checkKey(id);
    const stored = await this.#namespace.link.command('get', this.#namespace.key('guard', id));
    if (stored === null) return parseFence(lowestStamp);
    if (text(stored).slice(17) !== id) throw idCollision(id);
    return parseFence(text(stored).slice(0, 16));
  }

  async #read(shard: Shard, epoch: Epoch | '', id: ActorId): ReturnType<StateStore['load']> {
    const keys = [this.#key(shard, 'own'), this.#namespace.key('actor', id), this.#namespace.key('out', id)];
    const answer = await this.#run('load', keys, [epoch]);
    if (answer[0] === 'fenced') return readFenced(answer);
    return answer[0] === 'absent' ? { kind: 'absent' } : { kind: 'record', record: readRecord(id, answer) };
  }

  async #run(script: 'load' | 'admit', keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    return list(await this.#namespace.link.run(this.#scripts[script], keys, args));
  }

  #key(shard: Shard, what: 'own' | 'timers' | 'outbox'): string {
    assert(
      Number.isInteger(shard) && shard >= 0 && shard < this.shards,
      'a shard is a number below the number of shards',
    );
    return this.#namespace.shardKey(shard, what);
  }

  #assertShard(shard: Shard, id: ActorId): void {
    assert(this.#namespace.shardOf(id) === shard, 'an actor is stored in its own shard');
  }
}

function isPrepared(item: ReturnType<typeof prepareCommit>): item is PreparedCommit {
  return item.kind === 'prepared';
}

function readOwnership(stored: unknown): Ownership {
  if (stored === null) return { incarnation: 'none', epoch: lowestStamp };
  return { incarnation: text(stored).slice(17), epoch: text(stored).slice(0, 16) };
}

function readFenced(answer: Reply): Fenced {
  return { kind: 'fenced', own: readOwnership(answer[1]) };
}
