// Settlement
//
// What a receiver remembers of one sender: a floor, below which every number is settled, and the
// settled numbers above it with their replies (JSON text). Pure; the store keeps the result.
//
//   SM1  The floor never goes down, and nothing below it is kept.
//   SM2  A number is settled for good once it was added: it stays kept, or below the floor.

export interface Settlement {
  readonly floor: number;
  readonly kept: ReadonlyMap<number, string | undefined>;
}

export const nothingSettled: Settlement = { floor: 0, kept: new Map() };

export function isSettled(settlement: Settlement, n: number): boolean {
  return n < settlement.floor || settlement.kept.has(n);
}

/** The settlement with one more number, under the floor that came with it. */
export function settle(settlement: Settlement, n: number, floor: number, reply: string | undefined): Settlement {
  const risen = Math.max(settlement.floor, floor);
  const kept = new Map([...settlement.kept, [n, reply] as const].filter(([number]) => number >= risen));
  return { floor: risen, kept };
}
