// Lanes
//
// What a receiver remembers of the actors that tell it something: one lane each, the settlement of
// what came on it. A lane may be forgotten only when no number of it can come as a new message any
// more, and only its sender knows that. So a receiver that has many lanes asks those that come later
// to close theirs; a sender whose lane is empty, every message of it settled, owes one message more on
// it, that closes it up to the last of those that leave its outbox in the same commit, or left it
// before. Pure; the store keeps the result.
//
//   LN1  A lane opened while there are `actorLanes` already is crowded: each answer on it says so, a
//        repeated one too, until it is closed.
//   LN2  To close a lane up to `n` deletes it if it has nothing above `n`, and else does nothing: a
//        closing message that is late, or comes twice, harms no lane that was opened since, and none
//        whose sender told something meanwhile, which the next owner of the sender may tell again.
//   LN3  One floor for all lanes, above the highest `n` of any closing message, never goes down.
//   LN4  A number below that floor, on a lane that is not there, is not applied: `closed`. Either it
//        was settled before its lane was closed, and whoever sent it is a stale copy that nobody
//        waits for; or it never was applied, since a lane with an unsettled message is not closed, and
//        its sender numbers it anew, from the floor up, in a commit of its own.
//
// So it does not matter which of the two loses a node, or when. The closing message is a row of the
// sender's outbox, as durable as any; lanes and floor change in commits of the receiver. A sender's
// owner that was overtaken may send an old number for ever: it is settled, or below the floor, and the
// commit that would number it anew is fenced.
import type { EventData } from './effect.ts';
import type { Json } from './json.ts';
import type { Settlement } from './settlement.ts';
import type { Commit, SenderId, Settled } from './state-store.ts';

/** The type of the message that closes a lane; no machine is given one. */
export const laneClosed = 'xstate.lane.closed';

export function isLaneClosed({ event }: { readonly event: Json }): boolean {
  return (event as { readonly type?: unknown } | null)?.type === laneClosed;
}

/** The message that closes a lane up to the row that was the last on it. */
export function laneClosedEvent({ n }: { readonly n: number }): EventData {
  return { type: laneClosed, upTo: n };
}

/** Up to which number it closes the lane it came on; undefined for nothing. */
export function closedUpTo({ upTo }: EventData): number | undefined {
  return typeof upTo === 'number' && Number.isSafeInteger(upTo) && upTo >= 0 ? upTo : undefined;
}

export interface Lanes {
  /** How many there are. */
  readonly count: number;
  /** On a lane that is not there, numbers below it are over. */
  readonly floor: number;
}

/** What a commit does to the lanes. */
export interface LaneChange {
  readonly after: Lanes;
  /** Those of its senders whose lanes are crowded. */
  readonly crowded: readonly SenderId[];
  /** Lanes to delete. */
  readonly ended: readonly SenderId[];
}

interface Known {
  readonly lanes: Lanes;
  readonly senders: {
    get(sender: SenderId): { readonly settlement: Settlement; readonly crowded?: boolean } | undefined;
  };
}

const NONE = Object.freeze({});

export const noLanes: Lanes = { count: 0, floor: 0 };

/** Actors have lanes; nodes, which have no `:`, are forgotten by the time. */
export function isLane(sender: SenderId): boolean {
  return sender.includes(':');
}

/** The first sender with a number that may have been settled on a lane that was closed since. */
export function overSender(settles: readonly Settled[], { lanes, senders }: Known): SenderId | undefined {
  if (lanes.floor === 0) return undefined;
  const isOver = ({ sender, n }: Settled) => n < lanes.floor && isLane(sender) && senders.get(sender) === undefined;
  const over = new Set(settles.filter(isOver).map(({ sender }) => sender));
  return settles.find(({ sender }) => over.has(sender))?.sender;
}

export function laneChange(
  closes: NonNullable<Commit['closes']>,
  settlements: ReadonlyMap<SenderId, Settlement>,
  { lanes, senders }: Known,
  most: number,
): LaneChange {
  let { count, floor } = lanes;
  const crowded: SenderId[] = [];
  const ended: SenderId[] = [];
  for (const sender of settlements.keys()) {
    if (!isLane(sender)) continue;
    const known = senders.get(sender);
    if (known?.crowded ?? (known === undefined && count >= most)) crowded.push(sender);
    if (known === undefined) count++;
  }
  for (const { sender, n } of closes) {
    floor = Math.max(floor, n + 1);
    const lane = settlements.get(sender) ?? senders.get(sender)?.settlement;
    if (lane === undefined || ended.includes(sender) || highest(lane) > n) continue;
    ended.push(sender);
    count = Math.max(0, count - 1);
  }
  return { after: { count, floor }, crowded, ended };
}

/** What a `committed` outcome says of them. */
export function crowdedOf({ crowded }: LaneChange): { readonly crowded?: readonly SenderId[] } {
  return crowded.length === 0 ? NONE : { crowded };
}

function highest({ floor, kept }: Settlement): number {
  return Math.max(floor, ...kept.keys());
}
