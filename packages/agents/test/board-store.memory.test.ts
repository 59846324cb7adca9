import { SimulatedClock } from '@devmentor/locks/testing';
import { MemoryBoardStore } from '../src/board-store.memory.ts';
import { boardStoreContract } from '../src/testing.ts';

boardStoreContract({ open: async () => new MemoryBoardStore({ clock: new SimulatedClock() }) });
