/** One line of where a bench is, and for how long; apart from its figures, which go to stdout. */
export function progress(what: string): void {
  process.stderr.write(`${what} (${Math.round(performance.now() / 1_000)} s)\n`);
}
