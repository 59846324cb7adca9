// Focus: what to do first. The only place with knowledge of control. Pure.
import type { ActivationState, Board } from './board.ts';
import type { Candidate } from './trigger.ts';

/** The source's own rating, kept within 0 to 1000; 0 for one that throws, which its run will too. */
export function ratingOf(candidate: Candidate, board: Board): number {
  const rated = ratedBySource(candidate, board);
  return Math.round(Math.min(1_000, Math.max(0, Number.isFinite(rated) ? rated : 0)));
}

function ratedBySource({ source, topic, inputs }: Candidate, board: Board): number {
  try {
    return source.rate?.({ subject: topic.subject, inputs, board }) ?? 500;
  } catch {
    return 0;
  }
}

/** Highest rating first; of equals the one that was scheduled first. */
export function byFocus(a: ActivationState, b: ActivationState): number {
  return b.activation.rating - a.activation.rating || a.rev - b.rev;
}
