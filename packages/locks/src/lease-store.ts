import type { Unsubscribe } from './clock.ts';
import type { CommandKind, CommandOf, Notice, OwnView, Replies } from './lease-command.ts';
import type { LogId, LogPage } from './lock-event.ts';

// Lease store
//
//   LS1   A command is atomic per resource, and commands of one caller on one resource take
//         effect in the order they were submitted.
//   LS2   At most one unlapsed lease per resource. A lease lapses when the store's clock reaches
//         its `untilMs`; no command sees a lapsed one.
//   LS3   Every grant of a resource carries a strictly greater fence than every grant before it,
//         over lapses, lost records and an emptied store too. 16 digits.
//   LS4   Renewing, confirming, attaching, resuming and repeated requests keep the fence.
//   LS5   A request id is granted at most once; when that lease has ended, or the request was
//         cancelled, repeating it answers `gone` while the window lasts.
//   LS6   A party (holder and instance) that asks for what it has is answered with it.
//   LS7   Waiters are offered the resource in the order they first asked. A new request never
//         passes a live waiter.
//   LS8   An offer names its fence, stands for 2 s, and passes on when it is not confirmed.
//   LS9   A waiter not repeated within its `waitMs` is skipped; any number of them at once.
//   LS10  Releasing twice, late, or after another's grant is answered truthfully and changes
//         nothing. At most 256 ended leases are remembered per resource, for at least 10 min.
//   LS11  `gen` rises with every change of the attached connection; a stale one does nothing.
//   LS12  Every lapse, grant, offer, release, away and back is one event in its bucket's log, in
//         order; a sweep finds lapses that nobody else asks about, of a bucket by their names.
//   LS16  A view tells how long it was held of late: the median of the last eight leases.
//   LS20  One takeover at a time is asked of a lease, whose holder is told; repeating it asks once.
//   LS21  A granted takeover passes the lease in the same step: never free, with a new fence.
//   LS22  A lease that drains ends with its drain at the latest, and then is the asker's.
//   LS23  Denied or unanswered, whoever asked is told so, however often they ask.
//   LS24  Who asked gets the lease before the queue; who no longer asks gets nothing.
//   LS25  A takeover by force ends the lease and grants it anew in one step.
//   LS26  A hand-off is an offer to one party, and passes to the queue when it is not taken.
//   LS27  Who ends a lease that is not theirs has every process told, by the lease's name.
//   LS14  A bucket's log keeps an event for 10 minutes, unless there are too many.
//   LS15  A page of `list` costs its own length: a sweep takes what is free off the names.
//
// A fault is thrown as CoordinationError; `applied` says whether the command may have taken effect.

/** PORT: the truth about who holds what. */
export interface LeaseStore {
  /** Number of buckets, known once `open` has resolved. */
  readonly buckets: number;
  /** Longest time until a command settles; renewal counts with it. */
  readonly commandTimeoutMs: number;
  /** Idempotent. Throws `BUCKETS_MISMATCH` when the namespace was laid out for another number. */
  open(): Promise<void>;
  submit<K extends CommandKind>(command: CommandOf<K>): Promise<Replies[K]>;
  /** Settles what lapsed, in every bucket that nobody swept for half a second. */
  sweep(): Promise<void>;
  bucketOf(resource: string): number;
  /** Held resources whose name starts with `prefix`, ordered by name, strictly after `after`. */
  list(query: {
    readonly prefix: string;
    readonly after: string;
    readonly limit: number;
  }): Promise<{ readonly views: readonly OwnView[]; readonly next: string | undefined }>;
  readLog(bucket: number, after: LogId | 'start', limit: number): Promise<LogPage>;
  /** What is for this process's waiters, and what is for every process. One may be lost. */
  listen(listener: string, onNotice: (notice: Notice) => void): Promise<Unsubscribe>;
  /** That a bucket's log grew, while somebody wants to know. A hint may be lost. */
  hints(bucket: number, onHint: () => void): Promise<Unsubscribe>;
  close(): Promise<void>;
}

/** How often a bucket needs sweeping. */
export const SWEEP_MS = 500;
/** How long a bucket's log keeps an event, unless there are too many. */
export const LOG_MS = 600_000;
