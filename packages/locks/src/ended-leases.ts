import type { EndedHow, FencingToken } from './lease.ts';

export const MAX_ENDED = 256;
/** Of so many leases is told how long they were held. */
export const HOLDS = 8;

export interface EndedLease {
  /** `''` for a request that was cancelled before it had one. */
  readonly leaseId: string;
  readonly requestId: string;
  readonly fence: FencingToken | '';
  readonly how: EndedHow;
  readonly atMs: number;
  /** How long it was its holder's; undefined where it lapsed as an offer, or was given back by a cancel. */
  readonly heldMs?: number | undefined;
  readonly forgetMs: number;
}

interface Kept {
  readonly ended: EndedLease;
  /** How many ended before it. */
  readonly nth: number;
}

/** Looked through one by one; beyond that many, an index is made of them. */
const MOST_RECENT = 32;
const NOTHING: ReadonlyMap<string, Kept> = new Map();

/** The last `MAX_ENDED` leases and requests of a resource that ended. Never changes: remembering gives another. */
export class EndedLeases {
  static readonly none = new EndedLeases(0, [], NOTHING, NOTHING);
  readonly #count: number;
  readonly #recent: readonly Kept[];
  readonly #byRequest: ReadonlyMap<string, Kept>;
  readonly #byLease: ReadonlyMap<string, Kept>;

  private constructor(
    count: number,
    recent: readonly Kept[],
    byRequest: ReadonlyMap<string, Kept>,
    byLease: ReadonlyMap<string, Kept>,
  ) {
    this.#count = count;
    this.#recent = recent;
    this.#byRequest = byRequest;
    this.#byLease = byLease;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  remember(ended: EndedLease): EndedLeases {
    const count = this.#count + 1;
    const recent = [...this.#recent, { ended, nth: this.#count }];
    if (recent.length < MOST_RECENT) return new EndedLeases(count, recent, this.#byRequest, this.#byLease);
    const oldest = count - MAX_ENDED;
    const kept = [...this.#byRequest.values()].filter(({ nth }) => nth >= oldest);
    const all = [...kept, ...recent];
    return new EndedLeases(
      count,
      [],
      new Map(all.map((one) => [one.ended.requestId, one])),
      new Map(all.map((one) => [one.ended.leaseId, one])),
    );
  }

  /** How long a lease was held of late: the median of the last `HOLDS` that are remembered, the shorter of two in the middle. */
  get usualHoldMs(): number | undefined {
    const oldest = this.#count - MAX_ENDED;
    const all = [...this.#byLease.values(), ...this.#recent].map(({ ended, nth }) => nth >= oldest && ended.heldMs);
    const held = all.filter((ms) => typeof ms === 'number').slice(-HOLDS);
    return held.sort((one, other) => one - other)[Math.ceil(held.length / 2) - 1];
  }

  ofRequest(requestId: string): EndedLease | undefined {
    return this.#find(this.#byRequest.get(requestId), ({ ended }) => ended.requestId === requestId);
  }

  ofLease(leaseId: string): EndedLease | undefined {
    return leaseId === ''
      ? undefined
      : this.#find(this.#byLease.get(leaseId), ({ ended }) => ended.leaseId === leaseId);
  }

  #find(indexed: Kept | undefined, isIt: (kept: Kept) => boolean): EndedLease | undefined {
    if (indexed !== undefined && indexed.nth >= this.#count - MAX_ENDED) return indexed.ended;
    return this.#recent.find(isIt)?.ended;
  }
}
