import type { Redact } from './acquisition.ts';
import type { Clock } from './clock.ts';
import { CoordinationError } from './errors.ts';
import type { FencingToken, Holder } from './lease.ts';
import type { EventHow, LockEventType, LockLog, LoggedLockEvent, LogId, LogPage } from './lock-event.ts';

export interface AuditOptions {
  /** The cursor of the last record that was dealt with; without one, from the oldest that is kept. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}

/** One transition of a lease, without the lease's secret name. */
export interface AuditEntry {
  readonly kind: 'entry';
  readonly resource: string;
  readonly type: LockEventType;
  readonly how?: EventHow;
  /** Whose lease it is. */
  readonly who: Holder;
  readonly instance: string;
  /** Who else had a part in it: asked for it, ended it, or had it before. */
  readonly by?: Holder;
  readonly from?: Holder;
  readonly fence: FencingToken;
  readonly reason?: string;
  /** Of a lease on a pool: how many. */
  readonly permits?: number;
  /** The store's wall clock, epoch milliseconds. */
  readonly at: number;
  /** Orders the transitions of a bucket. */
  readonly id: LogId;
  /** Where to go on after this one. */
  readonly cursor: string;
}

/** Transitions of this bucket were no longer kept when they were to be read. */
export interface AuditGap {
  readonly kind: 'gap';
  readonly bucket: number;
  /** After this one, undefined at the start, and before the next entry of the bucket. */
  readonly after: LogId | undefined;
  readonly cursor: string;
}

export type AuditRecord = AuditEntry | AuditGap;

/** A hint may be lost; the log is looked at this often without one. */
const QUIET_MS = 1_000;
const PAGE = 256;

/** Follows the logs of all buckets; ends with the signal or when `isClosed`. */
export async function* audit(
  log: LockLog,
  clock: Pick<Clock, 'background'>,
  isClosed: () => boolean,
  { after, signal, redact = asIs }: AuditOptions & { readonly redact?: Redact | undefined },
): AsyncGenerator<AuditRecord> {
  const places = readCursor(after, log.buckets);
  const all = places.map((_, bucket) => bucket);
  /** Buckets that may have more. */
  let due = new Set(all);
  let wake: () => void = () => undefined;
  const unsubscribes = all.map((bucket) =>
    log.onHint(bucket, () => {
      due.add(bucket);
      wake();
    }),
  );
  const isOver = (): boolean => isClosed() || signal?.aborted === true;
  const onAbort = (): void => wake();
  signal?.addEventListener('abort', onAbort);
  try {
    while (!isOver()) {
      const buckets = [...due];
      due = new Set();
      const pages = await Promise.all(buckets.map((bucket) => readPage(log, bucket, places)));
      for (const { bucket, page } of pages) if (page.events.length >= PAGE) due.add(bucket);
      yield* told(pages, places, redact);
      if (due.size > 0 || isOver()) continue;
      await new Promise<void>((resolve) => {
        const cancel = clock.background(QUIET_MS, () => {
          due = new Set(all);
          resolve();
        });
        wake = () => {
          cancel();
          resolve();
        };
      });
      wake = () => undefined;
    }
  } finally {
    for (const unsubscribe of unsubscribes) unsubscribe();
    signal?.removeEventListener('abort', onAbort);
  }
}

interface BucketPage {
  readonly bucket: number;
  readonly page: LogPage;
}

async function readPage(log: LockLog, bucket: number, places: readonly (LogId | 'start')[]): Promise<BucketPage> {
  return { bucket, page: await log.read(bucket, places[bucket] ?? 'start', PAGE) };
}

/** The records of one reading, by their ids, which are times: the order people expect. */
function* told(pages: readonly BucketPage[], places: (LogId | 'start')[], redact: Redact): Generator<AuditRecord> {
  for (const { bucket, page } of pages) {
    if (!page.gap) continue;
    const after = places[bucket] === 'start' ? undefined : places[bucket];
    // Whoever goes on after the gap is not told of it again.
    places[bucket] = page.events[0]?.prev || page.next;
    yield { kind: 'gap', bucket, after, cursor: cursorOf(places) };
  }
  const found = pages.flatMap(({ bucket, page }) => page.events.map((event) => ({ bucket, event })));
  found.sort((a, b) => (a.event.id < b.event.id ? -1 : a.event.id > b.event.id ? 1 : a.bucket - b.bucket));
  for (const { bucket, event } of found) {
    places[bucket] = event.id;
    yield entryOf(event, cursorOf(places), redact);
  }
  for (const { bucket, page } of pages) places[bucket] = page.next;
}

const asIs: Redact = (holder) => holder;

function entryOf(event: LoggedLockEvent, cursor: string, redact: Redact): AuditEntry {
  const { resource, type, how, holder, instance, by, from, fence, reason, permits, atMs, id } = event;
  return {
    kind: 'entry',
    resource,
    type,
    ...(how === undefined ? {} : { how }),
    who: redact(holder),
    instance,
    ...(by === undefined ? {} : { by: redact(by) }),
    ...(from === undefined ? {} : { from: redact(from) }),
    fence,
    ...(reason === undefined ? {} : { reason }),
    ...(permits === undefined ? {} : { permits }),
    at: atMs,
    id,
    cursor,
  };
}

/** Per bucket the id of the last event, in base 36; nothing for one that was not begun. */
function cursorOf(places: readonly (LogId | 'start')[]): string {
  return places.map((place) => (place === 'start' ? '' : Number(place).toString(36))).join('.');
}

function readCursor(cursor: string | undefined, buckets: number): (LogId | 'start')[] {
  if (cursor === undefined) return Array.from({ length: buckets }, () => 'start' as const);
  const parts = cursor.split('.');
  if (parts.length !== buckets || !parts.every((part) => /^[0-9a-z]{0,11}$/.test(part)))
    throw new CoordinationError(
      'LOCK_CONFIG',
      `The cursor is not one of this log of ${buckets} buckets: pass a record's cursor as it was, or leave \`after\` out`,
      { applied: 'no' },
    );
  return parts.map((part) => (part === '' ? 'start' : Number.parseInt(part, 36).toString().padStart(16, '0')));
}
