import { SimulatedClock } from '@devmentor/locks/testing';
import { recordStoreContract } from '../src/record-store.contract.ts';
import { MemoryRecordStore } from '../src/record-store.memory.ts';

const clock = new SimulatedClock();

recordStoreContract({ open: async () => new MemoryRecordStore({ clock }), elapse: async (ms) => clock.advance(ms) });
