// Services
//
// What all nodes share: the bus, and the servers that keep things.
import type { Unsubscribe } from '@devmentor/locks';
import { MemoryBus } from '../transport.memory.ts';
import { Journal } from './journal.ts';
import { type LockServer, memoryServers, type Servers, type Site, type StateServer } from './servers.ts';
import { ServiceClock } from './service-clock.ts';
import type { VirtualTime } from './time.ts';

interface Subscription {
  readonly renew: (server: LockServer) => Promise<Unsubscribe>;
  end: Unsubscribe;
}

export interface ServicesOptions {
  readonly shards: number;
  readonly wallMs: number;
  /** @default the memory adapters */
  readonly servers: Servers | undefined;
}

export class Services {
  readonly shards: number;
  readonly clock: ServiceClock;
  readonly bus: MemoryBus;
  readonly state: Journal<StateServer>;
  readonly locks: Journal<LockServer>;
  readonly #time: VirtualTime;
  readonly #subscriptions = new Set<Subscription>();

  constructor(time: VirtualTime, options: ServicesOptions) {
    this.shards = options.shards;
    const clock = new ServiceClock(time, options.wallMs);
    this.clock = clock;
    this.bus = new MemoryBus(clock);
    this.#time = time;
    const servers = options.servers ?? memoryServers;
    const site: Site = { clock, shards: options.shards, outside: (promise) => time.outside(promise) };
    this.state = new Journal<StateServer>(clock, () => servers.state(site));
    this.locks = new Journal<LockServer>(clock, () => servers.locks(site));
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
    const { lost, restored } = this[line].failover(losing);
    const subscribed = line === 'state' ? restored : restored.then(() => this.#subscribe());
    this.#time.outside(subscribed).catch(() => {});
    return lost;
  }

  /** Nobody listens any more. */
  end(): void {
    for (const { end } of this.#subscriptions) end();
    this.#subscriptions.clear();
  }

  async #subscribe(): Promise<void> {
    for (const subscription of this.#subscriptions) {
      subscription.end();
      subscription.end = await subscription.renew(this.locks.store);
    }
  }
}
