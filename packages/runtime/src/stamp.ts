// Stamp
//
// 16-digit decimal text that orders as text: epochs, log ids and guards. A store makes the next
// one from its clock in microseconds, so stamps rise after the store lost everything too.
//
//   SP1  `stampAfter` is greater than `previous`, whatever the clock says.

/** Lower than every stamp a store makes. */
export const lowestStamp = '0000000000000000';

/** The greater of `previous` + 1 and the clock. */
export function stampAfter(previous: string, wallMs: number): string {
  const next = BigInt(previous === '' ? lowestStamp : previous) + 1n;
  const now = BigInt(Math.floor(wallMs * 1000));
  return (now > next ? now : next).toString().padStart(16, '0');
}
