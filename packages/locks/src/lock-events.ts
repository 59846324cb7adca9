import { checkLimit } from './claim-arguments.ts';
import type { Clock, Unsubscribe } from './clock.ts';
import { CoordinationError } from './errors.ts';
import type { LeaseView } from './lease.ts';
import type { LeaseStore } from './lease-store.ts';
import type { LockLog, LogId, LogPage } from './lock-event.ts';
import type { LeaseChange } from './lock-manager.ts';

/** A hint may be lost; a watcher looks at the log this often without one. */
const QUIET_MS = 1_000;
const PAGE = 256;

/** The bucket logs as seen from one process. */
export class LockEvents implements LockLog {
  readonly #store: LeaseStore;
  readonly #clock: Clock;
  readonly #wakes = new Map<number, Set<() => void>>();
  /** Undefined while the store is being asked. */
  readonly #hints = new Map<number, Unsubscribe | undefined>();
  #isClosed = false;

  constructor(store: LeaseStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  get buckets(): number {
    return this.#store.buckets;
  }

  bucketOf(resource: string): number {
    return this.#store.bucketOf(resource);
  }

  async read(bucket: number, after: LogId | 'start', limit: number): Promise<LogPage> {
    this.#checkBucket(bucket);
    if (after !== 'start' && !/^\d{16}$/.test(after))
      refuse(`after ${String(after)} is no place in a log: pass 'start', or the next of a page as it was`);
    checkLimit(limit);
    return this.#store.readLog(bucket, after, limit);
  }

  onHint(bucket: number, wake: () => void): Unsubscribe {
    this.#checkBucket(bucket);
    const wakes = this.#wakes.get(bucket) ?? new Set();
    this.#wakes.set(bucket, wakes);
    wakes.add(wake);
    this.#listenTo(bucket);
    return () => void wakes.delete(wake);
  }

  close(): void {
    this.#isClosed = true;
    for (const bucket of this.#wakes.keys()) this.#hinted(bucket);
    for (const unsubscribe of this.#hints.values()) unsubscribe?.();
    this.#hints.clear();
  }

  #checkBucket(bucket: number): void {
    if (!Number.isInteger(bucket) || bucket < 0 || bucket >= this.buckets)
      refuse(`bucket ${bucket} is none of the ${this.buckets}: count from 0, or ask bucketOf`);
  }

  /** From the first time that somebody waits for a bucket, until the end: readers come and go quickly. */
  #listenTo(bucket: number): void {
    if (this.#isClosed || this.#hints.has(bucket)) return;
    this.#hints.set(bucket, undefined);
    this.#store
      .hints(bucket, () => this.#hinted(bucket))
      .then(
        (unsubscribe) => {
          if (this.#isClosed) return unsubscribe();
          this.#hints.set(bucket, unsubscribe);
          // What happened before this stood was not hinted at.
          this.#hinted(bucket);
        },
        () => void this.#hints.delete(bucket),
      );
  }

  #hinted(bucket: number): void {
    for (const wake of this.#wakes.get(bucket) ?? []) wake();
  }

  /** A view, then every later event of the resource; a view again wherever the log has a gap. */
  async *watch(
    resource: string,
    inspect: () => Promise<LeaseView>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<LeaseChange> {
    const bucket = this.bucketOf(resource);
    let isHinted = false;
    let wake: () => void = () => undefined;
    const poke = (): void => {
      isHinted = true;
      wake();
    };
    const unsubscribe = this.onHint(bucket, poke);
    signal?.addEventListener('abort', poke);
    try {
      let after = await this.#end(bucket);
      let view = await inspect();
      yield { kind: 'view', view };
      let seen = view.cursor;
      while (!this.#isClosed && signal?.aborted !== true) {
        isHinted = false;
        const page = await this.read(bucket, after, PAGE);
        if (page.gap) {
          view = await inspect();
          seen = view.cursor;
          yield { kind: 'view', view };
        }
        for (const event of page.events) {
          if (event.resource !== resource || event.id <= seen) continue;
          seen = event.id;
          yield { kind: 'event', event };
        }
        after = page.next;
        if (page.events.length === PAGE || isHinted) continue;
        await new Promise<void>((resolve) => {
          const cancel = this.#clock.background(QUIET_MS, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
      }
    } finally {
      unsubscribe();
      signal?.removeEventListener('abort', poke);
    }
  }

  /** Where the bucket's log ends now. */
  async #end(bucket: number): Promise<LogId | 'start'> {
    let after: LogId | 'start' = 'start';
    for (;;) {
      const page: LogPage = await this.read(bucket, after, 4_096);
      if (page.events.length === 0) return after;
      after = page.next;
    }
  }
}

function refuse(message: string): never {
  throw new CoordinationError('LOCK_CONFIG', message, { applied: 'no' });
}
