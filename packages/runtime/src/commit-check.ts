// Commit check
//
// Whether a commit fits onto what is stored, in the order of answers that StateStore asks for:
// conflict, duplicate, closed, overloaded. Pure; the store decides about epochs and guards around it.
import { jsonValue } from './json-text.ts';
import { type LaneChange, type Lanes, laneChange, overSender } from './lanes.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { isSettled, nothingSettled, type Settlement, settledAfter } from './settlement.ts';
import type { CommitOutcome, SenderId } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';

/** What is stored of one sender. */
export interface KnownSender {
  readonly settlement: Settlement;
  readonly seenMs: number;
  /** The lane of an actor that is to close it. */
  readonly crowded?: boolean;
}

export interface StoredActor {
  readonly version: number;
  readonly commitId: string;
  readonly lanes: Lanes;
  /** At least the senders that the commit settles or closes, those that are known. */
  readonly senders: ReadonlyMap<SenderId, KnownSender>;
}

/** A commit that may be written, and what it leaves of its senders. */
export interface Fits {
  readonly kind: 'fits';
  readonly settlements: ReadonlyMap<SenderId, Settlement>;
  readonly lanes: LaneChange;
}

/** What to store with the commit, or why it cannot be written. */
export function checkCommit(
  { commit, replies }: PreparedCommit,
  stored: Omit<StoredActor, 'senders'> & { readonly senders: Pick<StoredActor['senders'], 'get'> },
  nowMs: number,
  limits: StoreLimits,
): Fits | CommitOutcome {
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
        const crowded = stored.senders.get(sender)?.crowded === true ? { crowded: true as const } : {};
        return reply === undefined ? { sender, n, ...crowded } : { sender, n, reply: jsonValue(reply), ...crowded };
      }),
    };
  }

  const over = overSender(commit.settles, stored);
  if (over !== undefined) return { kind: 'closed', sender: over, floor: stored.lanes.floor };

  const settlements = settledAfter(commit.settles, replies, known);
  for (const [sender, { kept }] of settlements) {
    if (kept.size > limits.unsettledPerSender) return { kind: 'overloaded', sender };
  }
  return { kind: 'fits', settlements, lanes: laneChange(commit.closes ?? [], settlements, stored, limits.actorLanes) };
}

/** Node senders, which have no `:`, are forgotten after a silence; actors are not. */
function isForgotten(sender: SenderId, seenMs: number, nowMs: number, limits: StoreLimits): boolean {
  return !sender.includes(':') && nowMs - seenMs > limits.senderSilenceMs;
}
