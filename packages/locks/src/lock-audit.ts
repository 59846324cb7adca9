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
  { after, signal }: AuditOptions,
): AsyncGenerator<AuditRecord> {
  const places = readCursor(after, log.buckets);
  let isHinted = false;
  let wake: () => void = () => undefined;
  const poke = (): void => {
    isHinted = true;
    wake();
  };
  const unsubscribes = places.map((_, bucket) => log.onHint(bucket, poke));
  signal?.addEventListener('abort', poke);
  try {
    while (!isClosed() && signal?.aborted !== true) {
      isHinted = false;
      const pages = await Promise.all(places.map((place, bucket) => log.read(bucket, place, PAGE)));
      yield* told(pages, places);
      if (isHinted || pages.some(({ events }) => events.length > 0)) continue;
      await new Promise<void>((resolve) => {
        const cancel = clock.background(QUIET_MS, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
    }
  } finally {
    for (const unsubscribe of unsubscribes) unsubscribe();
    signal?.removeEventListener('abort', poke);
  }
}

/** The records of one reading of all buckets, by their ids, which are times: the order people expect. */
function* told(pages: readonly LogPage[], places: (LogId | 'start')[]): Generator<AuditRecord> {
  for (const [bucket, { gap, events, next }] of pages.entries()) {
    if (!gap) continue;
    const after = places[bucket] === 'start' ? undefined : places[bucket];
    // Whoever goes on after the gap is not told of it again.
    places[bucket] = events[0]?.prev || next;
    yield { kind: 'gap', bucket, after, cursor: cursorOf(places) };
  }
  const all = pages.flatMap(({ events }, bucket) => events.map((event) => ({ bucket, event })));
  all.sort((a, b) => (a.event.id < b.event.id ? -1 : a.event.id > b.event.id ? 1 : a.bucket - b.bucket));
  for (const { bucket, event } of all) {
    places[bucket] = event.id;
    yield entryOf(event, cursorOf(places));
  }
  for (const [bucket, { next }] of pages.entries()) places[bucket] = next;
}

function entryOf(event: LoggedLockEvent, cursor: string): AuditEntry {
  const { resource, type, how, holder, instance, by, from, fence, reason, atMs, id } = event;
  return {
    kind: 'entry',
    resource,
    type,
    ...(how === undefined ? {} : { how }),
    who: holder,
    instance,
    ...(by === undefined ? {} : { by }),
    ...(from === undefined ? {} : { from }),
    fence,
    ...(reason === undefined ? {} : { reason }),
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
