// Type breaker
//
// Holds back what supervision does when the actors of one type fail one after another on this node,
// as they do after a faulty release: their failing letters wait, where else each of them would
// lose its message and stand suspended. Messages that do not fail are not touched.
//
//   TB1  Open for `OPEN_MS` from the moment that `MOST` letters of the type were given up within
//        `WINDOW_MS`; a single one more that soon after opens it again.

const MOST = 20;
const WINDOW_MS = 10_000;
const OPEN_MS = 10_000;

interface Count {
  given: number;
  sinceMs: number;
  openUntilMs: number;
}

export class TypeBreaker {
  /** By type of actor: as many as are defined. */
  readonly #counts = new Map<string, Count>();

  /** A letter of an actor of this type was given up. */
  gaveUp(type: string, nowMs: number): void {
    const count = this.#counts.get(type) ?? { given: 0, sinceMs: nowMs, openUntilMs: 0 };
    this.#counts.set(type, count);
    const again = count.openUntilMs > 0 && nowMs - count.openUntilMs < WINDOW_MS;
    if (nowMs - count.sinceMs > WINDOW_MS) {
      count.given = 0;
      count.sinceMs = nowMs;
    }
    count.given++;
    if (!again && count.given < MOST) return;
    count.openUntilMs = nowMs + OPEN_MS;
    count.given = 0;
  }

  /** How long nothing of this type is given up; 0 when it may be. */
  heldMs(type: string, nowMs: number): number {
    return Math.max(0, (this.#counts.get(type)?.openUntilMs ?? 0) - nowMs);
  }
}
