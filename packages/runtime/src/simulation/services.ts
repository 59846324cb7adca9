// Services
//
// What all nodes share: the bus, and the stores, each the product's own memory adapter. State, topics and
// records are kept in one place, as on one server, and locks in another.
import type { LeaseStore, PermitStore, Unsubscribe } from '@devmentor/locks';
import { MemoryLeaseStore } from '@devmentor/locks/memory';
import type { LogStore } from '../log-store.ts';
import { memoryStores } from '../memory-stores.ts';
import type { RecordStore } from '../record-store.ts';
import type { StateStore } from '../state-store.ts';
import { MemoryBus } from '../transport.memory.ts';
import { Journal } from './journal.ts';
import { ServiceClock } from './service-clock.ts';
import type { VirtualTime } from './time.ts';

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

interface Subscription {
  readonly renew: (server: LockServer) => Promise<Unsubscribe>;
  end: Unsubscribe;
}

export class Services {
  readonly shards: number;
  readonly clock: ServiceClock;
  readonly bus: MemoryBus;
  readonly state: Journal<StateServer>;
  readonly locks: Journal<LockServer>;
  readonly #subscriptions = new Set<Subscription>();

  constructor(time: VirtualTime, options: { readonly shards: number; readonly wallMs: number }) {
    this.shards = options.shards;
    const clock = new ServiceClock(time, options.wallMs);
    this.clock = clock;
    this.bus = new MemoryBus(clock);
    this.state = new Journal<StateServer>(clock, () => memoryStores({ clock, shards: options.shards }));
    this.locks = new Journal<LockServer>(clock, () => {
      const leases = new MemoryLeaseStore({ clock, buckets: 1 });
      return { leases, permits: leases.permits };
    });
  }

  /** A subscription at the lock server, which outlives that server's failover. */
  async listen(renew: (server: LockServer) => Promise<Unsubscribe>): Promise<Unsubscribe> {
    const subscription: Subscription = { renew, end: await renew(this.locks.store) };
    this.#subscriptions.add(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      subscription.end();
    };
  }

  /** Answers how many writes were there to lose. */
  failover(line: 'state' | 'locks', losing: number): number {
    if (line === 'state') return this.state.failover(losing);
    const lost = this.locks.failover(losing);
    for (const subscription of this.#subscriptions)
      void subscription.renew(this.locks.store).then((end) => {
        subscription.end = end;
      });
    return lost;
  }
}
