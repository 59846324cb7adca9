import type { Unsubscribe } from './clock.ts';
import type { LogId, LogPage } from './lock-event.ts';
import type { PermitCommandKind, PermitCommandOf, PermitNotice, PermitReplies, PoolView } from './permit-command.ts';

// Permit store
//
//   PS1   The permits of the unlapsed holders never add up to more than the pool's.
//   PS2   Each holder lapses by itself when the store's clock reaches its `untilMs`; no command
//         sees a lapsed one.
//   PS3   Every grant carries a strictly greater fence than every grant of the pool before it.
//   PS4   Waiters are offered permits in the order they first asked. The head that does not fit
//         yet is passed by nobody, however few permits they ask for.
//   PS5   All that fit are offered at once; an offer stands for 2 s, and passes on.
//   PS6   A request id is granted at most once; ended or cancelled, it answers `gone`.
//   PS7   A head that leaves or dies makes room for those behind it, in the same step.
//   PS8   Releasing twice, late, or what was never held is answered truthfully and changes nothing.
//   PS9   The number of permits is fixed while anybody holds or waits; another number is refused,
//         and told the stored one. An idle pool takes the number it is asked with.
//   PS10  Fewer permits: at once, under the same fence. More: a new grant, for who holds alone.
//   PS13  A permit that another process ended by its name is told to every process.
//   PS14  Pools that are in use are listed by prefix, in order of their names.
//   PS15  Every grant and every end is one event of its bucket's log, in order, linked by `prev`.
//   PS11  A pool remembers at most 256 ended leases, keeps at most 1,024 holders and as many
//         waiters, and is gone once nothing of it is within its window.
//
// A fault is thrown as CoordinationError; `applied` says whether the command may have taken effect.

export interface PoolQuery {
  readonly prefix: string;
  /** Names after this one. */
  readonly after: string;
  readonly limit: number;
}

export interface PoolPage {
  readonly views: readonly PoolView[];
  /** Where to go on, if there is more. */
  readonly next: string | undefined;
}

/** PORT: pools of permits, each with its holders and its queue. A command is atomic. */
export interface PermitStore {
  submit<K extends PermitCommandKind>(command: PermitCommandOf<K>): Promise<PermitReplies[K]>;
  /** Settles what lapsed in every pool. */
  sweep(): Promise<void>;
  /** Pools that somebody holds or waits for, in order of their names; looks at all there are. */
  list(query: PoolQuery): Promise<PoolPage>;
  /** How many logs there are. */
  readonly logs: number;
  readLog(log: number, after: LogId | 'start', limit: number): Promise<LogPage>;
  /** Offers to this process's waiters, and permits that others ended. Any of it may be lost. */
  listen(listener: string, onNotice: (notice: PermitNotice) => void): Promise<Unsubscribe>;
}
