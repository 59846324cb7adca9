// Committer
//
// The way of one shard's commits to the store: those of one tick travel in one call, at most two
// calls are under way, and each commit gets its own outcome.
import type { Commit, CommitOutcome, Epoch, Shard, StateStore } from './state-store.ts';

interface Waiting {
  readonly commit: Commit;
  readonly resolve: (outcome: CommitOutcome | { readonly kind: 'fenced' }) => void;
  readonly reject: (fault: unknown) => void;
}

const MOST_IN_FLIGHT = 2;
/** One call is one script: more would keep a Redis from others for long. */
const LARGEST_BATCH = 128;

export class Committer {
  readonly #store: StateStore;
  readonly #shard: Shard;
  readonly #epoch: Epoch;
  #waiting: Waiting[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(store: StateStore, shard: Shard, epoch: Epoch) {
    this.#store = store;
    this.#shard = shard;
    this.#epoch = epoch;
  }

  /** Rejects with the store's fault, whose `applied` may be 'unknown'. */
  commit(commit: Commit): Promise<CommitOutcome | { readonly kind: 'fenced' }> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject });
      this.#flushSoon();
    });
  }

  #flushSoon(): void {
    if (this.#scheduled || this.#inFlight >= MOST_IN_FLIGHT || this.#waiting.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting.splice(0, LARGEST_BATCH);
    this.#inFlight++;
    this.#flushSoon();
    try {
      const answered = await this.#store.commit(
        this.#shard,
        this.#epoch,
        batch.map(({ commit }) => commit),
      );
      for (const [i, { resolve, reject }] of batch.entries()) {
        const outcome = answered.kind === 'fenced' ? answered : answered.outcomes[i];
        if (outcome === undefined) reject(new RangeError('the store answered fewer outcomes than commits'));
        else resolve(outcome);
      }
    } catch (fault) {
      for (const { reject } of batch) reject(fault);
    } finally {
      this.#inFlight--;
      this.#flushSoon();
    }
  }
}
