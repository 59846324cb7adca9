// Term
//
// When a lease's term ends is known only as well as the moment of its grant, which lies somewhere
// between the beginning and the end of the operation that asked for it. All that can be known of two
// moments, the last one at which something took effect (`now`) and the end of the term (`end`), is six
// bounds: on each, and on their difference. They are kept as tight as they can be (the closure of a
// difference bound matrix: Dill, "Timing assumptions and verification of finite-state concurrent
// systems", 1989), so that a set of moments exists iff none of the bounds crosses its opposite, and what
// came before may be forgotten.

/** Stores count whole milliseconds: a term may seem to be shorter or longer by less than one. */
const GRAIN_MS = 1;

/** Bounds on `now`, on `end`, and on `end - now`. */
export interface Term {
  readonly nowMin: number;
  readonly nowMax: number;
  readonly endMin: number;
  readonly endMax: number;
  readonly leftMin: number;
  readonly leftMax: number;
}

const EVER = Number.POSITIVE_INFINITY;

/** Before anything has happened. */
export const beginning: Term = {
  nowMin: -EVER,
  nowMax: EVER,
  endMin: -EVER,
  endMax: EVER,
  leftMin: -EVER,
  leftMax: EVER,
};

/** Something takes effect at a moment from `from` to `to`, and not before what did last. */
export function at(term: Term, from: number, to: number): Term | undefined {
  return closed({
    nowMin: Math.max(term.nowMin, from),
    nowMax: to,
    endMin: term.endMin,
    endMax: term.endMax,
    leftMin: -EVER,
    leftMax: term.leftMax,
  });
}

/** It takes effect when the term has ended. */
export function lapsed(term: Term): Term | undefined {
  return closed({ ...term, leftMax: Math.min(term.leftMax, GRAIN_MS) });
}

/** It takes effect before the term ends. */
export function unlapsed(term: Term): Term | undefined {
  return closed({ ...term, leftMin: Math.max(term.leftMin, -GRAIN_MS) });
}

/** A term begins now. */
export function begun(term: Term, ttlMs: number): Term {
  return {
    nowMin: term.nowMin,
    nowMax: term.nowMax,
    endMin: term.nowMin + ttlMs,
    endMax: term.nowMax + ttlMs,
    leftMin: ttlMs,
    leftMax: ttlMs,
  };
}

/** There is no term any more. */
export function over(term: Term): Term {
  return { ...beginning, nowMin: term.nowMin, nowMax: term.nowMax };
}

/** Everything as early as it can have been: all there is to know where a term may be prolonged unseen. */
export function earliest(term: Term): Term {
  const { nowMin, endMin } = term;
  if (endMin === -EVER) return { ...beginning, nowMin, nowMax: nowMin };
  return { nowMin, nowMax: nowMin, endMin, endMax: endMin, leftMin: endMin - nowMin, leftMax: endMin - nowMin };
}

/** Equal iff the terms allow for the same future: the latest `now` and the shortest rest are past. */
export function termName(term: Term): string {
  return `${term.nowMin} ${term.endMin} ${term.endMax} ${term.leftMax}`;
}

/** Each bound against the two others that imply one like it; with three moments once is enough. */
function closed(term: Term): Term | undefined {
  const { nowMin, nowMax, endMin, endMax, leftMin, leftMax } = term;
  const tight: Term = {
    nowMin: Math.max(nowMin, leftMax === EVER ? -EVER : endMin - leftMax),
    nowMax: Math.min(nowMax, leftMin === -EVER ? EVER : endMax - leftMin),
    endMin: Math.max(endMin, leftMin === -EVER ? -EVER : nowMin + leftMin),
    endMax: Math.min(endMax, leftMax === EVER ? EVER : nowMax + leftMax),
    leftMin: Math.max(leftMin, endMin === -EVER || nowMax === EVER ? -EVER : endMin - nowMax),
    leftMax: Math.min(leftMax, endMax === EVER || nowMin === -EVER ? EVER : endMax - nowMin),
  };
  const { nowMin: a, nowMax: b, endMin: c, endMax: d, leftMin: e, leftMax: f } = tight;
  return a <= b && c <= d && e <= f ? tight : undefined;
}
