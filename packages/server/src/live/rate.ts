/** A token bucket: so many a second, and so many at once after a pause. */
export interface Bucket {
  readonly left: number;
  readonly atMs: number;
}

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export function fullBucket(rate: Rate, nowMs: number): Bucket {
  return { left: rate.burst, atMs: nowMs };
}

/** The bucket after one more, or `empty` when there was nothing left. */
export function take(bucket: Bucket, rate: Rate, nowMs: number): Bucket | 'empty' {
  const refilled = Math.min(rate.burst, bucket.left + ((nowMs - bucket.atMs) / 1000) * rate.perSecond);
  return refilled < 1 ? 'empty' : { left: refilled - 1, atMs: nowMs };
}
