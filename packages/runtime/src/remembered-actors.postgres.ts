// Remembered actors
//
// What this process last read or wrote of the actors it commits to, so that the next commit to one
// of them is a single round trip. It answers nobody: a decision made on it is a guess, which the
// write that follows checks by the actor's version. Nothing remembered changes without that.
//
//   RA1  Only a commit that fits is decided on what is remembered; everything else is read.
import type { ActorId } from './actor-id.ts';
import type { KnownSender, StoredActor } from './commit-check.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import type { SenderId } from './state-store.ts';

const mostActors = 10_000;
/** Of one actor; beyond, it is read each time. */
const mostSenders = 64;
const mostReplyLength = 4_096;

export class RememberedActors {
  /** In the order of their last use. */
  readonly #actors = new Map<ActorId, StoredActor>();

  /** What the commit is to be checked against, if all of that is remembered. */
  recall({ commit: { id, basis, settles } }: PreparedCommit): StoredActor | undefined {
    const actor = this.#actors.get(id);
    if (actor?.version !== basis) return undefined;
    return settles.every(({ sender }) => actor.senders.has(sender)) ? actor : undefined;
  }

  /** `senders`: those that the last commit settled. Others stay remembered, unless some may have been dropped. */
  remember(id: ActorId, last: StoredActor, drops: boolean): void {
    const before = drops ? undefined : this.#actors.get(id)?.senders;
    this.#actors.delete(id);
    const senders = new Map<SenderId, KnownSender>([...(before ?? []), ...last.senders]);
    if (senders.size > mostSenders || replyLength(senders) > mostReplyLength) return;
    this.#actors.set(id, { ...last, senders });
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
