/** Bounds of the buckets, in milliseconds: an eighth of one, doubled each time, to about two hours. */
const SMALLEST_MS = 1 / 8;
const BUCKETS = 27;

/** Where the values lay, as told by `snapshot`. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
  /** How many were at most `leMs`, cumulated; the last bound is infinite. */
  readonly buckets: readonly { readonly leMs: number; readonly count: number }[];
}

/** Durations by powers of two: of fixed size, and nothing is allocated to add one. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS + 1);
  #sumMs = 0;
  #maxMs = 0;

  add(ms: number): void {
    const at = Math.max(0, ms);
    // Eighths of a millisecond, rounded up: 1 is at most the first bound, 2 the second, 3 and 4 the third.
    const eighths = Math.ceil(at / SMALLEST_MS);
    const bucket = eighths <= 1 ? 0 : eighths > 2 ** (BUCKETS - 1) ? BUCKETS : 32 - Math.clz32(eighths - 1);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sumMs += at;
    if (at > this.#maxMs) this.#maxMs = at;
  }

  snapshot(): HistogramSnapshot {
    let count = 0;
    const buckets = Array.from(this.#counts, (inBucket, index) => {
      count += inBucket;
      return { leMs: index === BUCKETS ? Number.POSITIVE_INFINITY : SMALLEST_MS * 2 ** index, count };
    });
    return { count, sumMs: this.#sumMs, maxMs: this.#maxMs, buckets };
  }
}
