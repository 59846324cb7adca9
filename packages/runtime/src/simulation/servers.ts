// Servers
//
// What the services of a world stand on: state, topics and records are kept on one server, locks on another.
// By default each is the product's memory adapters; whoever has others gives them to the world.
import type { Clock, LeaseStore, PermitStore } from '@devmentor/locks';
import { MemoryLeaseStore } from '@devmentor/locks/memory';
import type { LogStore } from '../log-store.ts';
import { memoryStores } from '../memory-stores.ts';
import type { RecordStore } from '../record-store.ts';
import type { StateStore } from '../state-store.ts';

/** What the server of the state keeps. */
export interface StateServer {
  readonly state: StateStore;
  readonly log: LogStore;
  readonly records: RecordStore;
}

/** What the server of the locks keeps. */
export interface LockServer {
  readonly leases: LeaseStore;
  readonly permits: PermitStore;
}

/** Where a server stands. */
export interface Site {
  /** What it has for the time; it wakes nobody but by `soon`. */
  readonly clock: Clock;
  readonly shards: number;
  /** Time stands still until this has settled: whatever is not of this process answers within it. */
  outside<T>(promise: Promise<T>): Promise<T>;
}

/** Makes servers, each of them empty: the first, and the next one when that fails over. */
export interface Servers {
  state(site: Site): StateServer;
  locks(site: Site): LockServer;
}

export const memoryServers: Servers = {
  state: ({ clock, shards }) => memoryStores({ clock, shards }),
  locks: ({ clock }) => {
    const leases = new MemoryLeaseStore({ clock, buckets: 1 });
    return { leases, permits: leases.permits };
  },
};
