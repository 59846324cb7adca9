// Commit queue
//
// The calls of `commit` on their way to Redis: those of one tick are one script, at most two
// scripts are under way. On a Cluster each shard is a slot, hence a queue of its own.
import type { Script } from '@devmentor/locks/redis';
import { type CommitCall, inBatches, plainlyCommitted, writeBatch } from './commit-batch.ts';
import type { RedisNamespace } from './redis-namespace.ts';
import { list, type Reply } from './redis-reply.ts';
import { commitScript } from './state-store.redis-scripts.ts';
import type { Shard } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';

/** What became of one call in a batch: the other calls do not share its fate. */
type CallAnswer =
  | { readonly kind: 'answer'; readonly reply: Reply }
  | { readonly kind: 'fault'; readonly fault: unknown };

interface Queue {
  submit(call: CommitCall): Promise<CallAnswer>;
}

/** Most calls taken from the queue at once. */
const takenCalls = 256;

export class CommitQueue {
  readonly #namespace: RedisNamespace;
  readonly #limits: StoreLimits;
  readonly #script: Script;
  readonly #queues = new Map<Shard, Queue>();

  constructor(namespace: RedisNamespace, limits: StoreLimits) {
    this.#namespace = namespace;
    this.#limits = limits;
    this.#script = namespace.link.script(commitScript);
  }

  /** The script's answer to this call. Throws the link's fault, `applied` included. */
  async submit(call: CommitCall): Promise<Reply> {
    const answer = await this.#queue(call.shard).submit(call);
    if (answer.kind === 'fault') throw answer.fault;
    return answer.reply;
  }

  #queue(shard: Shard): Queue {
    const { link } = this.#namespace;
    const slot = link.isCluster ? shard : 0;
    const queue =
      this.#queues.get(slot) ??
      link.batcher<CommitCall, CallAnswer>({ maxItems: takenCalls, flush: (calls) => this.#flush(calls) });
    this.#queues.set(slot, queue);
    return queue;
  }

  async #flush(calls: readonly CommitCall[]): Promise<readonly CallAnswer[]> {
    const batches = inBatches(calls);
    const [only, second] = batches;
    if (only !== undefined && second === undefined) return this.#send(only);
    return (await Promise.all(batches.map((batch) => this.#send(batch)))).flat();
  }

  async #send(calls: readonly CommitCall[]): Promise<readonly CallAnswer[]> {
    const { keys, args } = writeBatch(calls, this.#namespace, this.#limits);
    try {
      const answer = await this.#namespace.link.run(this.#script, keys, args);
      if (answer === plainlyCommitted) return calls.map(({ commits }) => plain(commits.length));
      return list(answer).map((reply) => ({ kind: 'answer', reply: list(reply) }));
    } catch (fault) {
      return calls.map(() => ({ kind: 'fault', fault }));
    }
  }
}

function plain(commits: number): CallAnswer {
  return { kind: 'answer', reply: Array.from({ length: commits }, () => plainlyCommitted) };
}
