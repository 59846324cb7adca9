// Known outcome
//
// Brings one commit to an outcome that is known. After a lost answer the record, read under the
// same epoch, says whether the commit is in it; if not, the very same commit is made again.
//
//   KO1  The commit id is never changed: a copy that was only late cannot be applied beside it.
//   KO2  It asks again for as long as the activation lives, with growing pauses. What asking again
//        cannot mend, a store that breaks its contract or a record that cannot be read, is thrown.
import type { ActivationHost } from './activation-host.ts';
import { isLane } from './lanes.ts';
import type { Commit, CommitOutcome } from './state-store.ts';

export type KnownOutcome =
  | CommitOutcome
  /** `applied` is 'unknown' when an earlier attempt may have been applied before the new seal. */
  | { readonly kind: 'fenced'; readonly applied: 'no' | 'unknown' }
  /** The activation ended meanwhile. */
  | { readonly kind: 'abandoned' };

export interface CommitWatch {
  isOver(): boolean;
  /** An attempt is under way. */
  committing(attempt: Promise<unknown>): void;
  /** The last attempt may have been applied. */
  frozen(): void;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

export const longer = (pauseMs: number): number => Math.min(LONGEST_PAUSE_MS, pauseMs * 2);

export async function knownOutcome(host: ActivationHost, commit: Commit, watch: CommitWatch): Promise<KnownOutcome> {
  let applied: 'no' | 'unknown' = 'no';
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = longer(pauseMs)) {
    try {
      const attempt = host.commit(commit);
      watch.committing(attempt);
      const outcome = await attempt;
      if (watch.isOver()) return { kind: 'abandoned' };
      if (outcome.kind === 'fenced') return { kind: 'fenced', applied };
      return isOwn(outcome, commit) ? committedBefore(outcome.version, commit) : outcome;
    } catch (fault) {
      if (!host.isTransient(fault)) throw fault;
      host.onFault(fault);
    }
    if (watch.isOver()) return { kind: 'abandoned' };
    applied = 'unknown';
    watch.frozen();
    const found = await inquire(host, commit, watch);
    if (found !== undefined) return found;
    await host.pause(pauseMs);
    if (watch.isOver()) return { kind: 'abandoned' };
  }
}

/** What the record says of a commit; undefined when it is not in it. */
async function inquire(host: ActivationHost, commit: Commit, watch: CommitWatch): Promise<KnownOutcome | undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = longer(pauseMs)) {
    try {
      const loaded = await host.load(commit.id);
      if (watch.isOver()) return { kind: 'abandoned' };
      if (loaded.kind === 'fenced') return { kind: 'fenced', applied: 'unknown' };
      const { version, commitId } = loaded.kind === 'record' ? loaded.record : { version: 0, commitId: '' };
      if (version === commit.basis) return undefined;
      const conflict = { kind: 'conflict', version, commitId } as const;
      return isOwn(conflict, commit) ? committedBefore(version, commit) : conflict;
    } catch (fault) {
      if (!host.isTransient(fault)) throw fault;
      host.onFault(fault);
      await host.pause(pauseMs);
      if (watch.isOver()) return { kind: 'abandoned' };
    }
  }
}

/** Which lanes are crowded is not known any more: to close one that is not does no harm. */
function committedBefore(version: number, { settles }: Commit): KnownOutcome {
  const crowded = settles.map(({ sender }) => sender).filter(isLane);
  return { kind: 'committed', version, events: [], ...(crowded.length === 0 ? {} : { crowded }) };
}

/** The commit is in the record already: an earlier attempt of it was applied. */
function isOwn(outcome: CommitOutcome, commit: Commit): outcome is Extract<CommitOutcome, { kind: 'conflict' }> {
  return outcome.kind === 'conflict' && outcome.commitId === commit.commitId;
}
