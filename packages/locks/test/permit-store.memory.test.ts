import { describe } from 'vitest';
import { MemoryPermitStore } from '../src/permit-store.memory.ts';
import { permitStoreContract, SimulatedClock } from '../src/testing.ts';

describe('PermitStore contract: memory', () => {
  const clock = new SimulatedClock();
  permitStoreContract({ open: async () => new MemoryPermitStore(clock), elapse: (ms) => clock.advance(ms) });
});
