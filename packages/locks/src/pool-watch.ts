import type { Clock } from './clock.ts';
import type { PoolView } from './permit-command.ts';

/** Pools hint at nothing: who watches one looks this often. */
const LOOK_MS = 1_000;

/** Where a pool stands, and again whenever others hold or wait; a renewal is no change. Ends with the signal. */
export async function* watchPool(
  look: () => Promise<PoolView>,
  clock: Pick<Clock, 'background'>,
  signal: AbortSignal,
): AsyncGenerator<PoolView> {
  let known: string | undefined;
  while (!signal.aborted) {
    const view = await look().catch((fault: unknown) => {
      // A manager that closes lets its watchers go, also from a look that it cut short.
      if (signal.aborted) return undefined;
      throw fault;
    });
    if (view === undefined) return;
    const standing = standingOf(view);
    if (standing !== known) yield view;
    known = standing;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = clock.background(LOOK_MS, end);
      signal.addEventListener('abort', end);
    });
  }
}

/** Holders stand in order of their terms, which renewals change; of more than are shown, so is who is shown. */
function standingOf({ permits, free, held, holders, queue, waiters }: PoolView): string {
  const shares = held > holders.length ? [] : holders.map((one) => `${one.fence} ${one.weight} ${one.offered}`);
  return JSON.stringify([permits, free, held, shares.sort(), queue, waiters]);
}
