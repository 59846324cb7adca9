/** Milliseconds for people: to a tenth. */
export function msText(ms: number): string {
  return `${Math.round(ms * 10) / 10}`;
}
