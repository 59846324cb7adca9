// Passivation
//
// Who leaves memory: the longest idle first, when it has been idle for its type's `idleMs` or when
// more than `max` actors are resident. Pure bookkeeping in order of last use; the caller asks
// `leaving` and says whether each may go.

const nobody: readonly never[] = [];

export class Residents<Actor extends { readonly idleMs: number }> {
  readonly #max: number;
  /** In order of last use, the longest idle first. */
  readonly #usedAt = new Map<Actor, number>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#usedAt.size;
  }

  all(): Iterable<Actor> {
    return this.#usedAt.keys();
  }

  /** The last used first. */
  last(most: number): readonly Actor[] {
    return [...this.#usedAt.keys()].slice(-most).reverse();
  }

  used(actor: Actor, nowMs: number): void {
    this.#usedAt.delete(actor);
    this.#usedAt.set(actor, nowMs);
  }

  gone(actor: Actor): void {
    this.#usedAt.delete(actor);
  }

  /**
   * The actors whose time has come. A walk over everybody at most, so it is for a slow beat; a
   * type with a long idle time does not shield one with a short.
   */
  idle(nowMs: number): readonly Actor[] {
    return [...this.#usedAt].filter(([actor, usedAtMs]) => nowMs - usedAtMs >= actor.idleMs).map(([actor]) => actor);
  }

  /** The longest idle actors, as many as are too many. */
  surplus(): readonly Actor[] {
    const count = this.#usedAt.size - this.#max;
    if (count <= 0) return nobody;
    const found: Actor[] = [];
    for (const actor of this.#usedAt.keys()) {
      found.push(actor);
      if (found.length >= count) break;
    }
    return found;
  }
}
