// When to try again (pure). Full jitter: a thousand clients cut off at one instant come
// back spread over the whole interval, not in step.

const firstMs = 250;
const longestMs = 30_000;
const slowMs = [2_000, 30_000, 60_000, 300_000] as const;

/** How hard to press: after a mere break, or after the server said that it has enough. */
export type Pace = 'normal' | 'slow';

/**
 * How long to wait before attempt number `attempt` (from 0).
 *
 * @param chance in [0, 1)
 */
export function backoffMs(attempt: number, chance: number, pace: Pace = 'normal'): number {
  if (pace === 'slow') {
    const step = slowMs[Math.min(attempt, slowMs.length - 1)] ?? longestMs;
    // Never early: whoever asks for rest gets at least half of it.
    return step / 2 + (step / 2) * chance;
  }
  return Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 20)) * chance;
}
