// Commit check
//
// Whether a commit fits onto what is stored, in the order of answers that StateStore asks for:
// conflict, duplicate, overloaded. Pure; the store decides about epochs and guards around it.
import { jsonValue } from './json-text.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { isSettled, nothingSettled, type Settlement, settledAfter } from './settlement.ts';
import type { CommitOutcome, SenderId } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';

/** What is stored of one sender. */
export interface KnownSender {
  readonly settlement: Settlement;
  readonly seenMs: number;
}

export interface StoredActor {
  readonly version: number;
  readonly commitId: string;
  /** At least the senders that the commit settles, those that were ever heard. */
  readonly senders: ReadonlyMap<SenderId, KnownSender>;
}

/** The settlements to store with the commit, by sender, or why it cannot be written. */
export function checkCommit(
  { commit, replies }: PreparedCommit,
  stored: Omit<StoredActor, 'senders'> & { readonly senders: Pick<StoredActor['senders'], 'get'> },
  nowMs: number,
  limits: StoreLimits,
): { readonly kind: 'fits'; readonly settlements: ReadonlyMap<SenderId, Settlement> } | CommitOutcome {
  const { version, commitId } = stored;
  if (version !== commit.basis) return { kind: 'conflict', version, commitId };

  const known = (sender: SenderId): Settlement => {
    const found = stored.senders.get(sender);
    return found === undefined || isForgotten(sender, found.seenMs, nowMs, limits) ? nothingSettled : found.settlement;
  };
  const settled = commit.settles.filter(({ sender, n }) => isSettled(known(sender), n));
  if (settled.length > 0) {
    return {
      kind: 'duplicate',
      settled: settled.map(({ sender, n }) => {
        const reply = known(sender).kept.get(n);
        return reply === undefined ? { sender, n } : { sender, n, reply: jsonValue(reply) };
      }),
    };
  }

  const settlements = settledAfter(commit.settles, replies, known);
  for (const [sender, { kept }] of settlements) {
    if (kept.size > limits.unsettledPerSender) return { kind: 'overloaded', sender };
  }
  return { kind: 'fits', settlements };
}

/** Node senders, which have no `:`, are forgotten after a silence; actors are not. */
function isForgotten(sender: SenderId, seenMs: number, nowMs: number, limits: StoreLimits): boolean {
  return !sender.includes(':') && nowMs - seenMs > limits.senderSilenceMs;
}
