// Inspection stream
//
// What an inspector's page is shown of one node: who is in memory, then their committed steps. It
// holds nobody up: a reader that is slow misses steps, and is told how many.
//
//   VI1  The actors come first, then the steps committed since the stream was opened, in order.
//   VI2  At most `MOST_WAITING` steps wait for a reader; what had no room is counted, and the count
//        stands where the steps are missing.
//   VI3  While nobody looks nothing is made for a step.
import { type ActorId, parseActorId } from './actor-id.ts';
import type { Inspection } from './inspection.ts';
import type { InspectedStep, NamedEffect } from './inspection-feed.ts';
import type { Json } from './json.ts';
import type { GuardOutcome } from './machine-driver.ts';
import type { Epoch } from './state-store.ts';

/** Which actors; all of them by default. */
export interface ActorFilter {
  readonly types?: readonly string[];
  readonly keys?: readonly string[];
}

export interface ActorsQuery extends ActorFilter {
  /** `next` of the page before. */
  readonly after?: ActorId;
  /** 1 to 1,000. @default 100 */
  readonly limit?: number;
}

export interface ActorsPage {
  /** By id. */
  readonly actors: readonly Inspection[];
  /** There are more: for `after` of the next page. */
  readonly next?: ActorId;
}

export interface InspectionOptions extends ActorFilter {
  /** Part of the steps that is shown, from 0 to 1: 0.1 for every tenth. @default 1 */
  readonly sample?: number;
  /** Actors shown first, 1 to 1,000; `admin.actors` has the others. @default 100 */
  readonly limit?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

export type InspectionEvent =
  | ({ readonly kind: 'actors' } & ActorsPage)
  | {
      readonly kind: 'step';
      readonly id: ActorId;
      /** Type of the event, and who sent it: an actor, a node, or nobody for what the actor caused itself. */
      readonly event: string;
      readonly sender?: string;
      /** States of the machine, before and after. */
      readonly from: Json;
      readonly to: Json;
      /** Why it went there: what the machine's named guards said, in the order in which they were asked. */
      readonly guards: readonly GuardOutcome[];
      /** What came of it, besides. */
      readonly effects: readonly NamedEffect[];
      /** Of the record that has the step. */
      readonly version: number;
      /** Of the ownership under which it was committed. */
      readonly epoch: Epoch;
    }
  /** Steps that there was no room for. */
  | { readonly kind: 'dropped'; readonly steps: number };

/** Which commit has a step. */
interface CommittedAt {
  readonly version: number;
  readonly epoch: Epoch;
}

const MOST_WAITING = 1_000;

/** Those who look at the steps of one node. */
export class StepViewers {
  readonly #viewers = new Set<Viewer>();

  get isEmpty(): boolean {
    return this.#viewers.size === 0;
  }

  stepped(id: ActorId, steps: readonly InspectedStep[], at: CommittedAt): void {
    for (const viewer of this.#viewers) viewer.see(id, steps, at);
  }

  /** Ends every stream. */
  close(): void {
    for (const viewer of this.#viewers) viewer.end();
  }

  async *watch(
    options: InspectionOptions,
    first: (query: ActorsQuery) => ActorsPage,
  ): AsyncGenerator<InspectionEvent, void, undefined> {
    const { signal, limit } = options;
    const viewer = new Viewer(options);
    const end = (): void => viewer.end();
    signal?.addEventListener('abort', end, { once: true });
    this.#viewers.add(viewer);
    try {
      if (signal?.aborted === true) return;
      yield { kind: 'actors', ...first({ ...options, ...(limit === undefined ? {} : { limit }) }) };
      for (let event = await viewer.next(); event !== undefined; event = await viewer.next()) yield event;
    } finally {
      this.#viewers.delete(viewer);
      signal?.removeEventListener('abort', end);
    }
  }
}

class Viewer {
  readonly #isShown: (id: ActorId) => boolean;
  readonly #sample: number;
  #share = 0;
  #waiting: InspectionEvent[] = [];
  #dropped = 0;
  #isOver = false;
  #news: () => void = () => {};

  constructor(options: InspectionOptions) {
    this.#isShown = filterOf(options);
    this.#sample = Math.min(1, Math.max(0, options.sample ?? 1));
  }

  see(id: ActorId, steps: readonly InspectedStep[], at: CommittedAt): void {
    if (!this.#isShown(id)) return;
    for (const { event, sender, before, snapshot, guards, effects } of steps) {
      this.#share += this.#sample;
      if (this.#share < 1) continue;
      this.#share -= 1;
      if (this.#waiting.length >= MOST_WAITING) {
        this.#dropped++;
        continue;
      }
      this.#tellDropped();
      const [from, to] = [before.value as Json, snapshot.value as Json];
      const by = sender === undefined ? {} : { sender };
      this.#waiting.push({ kind: 'step', id, event: event.type, ...by, from, to, guards, effects, ...at });
    }
    this.#news();
  }

  end(): void {
    this.#isOver = true;
    this.#news();
  }

  /** Undefined when it has ended. */
  async next(): Promise<InspectionEvent | undefined> {
    for (;;) {
      if (this.#isOver) return undefined;
      if (this.#waiting.length === 0) this.#tellDropped();
      const event = this.#waiting.shift();
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => {
        this.#news = resolve;
      });
    }
  }

  #tellDropped(): void {
    if (this.#dropped > 0) this.#waiting.push({ kind: 'dropped', steps: this.#dropped });
    this.#dropped = 0;
  }
}

/** One page of the actors, by id. */
export function pageOf(
  all: Iterable<{ readonly id: ActorId; inspect(): Inspection }>,
  { after, limit = 100, ...filter }: ActorsQuery,
): ActorsPage {
  const most = Math.min(1_000, Math.max(1, Math.floor(limit)));
  const isShown = filterOf(filter);
  // The lowest ids, one more than fit: everybody is looked at once, and few are moved.
  const lowest: { readonly id: ActorId; inspect(): Inspection }[] = [];
  for (const actor of all) {
    const highest = lowest[most];
    if ((after !== undefined && actor.id <= after) || (highest !== undefined && actor.id >= highest.id)) continue;
    if (!isShown(actor.id)) continue;
    lowest.splice(placeOf(actor.id, lowest), 0, actor);
    if (lowest.length > most + 1) lowest.pop();
  }
  const actors = lowest.slice(0, most).map((actor) => actor.inspect());
  const last = actors.at(-1);
  return lowest.length > most && last !== undefined ? { actors, next: last.id } : { actors };
}

function placeOf(id: ActorId, sorted: readonly { readonly id: ActorId }[]): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle]?.id ?? '') < id) from = middle + 1;
    else to = middle;
  }
  return from;
}

function filterOf({ types, keys }: ActorFilter): (id: ActorId) => boolean {
  if (types === undefined && keys === undefined) return () => true;
  const [ofTypes, ofKeys] = [types && new Set(types), keys && new Set(keys)];
  return (id) => {
    const address = parseActorId(id);
    return (
      address !== undefined &&
      (ofTypes === undefined || ofTypes.has(address.type)) &&
      (ofKeys === undefined || ofKeys.has(address.key))
    );
  };
}
