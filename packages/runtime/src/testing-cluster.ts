// Cluster
//
// Many nodes in one process, built by the product's own parts over one memory bus, state store and
// lease store, under a clock that only the test moves. Nodes can be stalled, resumed and killed.
import { assert } from '@devmentor/locks';
import { MemoryLeaseStore, MemoryLockManager } from '@devmentor/locks/memory';
import { SimulatedClock, seededEntropy } from '@devmentor/locks/testing';
import { type ActorId, shardOf } from './actor-id.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { ActorType } from './define-actor.ts';
import { MemoryLogStore } from './log-store.memory.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import { MemoryStateStore } from './state-store.memory.ts';
import type { StateStore } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';
import { Gate, GatedClock, gatedStore, gatedTransport } from './testing-gate.ts';
import type { Tracer } from './tracing.ts';
import { MemoryBus, type MemoryTransport } from './transport.memory.ts';
import type { Transport } from './transport.ts';

/** What the nodes of a `Cluster` run, how many there are, and what lies between them and their ports. */
export interface ClusterOptions {
  readonly actors: readonly ActorType[];
  /** @default 3 */
  readonly nodes?: number;
  /** @default 16 */
  readonly shards?: number;
  readonly seed?: number;
  readonly tracer?: Tracer;
  readonly maxResident?: number;
  readonly limits?: Partial<StoreLimits>;
  /** Decorates what every node sees of the store. */
  readonly state?: (store: StateStore) => StateStore;
  readonly transport?: (transport: Transport) => Transport;
}

/** One node of a `Cluster`, and what can be done to it. */
export interface ClusterNode {
  readonly runtime: Runtime;
  readonly faults: unknown[];
  readonly deadLetters: DeadLetter[];
  /** The node's end of the bus: `disconnect()`, `reconnect()`. */
  readonly link: MemoryTransport;
  /** As SIGSTOP: nothing of it runs until `resume`. */
  stall(): void;
  resume(): void;
  /** As kill -9: its connections close, and nothing of it runs any more. */
  kill(): Promise<void>;
}

/** Many nodes in one process, under a clock that only the test moves; `await Cluster.start({ actors })`. */
export class Cluster {
  readonly clock = new SimulatedClock();
  readonly nodes: ClusterNode[] = [];
  readonly log: MemoryLogStore;
  /** The store itself, behind every decorator. */
  readonly state: MemoryStateStore;
  readonly leases: MemoryLeaseStore;
  readonly #options: ClusterOptions;
  readonly #bus: MemoryBus;

  /** Started, and each shard served. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    for (let i = 0; i < (options.nodes ?? 3); i++) await cluster.join();
    await cluster.advance(1_000);
    return cluster;
  }

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.log = new MemoryLogStore({ clock: this.clock });
    this.state = new MemoryStateStore({
      clock: this.clock,
      log: this.log,
      shards: options.shards ?? 16,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    this.leases = new MemoryLeaseStore({ clock: this.clock });
    this.#bus = new MemoryBus(this.clock);
  }

  /** One more node, started; of another release when it has other actors. */
  async join(more: { readonly actors?: readonly ActorType[] } = {}): Promise<ClusterNode> {
    const node = this.#node(more.actors ?? this.#options.actors);
    this.nodes.push(node);
    await this.run(node.runtime.start());
    return node;
  }

  /** Moves time on. */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  /** Moves time on in small steps until the promise has settled. */
  async run<T>(promise: Promise<T>, atMostMs = 60_000): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => {});
    for (let passedMs = 0; !settled; passedMs++) {
      assert(passedMs < atMostMs, 'a call settles within its deadline');
      await this.clock.advance(passedMs < 100 ? 0.1 : 1);
    }
    return await watched;
  }

  /** The node that serves the actor; of those that live. */
  ownerOf({ id }: { readonly id: ActorId }): ClusterNode | undefined {
    const shard = shardOf(id, this.state.shards);
    return this.nodes.find(({ runtime }) => runtime.state === 'serving' && runtime.shards().includes(shard));
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) node.resume();
    await this.run(
      Promise.race([
        Promise.all(this.nodes.map(({ runtime }) => runtime.stop())),
        new Promise<void>((resolve) => void this.clock.after(5_000, resolve)),
      ]),
    );
  }

  #node(actors: readonly ActorType[]): ClusterNode {
    const gate = new Gate();
    const clock = new GatedClock(this.clock, gate);
    const entropy = seededEntropy((this.#options.seed ?? 1) * 1_000 + this.nodes.length);
    const faults: unknown[] = [];
    const deadLetters: DeadLetter[] = [];
    const link = this.#bus.connect();
    const decorated = {
      state: this.#options.state ?? ((store: StateStore) => store),
      transport: this.#options.transport ?? ((transport: Transport) => transport),
    };
    const runtime = createRuntime({
      actors,
      clock,
      entropy,
      locks: new MemoryLockManager({ clock, entropy, store: gatedStore(this.leases, gate) }),
      state: gatedStore(decorated.state(this.state), gate),
      transport: gatedTransport(decorated.transport(link), gate),
      node: { id: `n${this.nodes.length + 1}` },
      ...(this.#options.tracer === undefined ? {} : { tracer: this.#options.tracer }),
      ...(this.#options.maxResident === undefined ? {} : { maxResident: this.#options.maxResident }),
      onFault: (fault) => faults.push(fault),
      onDeadLetter: (letter) => deadLetters.push(letter),
    });
    const kill = async (): Promise<void> => {
      gate.kill();
      await link.close();
    };
    return { runtime, faults, deadLetters, link, stall: () => gate.stall(), resume: () => gate.resume(), kill };
  }
}
