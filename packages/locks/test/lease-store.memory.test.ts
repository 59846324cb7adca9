import { describe } from 'vitest';
import { takeoverContract } from '../src/lease-store.contract.takeover.ts';
import { MemoryLeaseStore } from '../src/memory.ts';
import { leaseStoreContract, SimulatedClock } from '../src/testing.ts';

describe('LeaseStore contract: memory', () => {
  const clock = new SimulatedClock();
  const harness = { open: async () => new MemoryLeaseStore({ clock }), elapse: (ms: number) => clock.advance(ms) };
  leaseStoreContract(harness);
  takeoverContract(harness);
});
