// Passivation
//
// Who leaves memory: the longest idle first, when it has been idle for its type's `idleMs` or when
// more than `max` actors are resident. Pure bookkeeping in order of last use; the caller asks
// `idle` and `surplus` and says whether each may go. The order is a list through the actors
// themselves: nothing is allocated for a use.

const nobody: readonly never[] = [];

/** An actor's place in the order of use; written by `Residents` alone. */
export interface Resident<Actor> {
  readonly idleMs: number;
  /** Clock time of its last use; undefined while it is not resident. */
  usedAtMs: number | undefined;
  /** Used just before it, and just after. */
  earlier: Actor | undefined;
  later: Actor | undefined;
}

export class Residents<Actor extends Resident<Actor>> {
  readonly #max: number;
  #longestIdle: Actor | undefined;
  #lastUsed: Actor | undefined;
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#size;
  }

  /** The longest idle first. */
  *all(): Generator<Actor, void, undefined> {
    for (let actor = this.#longestIdle; actor !== undefined; ) {
      // Whoever is shown may leave at once.
      const { later } = actor;
      yield actor;
      actor = later;
    }
  }

  /** The last used first. */
  last(most: number): readonly Actor[] {
    const last: Actor[] = [];
    for (let actor = this.#lastUsed; actor !== undefined && last.length < most; actor = actor.earlier) last.push(actor);
    return last;
  }

  used(actor: Actor, nowMs: number): void {
    if (actor.usedAtMs === undefined) this.#size++;
    // A whole number takes no room of its own; rounded up, nobody leaves early.
    actor.usedAtMs = Math.ceil(nowMs);
    if (this.#lastUsed === actor) return;
    this.#unlink(actor);
    actor.earlier = this.#lastUsed;
    if (this.#lastUsed === undefined) this.#longestIdle = actor;
    else this.#lastUsed.later = actor;
    this.#lastUsed = actor;
  }

  gone(actor: Actor): void {
    if (actor.usedAtMs === undefined) return;
    actor.usedAtMs = undefined;
    this.#size--;
    this.#unlink(actor);
  }

  /**
   * The actors whose time has come. A walk over everybody at most, so it is for a slow beat; a
   * type with a long idle time does not shield one with a short.
   */
  idle(nowMs: number): readonly Actor[] {
    const found: Actor[] = [];
    for (let actor = this.#longestIdle; actor !== undefined; actor = actor.later)
      if (nowMs - (actor.usedAtMs ?? nowMs) >= actor.idleMs) found.push(actor);
    return found;
  }

  /** The longest idle actors, as many as are too many. */
  surplus(): readonly Actor[] {
    const count = this.#size - this.#max;
    if (count <= 0) return nobody;
    const found: Actor[] = [];
    for (let actor = this.#longestIdle; actor !== undefined && found.length < count; actor = actor.later)
      found.push(actor);
    return found;
  }

  #unlink(actor: Actor): void {
    const { earlier, later } = actor;
    if (earlier !== undefined) earlier.later = later;
    else if (this.#longestIdle === actor) this.#longestIdle = later;
    if (later !== undefined) later.earlier = earlier;
    else if (this.#lastUsed === actor) this.#lastUsed = earlier;
    actor.earlier = undefined;
    actor.later = undefined;
  }
}
