// History
//
// What clients asked and what they were told, and what was seen at places that clients do not
// see: the raw material of every check. Events have one total order, so that two of the same
// millisecond are still before or after each other.
//
// A history is plain data and knows nothing of simulated worlds: a run of real processes is
// recorded by one history for each process, and `mergeHistories` makes one of them.

/** What a client was told. */
export type Outcome<V> =
  | { readonly kind: 'ok'; readonly value: V }
  /** It certainly had no effect. */
  | { readonly kind: 'failed' }
  /** It may have had an effect, or may have it yet. */
  | { readonly kind: 'unknown' };

/** One thing a client asked of one object. */
export interface Operation<In = unknown, Out = unknown> {
  readonly id: number;
  /** Who asked, as in `n1#3`; a process asks one thing after another. */
  readonly process: string;
  readonly node: string;
  /** The object: a resource, an actor, an address. Each is judged by itself. */
  readonly key: string;
  readonly input: In;
  readonly invokedMs: number;
  /** When the client was answered or gave up; undefined while neither has happened. */
  readonly returnedMs: number | undefined;
  readonly outcome: Outcome<Out>;
  /** Places in the total order of events; they decide where milliseconds are equal. */
  readonly order: { readonly invoked: number; readonly returned: number | undefined };
}

/** Something seen where it happened, whatever clients were told. */
export type Sighting =
  /** A resource was written to, or turned a writer away, under a fence. */
  | {
      readonly kind: 'guarded-write';
      readonly key: string;
      readonly by: string;
      readonly fence: string;
      readonly admitted: boolean;
    }
  /** A store granted `key` under a fence. */
  | { readonly kind: 'grant'; readonly key: string; readonly to: string; readonly fence: string }
  /** Something left for the outside: a mail, a payment, a reply. `id` names what should happen once. */
  | { readonly kind: 'effect'; readonly key: string; readonly id: string; readonly fence?: string }
  /** A state worth reaching was reached. */
  | { readonly kind: 'reached'; readonly label: string }
  /** From here on nothing is broken any more. */
  | { readonly kind: 'healed' };

/** A sighting, with when and on which node. */
export type Sighted<S extends Sighting = Sighting> = S & {
  readonly node: string;
  readonly atMs: number;
  readonly order: number;
};

/** What an operation is begun with. */
export interface Invocation<In> {
  readonly process: string;
  readonly node: string;
  readonly key: string;
  readonly input: In;
}

/** An operation under way. The first word on how it ended counts, later ones are ignored. */
export interface Pending<Out> {
  readonly id: number;
  ok(value: Out): void;
  failed(): void;
  unknown(): void;
}

/** A history as JSON keeps it. */
export interface HistoryRecord {
  readonly operations: readonly Operation[];
  readonly sightings: readonly Sighted[];
}

interface Entry {
  readonly id: number;
  readonly invocation: Invocation<unknown>;
  readonly invokedMs: number;
  readonly invoked: number;
  returnedMs: number | undefined;
  returned: number | undefined;
  outcome: Outcome<unknown> | undefined;
}

const UNKNOWN: Outcome<never> = { kind: 'unknown' };
const FAILED: Outcome<never> = { kind: 'failed' };

/** Records one run as it happens. */
export class History {
  readonly #now: () => number;
  readonly #entries: Entry[] = [];
  readonly #sightings: Sighted[] = [];
  #order = 0;

  /** @param now milliseconds of the one clock that all of this history is told by */
  constructor(now: () => number) {
    this.#now = now;
  }

  invoke<In, Out>(invocation: Invocation<In>): Pending<Out> {
    const entry: Entry = {
      id: this.#entries.length,
      invocation,
      invokedMs: this.#now(),
      invoked: this.#order++,
      returnedMs: undefined,
      returned: undefined,
      outcome: undefined,
    };
    this.#entries.push(entry);
    return {
      id: entry.id,
      ok: (value) => this.#settle(entry, { kind: 'ok', value }),
      failed: () => this.#settle(entry, FAILED),
      unknown: () => this.#settle(entry, UNKNOWN),
    };
  }

  /** What a node had asked and was not answered yet is unknown from now on: the node is gone. */
  crashed(node: string): void {
    for (const entry of this.#entries) if (entry.invocation.node === node) this.#settle(entry, UNKNOWN);
  }

  saw(node: string, sighting: Sighting): void {
    this.#sightings.push({ ...sighting, node, atMs: this.#now(), order: this.#order++ });
  }

  /** In the order they were begun; what was never answered is unknown, with `returnedMs` undefined. */
  operations(): readonly Operation[] {
    return this.#entries.map((entry) => ({
      id: entry.id,
      ...entry.invocation,
      invokedMs: entry.invokedMs,
      returnedMs: entry.returnedMs,
      outcome: entry.outcome ?? UNKNOWN,
      order: { invoked: entry.invoked, returned: entry.returned },
    }));
  }

  sightings(): readonly Sighted[] {
    return [...this.#sightings];
  }

  toJSON(): HistoryRecord {
    return { operations: this.operations(), sightings: this.sightings() };
  }

  #settle(entry: Entry, outcome: Outcome<unknown>): void {
    if (entry.outcome !== undefined) return;
    entry.outcome = outcome;
    entry.returnedMs = this.#now();
    entry.returned = this.#order++;
  }
}

/**
 * One history of several, each told by its own process, whose clocks agree to within `slackMs`.
 *
 * What may have overlapped does overlap in the result, so no check can find fault with the noise
 * of the clocks. What one process did stays in its order. Ids are given anew; milliseconds are kept.
 */
export function mergeHistories(parts: readonly HistoryRecord[], options: { readonly slackMs: number }): HistoryRecord {
  interface Event {
    readonly atMs: number;
    /** Of one moment: beginnings first, so that they overlap with what ends. */
    readonly rank: number;
    readonly part: number;
    readonly order: number;
    place: number;
  }
  const events: Event[] = [];
  const event = (part: number, atMs: number, rank: number, order: number): Event => {
    const made: Event = { atMs, rank, part, order, place: 0 };
    events.push(made);
    return made;
  };
  const operations = parts.flatMap(({ operations }, part) =>
    operations.map((operation) => ({
      operation,
      invoked: event(part, operation.invokedMs, 0, operation.order.invoked),
      returned:
        operation.returnedMs === undefined || operation.order.returned === undefined
          ? undefined
          : event(part, operation.returnedMs + options.slackMs, 1, operation.order.returned),
    })),
  );
  const sightings = parts.flatMap(({ sightings }, part) =>
    sightings.map((sighted) => ({ sighted, seen: event(part, sighted.atMs, 0, sighted.order) })),
  );
  events.sort((a, b) => a.atMs - b.atMs || a.rank - b.rank || a.part - b.part || a.order - b.order);
  for (const [place, placed] of events.entries()) placed.place = place;
  operations.sort((a, b) => a.invoked.place - b.invoked.place);
  sightings.sort((a, b) => a.seen.place - b.seen.place);
  return {
    operations: operations.map(({ operation, invoked, returned }, id) => ({
      ...operation,
      id,
      order: { invoked: invoked.place, returned: returned?.place },
    })),
    sightings: sightings.map(({ sighted, seen }) => ({ ...sighted, order: seen.place })),
  };
}
