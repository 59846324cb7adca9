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

interface Queue {
  submit(call: CommitCall): Promise<Reply>;
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
    this.#script = namespace.timed(commitScript);
  }

  /** The script's answer to this call. Throws the link's fault, `applied` included. */
  submit(call: CommitCall): Promise<Reply> {
    return this.#queue(call.shard).submit(call);
  }

  #queue(shard: Shard): Queue {
    const { link } = this.#namespace;
    const slot = link.isCluster ? shard : 0;
    const queue =
      this.#queues.get(slot) ??
      link.batcher<CommitCall, Reply>({ maxItems: takenCalls, flush: (calls) => this.#flush(calls) });
    this.#queues.set(slot, queue);
    return queue;
  }

  #flush(calls: readonly CommitCall[]): Promise<readonly (Reply | Error)[]> {
    const batches = inBatches(calls);
    const [only, second] = batches;
    if (only !== undefined && second === undefined) return this.#send(only);
    // A batch that was lost is the fate of its own calls alone.
    const sent = batches.map((batch) => this.#send(batch).catch((fault: Error) => batch.map(() => fault)));
    return Promise.all(sent).then((answers) => answers.flat());
  }

  async #send(calls: readonly CommitCall[]): Promise<readonly Reply[]> {
    const { keys, args } = writeBatch(calls, this.#namespace, this.#limits);
    const answer = await this.#namespace.runTimed(this.#script, keys, args);
    if (answer === plainlyCommitted) return calls.map(({ commits }) => commits.map(() => plainlyCommitted));
    return list(answer).map(list);
  }
}
