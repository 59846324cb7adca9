import { SimulatedClock } from '@devmentor/locks/testing';
import { logStoreContract } from '../src/log-store.contract.ts';
import { MemoryLogStore } from '../src/log-store.memory.ts';

const clock = new SimulatedClock();

logStoreContract({ open: async () => new MemoryLogStore({ clock }), elapse: async (ms) => clock.advance(ms) });
