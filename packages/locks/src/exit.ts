// Exit
//
// What becomes of a process's leases when it is told to end.
//
//   EX1  On the first of the signals, or when nothing is left to do, every lease is handed back,
//        or kept for another process to resume; then the process ends as it would have.
//   EX2  It ends within the budget, whether or not the store answers.
//   EX3  A second signal ends it at once.
//   EX4  Where others listen for the signal, how the process ends is theirs to say.
import process from 'node:process';
import { systemClock } from './clock.system.ts';
import type { Cancel, Clock } from './clock.ts';
import { CoordinationError } from './errors.ts';
import type { LockManager } from './lock-manager.ts';

export interface ExitOptions {
  /** Default SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[];
  /** Longest time that the end is put off; default 2,000. */
  readonly budgetMs?: number;
  /** Default `'release'`. With `'keep'`, another process resumes them by their lease ids. */
  readonly leases?: 'release' | 'keep';
  readonly clock?: Clock;
}

const DEFAULT_BUDGET_MS = 2_000;

/**
 * Closes the managers when the process is told to end, so that nobody waits for its leases to
 * lapse. A crash, `kill -9` and `process.exit` run none of this: those leases lapse by their terms.
 *
 * @returns what takes it back
 */
export function releaseOnExit(
  locks: Pick<LockManager, 'close'> | readonly Pick<LockManager, 'close'>[],
  options: ExitOptions = {},
): Cancel {
  const { signals = ['SIGTERM', 'SIGINT'], budgetMs = DEFAULT_BUDGET_MS, leases = 'release' } = options;
  const { clock = systemClock } = options;
  if (!Number.isFinite(budgetMs) || budgetMs < 0)
    throw new CoordinationError('LOCK_CONFIG', `budgetMs ${budgetMs} is not a duration: leave it out (2,000)`, {
      applied: 'no',
    });
  const managers = [locks].flat();
  let leaving: Promise<unknown> | undefined;

  const leave = (): Promise<unknown> => {
    let cancel: Cancel = () => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(budgetMs, resolve);
    });
    const closed = Promise.allSettled(managers.map((manager) => manager.close({ leases })));
    leaving = Promise.race([closed, late]).finally(cancel);
    return leaving;
  };
  const stop = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
    process.off('beforeExit', onBeforeExit);
  };
  const end = (signal: NodeJS.Signals): void => {
    stop();
    // Without a listener the platform's own answer to the signal is back.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (leaving === undefined) void leave().then(() => end(signal));
    else end(signal);
  };
  const onBeforeExit = (): void => {
    if (leaving === undefined) void leave().then(stop);
  };

  for (const signal of signals) process.on(signal, onSignal);
  process.on('beforeExit', onBeforeExit);
  return stop;
}
