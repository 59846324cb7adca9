// Remembered actors
//
// What this process last wrote of the actors it commits to, so that the next commit to one
// of them is a single round trip. It answers nobody: a decision made on it is a guess, which the
// write that follows checks by the shard's epoch and the actor's version: under one epoch nobody else
// writes, and nothing of what is remembered changes without a new version.
//
//   RA1  Only a commit that fits is decided on what is remembered, under the epoch it was seen
//        under; everything else is read.
import type { ActorId } from './actor-id.ts';
import type { KnownSender, StoredActor } from './commit-check.ts';
import type { Fitting, OwnedCommit } from './commit-group.postgres.ts';
import type { Epoch, SenderId } from './state-store.ts';

const mostActors = 10_000;
/** Of one actor; beyond, it is read each time. */
const mostSenders = 64;
const mostReplyLength = 4_096;

interface SeenActor extends StoredActor {
  readonly epoch: Epoch;
  readonly senders: Map<SenderId, KnownSender>;
}

export class RememberedActors {
  /** In the order of their last commit. */
  readonly #actors = new Map<ActorId, SeenActor>();

  /** What the commit is to be checked against, if all of that is remembered. Good until the next call. */
  recall({ epoch, prepared: { commit } }: OwnedCommit): StoredActor | undefined {
    const actor = this.#actors.get(commit.id);
    if (actor?.version !== commit.basis || actor.epoch !== epoch) return undefined;
    const { closes = [] } = commit;
    return [...commit.settles, ...closes].every(({ sender }) => actor.senders.has(sender)) ? actor : undefined;
  }

  /** A commit that was written. A newcomer may have made others forgotten. */
  remember({ epoch, prepared: { commit }, settlements, lanes, newcomer, nowMs }: Fitting): void {
    const { id, commitId } = commit;
    const before = this.#actors.get(id);
    const senders = newcomer || before?.epoch !== epoch ? new Map<SenderId, KnownSender>() : before.senders;
    for (const [sender, settlement] of settlements)
      senders.set(sender, { settlement, seenMs: nowMs, crowded: lanes.crowded.includes(sender) });
    for (const sender of lanes.ended) senders.delete(sender);
    this.#actors.delete(id);
    if (senders.size > mostSenders || replyLength(senders) > mostReplyLength) return;
    this.#actors.set(id, { version: commit.basis + 1, commitId, epoch, lanes: lanes.after, senders });
    const [oldest] = this.#actors.keys();
    if (this.#actors.size > mostActors && oldest !== undefined) this.#actors.delete(oldest);
  }

  forget(id: ActorId): void {
    this.#actors.delete(id);
  }
}

function replyLength(senders: ReadonlyMap<SenderId, KnownSender>): number {
  let length = 0;
  for (const { settlement } of senders.values())
    for (const reply of settlement.kept.values()) length += reply?.length ?? 0;
  return length;
}
