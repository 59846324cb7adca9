import type { Clock, Unsubscribe } from './clock.ts';
import { type Due, DueQueue } from './due-queue.ts';
import { type FencingToken, fenceOf } from './lease.ts';
import type { LockEvent, LoggedLockEvent, LogId, LogPage } from './lock-event.ts';
import type {
  PermitCommand,
  PermitCommandKind,
  PermitCommandOf,
  PermitNotice,
  PermitReplies,
  PermitReply,
  PoolView,
} from './permit-command.ts';
import { KEPT_POOL_EVENTS, pageOfLog } from './permit-log.ts';
import { emptyPool, isSpentPool, nextPoolDueMs, type PoolRecord, pageOfPools } from './permit-record.ts';
import type { PermitStore, PoolPage, PoolQuery } from './permit-store.ts';
import { permitTransition } from './permit-transition.ts';

interface Pool extends Due {
  record: PoolRecord;
}

/** Pools in this process's memory. */
export class MemoryPermitStore implements PermitStore {
  readonly logs = 1;
  readonly #clock: Clock;
  /** Wall time at monotonic zero: this store's clock never jumps. */
  readonly #originMs: number;
  readonly #floor: FencingToken;
  readonly #pools = new Map<string, Pool>();
  readonly #due = new DueQueue<Pool>();
  #events: LoggedLockEvent[] = [];
  readonly #listeners = new Map<string, (notice: PermitNotice) => void>();

  /** @param fenceFloor no grant carries a lower fence */
  constructor(clock: Clock, fenceFloor: FencingToken = fenceOf(0)) {
    this.#clock = clock;
    this.#originMs = clock.wallMs() - clock.nowMs();
    this.#floor = fenceFloor;
  }

  async submit<K extends PermitCommandKind>(command: PermitCommandOf<K>): Promise<PermitReplies[K]> {
    return this.#apply(command) as PermitReplies[K];
  }

  async sweep(): Promise<void> {
    const nowMs = Math.floor(this.#nowUs() / 1_000);
    for (let pool = this.#due.first; pool !== undefined && pool.dueMs <= nowMs; pool = this.#due.first)
      this.#apply({ kind: 'settle', resource: pool.record.resource });
  }

  async readLog(_log: number, after: LogId | 'start', limit: number): Promise<LogPage> {
    return pageOfLog(this.#events, after, limit);
  }

  async list(query: PoolQuery): Promise<PoolPage> {
    const views: PoolView[] = [];
    for (const resource of [...this.#pools.keys()]) {
      const { view } = this.#apply({ kind: 'inspect', resource }) as PermitReplies['inspect'];
      views.push(view);
    }
    return pageOfPools(views, query);
  }

  async listen(listener: string, onNotice: (notice: PermitNotice) => void): Promise<Unsubscribe> {
    this.#listeners.set(listener, onNotice);
    return () => void this.#listeners.delete(listener);
  }

  #nowUs(): number {
    return Math.floor((this.#originMs + this.#clock.nowMs()) * 1_000);
  }

  #apply(command: PermitCommand): PermitReply {
    const { resource } = command;
    const known = this.#pools.get(resource);
    const before = known?.record ?? emptyPool(resource, this.#floor);
    const { record, reply, offers, events, told } = permitTransition(before, command, this.#nowUs());
    this.#commit(known ?? { record, dueMs: 0, place: -1 }, record);
    for (const event of events) this.#log(event);
    for (const { listener, ...offer } of offers) this.#clock.soon(() => this.#listeners.get(listener)?.(offer));
    for (const notice of told)
      this.#clock.soon(() => {
        for (const onNotice of this.#listeners.values()) onNotice(notice);
      });
    return reply;
  }

  #log(event: LockEvent): void {
    const prev = this.#events.at(-1)?.id ?? '';
    const id = fenceOf(Math.max(Number(prev) + 1, this.#nowUs()));
    this.#events.push({ ...event, id, prev, prevOfResource: '' });
    if (this.#events.length > 2 * KEPT_POOL_EVENTS) this.#events = this.#events.slice(-KEPT_POOL_EVENTS);
  }

  #commit(pool: Pool, record: PoolRecord): void {
    pool.record = record;
    if (isSpentPool(record)) {
      this.#pools.delete(record.resource);
      this.#due.remove(pool);
      return;
    }
    this.#pools.set(record.resource, pool);
    this.#due.set(pool, nextPoolDueMs(record) ?? 0);
  }
}
