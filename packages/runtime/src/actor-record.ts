import type { ActorId } from './actor-id.ts';
import { jsonValue } from './json-text.ts';
import type { ActorRecord, OutboxRow, TimerRow } from './state-store.ts';
import { rowParts } from './traceparent.ts';

/** An actor's record as a store keeps it: values as JSON text, nothing for nothing as `''`. */
export interface RecordTexts {
  readonly version: number;
  readonly machineVersion: number;
  readonly commitId: string;
  readonly snapshot: string;
  readonly timers: string;
  readonly cursor: string;
}

export interface RowText {
  readonly to: ActorId;
  readonly n: number;
  readonly text: string;
}

/** The record as a fresh copy, the outbox in the order of its numbers. */
export function actorRecord(id: ActorId, texts: RecordTexts, rows: Iterable<RowText>): ActorRecord {
  const { version, machineVersion, commitId, cursor } = texts;
  return {
    id,
    version,
    machineVersion,
    commitId,
    snapshot: jsonValue(texts.snapshot),
    timers: texts.timers === '' ? [] : (JSON.parse(texts.timers) as TimerRow[]),
    outbox: [...rows].map(rowOf).sort(byNumber),
    ...(cursor === '' ? {} : { cursor }),
  };
}

function rowOf({ to, n, text }: RowText): OutboxRow {
  const { event, ...traced } = rowParts(text);
  return { to, n, event: jsonValue(event), ...traced };
}

function byNumber(a: OutboxRow, b: OutboxRow): number {
  if (a.n !== b.n) return a.n - b.n;
  return a.to < b.to ? -1 : 1;
}
