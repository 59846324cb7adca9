import type { Cancel, Clock } from './clock.ts';

/** Longest delay that a platform timer takes; beyond it Node fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function wakeAfter(delayMs: number, wake: () => void, keepsProcess: boolean): Cancel {
  const due = performance.now() + delayMs;
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    timer = setTimeout(
      () => {
        const still = due - performance.now();
        if (still > 0) arm(still);
        else wake();
        // Platform timers may fire up to a millisecond early; rounding up avoids a second arming.
      },
      Math.min(Math.max(Math.ceil(leftMs), 0), LONGEST_TIMER_MS),
    );
    if (!keepsProcess) timer.unref();
  };
  arm(delayMs);
  return () => clearTimeout(timer);
}

/** The platform's time. With `entropy.ts`, the only code in the package that touches it. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, wake) => wakeAfter(delayMs, wake, true),
  background: (delayMs, wake) => wakeAfter(delayMs, wake, false),
  soon: (wake) => {
    setImmediate(wake);
  },
};
