import { MemoryLeaseStore, type MemoryLeaseStoreOptions } from './lease-store.memory.ts';
import { Locks, type LocksOptions } from './locks.ts';
import { checkSettings } from './manager-settings.ts';

/** Leases within one process: nothing to install, nothing kept when the process ends. */
export class MemoryLockManager extends Locks {
  constructor(options: LocksOptions & MemoryLeaseStoreOptions & { readonly store?: MemoryLeaseStore } = {}) {
    checkSettings(options);
    const store = options.store ?? new MemoryLeaseStore(options);
    super(store, { permits: store.permits, ...options });
  }
}

export { MemoryLeaseStore, type MemoryLeaseStoreOptions };
