import { describe } from 'vitest';
import { MemoryLeaseStore } from '../src/memory.ts';
import { leaseStoreContract, SimulatedClock } from '../src/testing.ts';

describe('LeaseStore contract: memory', () => {
  const clock = new SimulatedClock();
  leaseStoreContract({ open: async () => new MemoryLeaseStore({ clock }), elapse: (ms) => clock.advance(ms) });
});
