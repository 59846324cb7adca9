import type { Clock } from '@devmentor/locks';
import { MemoryLogStore } from './log-store.memory.ts';
import { MemoryRecordStore } from './record-store.memory.ts';
import { MemoryStateStore } from './state-store.memory.ts';
import type { StoreLimits } from './store-limits.ts';

/** The three stores of one process, to be shared by its nodes; actors' events go to the same log. */
export function memoryStores(options: {
  readonly clock: Clock;
  readonly shards?: number;
  readonly limits?: Partial<StoreLimits>;
}): { readonly state: MemoryStateStore; readonly log: MemoryLogStore; readonly records: MemoryRecordStore } {
  const log = new MemoryLogStore(options);
  return { state: new MemoryStateStore({ ...options, log }), log, records: new MemoryRecordStore(options) };
}
