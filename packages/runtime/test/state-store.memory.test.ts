import { SimulatedClock } from '@devmentor/locks/testing';
import { MemoryLogStore } from '../src/log-store.memory.ts';
import { stateStoreContract } from '../src/state-store.contract.ts';
import { MemoryStateStore } from '../src/state-store.memory.ts';

const clock = new SimulatedClock();

stateStoreContract({
  open: async (options) => {
    const log = new MemoryLogStore({ clock });
    return { state: new MemoryStateStore({ clock, log, ...options }), log };
  },
  elapse: async (ms) => clock.advance(ms),
});
