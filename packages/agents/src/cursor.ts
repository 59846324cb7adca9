// Cursor: a revision as text that orders as text; what a log reader hands out and takes back.

export function cursorOf(rev: number): string {
  return String(rev).padStart(16, '0');
}

/** The revision of a cursor; none for a text that is not one. */
export function revOf(cursor: string): number | undefined {
  return /^\d{16}$/.test(cursor) && Number.isSafeInteger(Number(cursor)) ? Number(cursor) : undefined;
}
