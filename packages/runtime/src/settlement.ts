// Settlement
//
// What a receiver remembers of one sender: a floor, below which every number is settled, and the
// settled numbers above it with their replies (JSON text). Pure; the store keeps the result.
//
//   SM1  The floor never goes down, and nothing below it is kept.
//   SM2  A number is settled for good once it was added: it stays kept, or below the floor.
import type { SenderId, Settled } from './state-store.ts';

export interface Settlement {
  readonly floor: number;
  readonly kept: ReadonlyMap<number, string | undefined>;
}

export const nothingSettled: Settlement = { floor: 0, kept: new Map() };

export function isSettled(settlement: Settlement, n: number): boolean {
  return n < settlement.floor || settlement.kept.has(n);
}

/** What is remembered of each sender once these messages are settled; `replies` in their order. */
export function settledAfter(
  messages: readonly Settled[],
  replies: readonly (string | undefined)[],
  before: (sender: SenderId) => Settlement,
): ReadonlyMap<SenderId, Settlement> {
  const after = new Map<SenderId, { floor: number; readonly kept: Map<number, string | undefined> }>();
  for (const [i, { sender, n, floor }] of messages.entries()) {
    const known = after.get(sender) ?? opened(before(sender));
    known.floor = Math.max(known.floor, floor);
    known.kept.set(n, replies[i]);
    after.set(sender, known);
  }
  for (const { floor, kept } of after.values()) for (const n of kept.keys()) if (n < floor) kept.delete(n);
  return after;
}

function opened({ floor, kept }: Settlement) {
  return { floor, kept: new Map(kept) };
}
