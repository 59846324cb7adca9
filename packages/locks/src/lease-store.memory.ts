import { systemClock } from './clock.system.ts';
import type { Clock, Unsubscribe } from './clock.ts';
import { type Due, DueQueue } from './due-queue.ts';
import { compareNames, encodeId, slotOf } from './id-codec.ts';
import { type FencingToken, fenceOf } from './lease.ts';
import type { CommandKind, CommandOf, LeaseCommand, Notice, OwnView, Replies, Reply } from './lease-command.ts';
import type { Moment, Transition } from './lease-draft.ts';
import { isSpent, type LeaseRecord, nextDueMs } from './lease-record.ts';
import { type LeaseStore, LOG_MS, SWEEP_MS } from './lease-store.ts';
import type { LoggedLockEvent, LogId, LogPage } from './lock-event.ts';
import { MemoryPermitStore } from './permit-store.memory.ts';
import type { PermitStore } from './permit-store.ts';
import { settle, transition } from './transition.ts';

export interface MemoryLeaseStoreOptions {
  readonly clock?: Clock;
  /** No grant carries a lower fence: the highest one that an earlier process may have written under. */
  readonly fenceFloor?: FencingToken;
  readonly buckets?: number;
}

interface Row extends Due {
  readonly resource: string;
  record: LeaseRecord;
}

const KEPT_EVENTS = 8_192;

/** One bucket's count and log. */
class Bucket {
  count: number;
  last: LogId | '' = '';
  events: LoggedLockEvent[] = [];
  readonly hinted = new Set<() => void>();

  constructor(floor: number) {
    this.count = floor;
  }

  dropBefore(id: LogId): void {
    const [first] = this.events;
    if (first === undefined || first.id >= id) return;
    const from = this.events.findIndex((event) => event.id >= id);
    this.events = from < 0 ? [] : this.events.slice(from);
  }
}

/** Leases in this process's memory. Ends with the process; shared by every manager given it. */
export class MemoryLeaseStore implements LeaseStore {
  readonly buckets: number;
  readonly commandTimeoutMs = 0;
  readonly permits: PermitStore;
  readonly #clock: Clock;
  /** Wall time at monotonic zero: this store's clock never jumps. */
  readonly #originMs: number;
  readonly #rows = new Map<string, Row>();
  readonly #due = new DueQueue<Row>();
  readonly #buckets: readonly Bucket[];
  readonly #listeners = new Map<string, (notice: Notice) => void>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(options: MemoryLeaseStoreOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#originMs = this.#clock.wallMs() - this.#clock.nowMs();
    this.buckets = options.buckets ?? 16;
    this.permits = new MemoryPermitStore(this.#clock, options.fenceFloor);
    const floor = Number(options.fenceFloor ?? 0);
    this.#buckets = Array.from({ length: this.buckets }, () => new Bucket(floor));
  }

  async open(): Promise<void> {}

  async submit<K extends CommandKind>(command: CommandOf<K>): Promise<Replies[K]> {
    return this.#apply(command) as Replies[K];
  }

  async sweep(): Promise<void> {
    const serverMs = this.#serverMs();
    if (serverMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = serverMs;
    for (const row of this.#takeDue(serverMs)) {
      const bucket = this.#bucketOf(row.resource);
      this.#commit(row.resource, row, bucket, settle(row.record, this.#moment(bucket)));
    }
    const oldest = fenceOf((serverMs - LOG_MS) * 1_000);
    for (const bucket of this.#buckets) bucket.dropBefore(oldest);
  }

  bucketOf(resource: string): number {
    return slotOf(encodeId(resource), this.buckets);
  }

  async list(query: {
    readonly prefix: string;
    readonly after: string;
    readonly limit: number;
  }): Promise<{ views: OwnView[]; next: string | undefined }> {
    const names = [...this.#rows.values()]
      .filter(({ resource, record }) => record.current !== undefined && resource.startsWith(query.prefix))
      .map(({ resource }) => resource)
      .filter((name) => compareNames(name, query.after) > 0)
      .sort(compareNames);
    const views: OwnView[] = [];
    for (const resource of names) {
      const { view } = this.#apply({ kind: 'inspect', resource }) as Replies['inspect'];
      if (view.kind !== 'held') continue;
      if (views.length === query.limit) return { views, next: views.at(-1)?.resource };
      views.push(view);
    }
    return { views, next: undefined };
  }

  async readLog(number: number, after: LogId | 'start', limit: number): Promise<LogPage> {
    const bucket = this.#buckets[number];
    if (bucket === undefined) return { events: [], next: after, gap: false };
    if (after === 'start') {
      const events = bucket.events.slice(0, limit);
      return { events, next: events.at(-1)?.id ?? after, gap: false };
    }
    const from = bucket.events.findIndex((event) => event.id > after);
    const next = bucket.events[from];
    if (next === undefined)
      return { events: [], next: bucket.last === '' ? 'start' : bucket.last, gap: bucket.last !== after };
    const events = bucket.events.slice(from, from + limit);
    return { events, next: events.at(-1)?.id ?? after, gap: next.prev !== after };
  }

  async listen(listener: string, onNotice: (notice: Notice) => void): Promise<Unsubscribe> {
    this.#listeners.set(listener, onNotice);
    return () => void this.#listeners.delete(listener);
  }

  async hints(number: number, onHint: () => void): Promise<Unsubscribe> {
    const hinted = this.#buckets[number]?.hinted;
    hinted?.add(onHint);
    return () => void hinted?.delete(onHint);
  }

  async close(): Promise<void> {}

  #serverMs(): number {
    return Math.floor(this.#originMs + this.#clock.nowMs());
  }

  #apply(command: LeaseCommand): Reply {
    const row = this.#rows.get(command.resource);
    const bucket = this.#bucketOf(command.resource);
    const done = transition(row?.record, command, this.#moment(bucket));
    this.#commit(command.resource, row, bucket, done);
    return done.reply;
  }

  /** By bucket, and in each by name, which is the order of a sweep. */
  #takeDue(serverMs: number): readonly Row[] {
    const rows: Row[] = [];
    for (let row = this.#due.first; row !== undefined && row.dueMs <= serverMs; row = this.#due.first) {
      this.#due.remove(row);
      rows.push(row);
    }
    if (rows.length < 2) return rows;
    const placed = rows.map((row) => {
      const encoded = encodeId(row.resource);
      return { row, encoded, bucket: slotOf(encoded, this.buckets) };
    });
    placed.sort((one, other) => one.bucket - other.bucket || (one.encoded < other.encoded ? -1 : 1));
    return placed.map(({ row }) => row);
  }

  #moment(bucket: Bucket): Moment {
    const us = Math.floor((this.#originMs + this.#clock.nowMs()) * 1_000);
    return {
      ms: Math.floor(us / 1_000),
      mint: () => {
        bucket.count = Math.max(bucket.count + 1, us);
        return bucket.count;
      },
    };
  }

  #bucketOf(resource: string): Bucket {
    return this.#buckets[this.bucketOf(resource)] as Bucket;
  }

  #commit(resource: string, before: Row | undefined, bucket: Bucket, done: Omit<Transition, 'reply'>): void {
    if (isSpent(done.record)) {
      if (before !== undefined) {
        this.#due.remove(before);
        this.#rows.delete(resource);
      }
    } else {
      const row: Row = before ?? { resource, record: done.record, dueMs: 0, place: -1 };
      row.record = done.record;
      if (before === undefined) this.#rows.set(resource, row);
      const due = nextDueMs(done.record);
      if (due === undefined) this.#due.remove(row);
      else this.#due.set(row, due);
    }
    if (done.events.length > 0) this.#append(bucket, done);
    for (const { to, notice } of done.notices) this.#clock.soon(() => this.#tell(to, notice));
  }

  #tell(to: string | 'all', notice: Notice): void {
    if (to === 'all') for (const onNotice of this.#listeners.values()) onNotice(notice);
    else this.#listeners.get(to)?.(notice);
  }

  #append(bucket: Bucket, done: Omit<Transition, 'reply'>): void {
    for (const event of done.events) {
      bucket.events.push({ ...event, prev: bucket.last });
      bucket.last = event.id;
    }
    if (bucket.events.length > KEPT_EVENTS * 2) {
      bucket.events = bucket.events.slice(-KEPT_EVENTS);
    }
    if (bucket.hinted.size === 0) return;
    this.#clock.soon(() => {
      for (const onHint of bucket.hinted) onHint();
    });
  }
}
