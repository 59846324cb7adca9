import { beforeEach } from 'vitest';
import { MemoryLeaseStore, MemoryLockManager } from '../src/index.ts';
import { SimulatedClock, seededEntropy } from '../src/testing.ts';

// A store in memory, its clock and a manager on it, new for each test.
export let clock: SimulatedClock;
export let store: MemoryLeaseStore;
export let locks: MemoryLockManager;

/** Another manager, as another process has it. */
export function open(seed = 1): MemoryLockManager {
  return new MemoryLockManager({ store, clock, entropy: seededEntropy(seed) });
}

/** All of it anew, as for another test. */
export function anew(): void {
  clock = new SimulatedClock();
  store = new MemoryLeaseStore({ clock });
  locks = open();
}

beforeEach(anew);

/** What it resolves with, without time passing. */
export async function settled<T>(waiting: Promise<T>): Promise<T> {
  await clock.settle();
  return waiting;
}
