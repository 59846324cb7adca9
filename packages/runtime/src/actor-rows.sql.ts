// What both SQL dialects keep of an actor, and how it is read back. Writing and finding the rows is
// each dialect's own.
import type { ActorId } from './actor-id.ts';
import { actorRecord } from './actor-record.ts';
import type { KnownSender } from './commit-check.ts';
import { isLane, type LaneChange } from './lanes.ts';
import type { Settlement } from './settlement.ts';
import type { ActorRecord, Commit, SenderId } from './state-store.ts';
import { parsedText } from './stored-text.sql.ts';

export type ActorRow = {
  readonly version: number;
  readonly machineVersion: number;
  readonly commitId: string;
  readonly snapshot: string;
  readonly timers: string;
  readonly cursor: string;
};

export type OutboxRow = { readonly receiver: string; readonly n: number; readonly event: string };

export type SenderRow = {
  readonly sender: SenderId;
  readonly floor: number;
  readonly kept: string;
  /** When a node was heard last; of an actor, 1 where its lane is crowded. */
  readonly seen: number;
};

export function recordOf(id: ActorId, actor: ActorRow, outbox: readonly OutboxRow[]): ActorRecord {
  const rows = outbox.map(({ receiver, n, event }) => ({ to: receiver as ActorId, n, text: event }));
  return parsedText(id, () => actorRecord(id, actor, rows));
}

export function knownSender(id: ActorId, { sender, floor, kept, seen }: SenderRow): KnownSender {
  const pairs = parsedText(id, () => JSON.parse(kept) as [number, string | null][]);
  const settlement = { floor, kept: new Map(pairs.map(([n, reply]) => [n, reply ?? undefined])) };
  return { settlement, seenMs: seen, crowded: isLane(sender) && seen === 1 };
}

/** `seen` of a sender's row. */
export function seenOf(sender: SenderId, { crowded }: LaneChange, nowMs: number): number {
  if (!isLane(sender)) return nowMs;
  return crowded.includes(sender) ? 1 : 0;
}

/** The senders of which a commit has to know. */
export function sendersOf({ settles, closes = [] }: Commit): ReadonlySet<SenderId> {
  return new Set([...settles, ...closes].map(({ sender }) => sender));
}

/** JSON `[[n, reply or null], …]`, a reply as JSON text. */
export function keptText({ kept }: Settlement): string {
  return JSON.stringify([...kept]);
}
