// The place of a node that is alone by construction: it takes every shard at its start and keeps
// them, so it needs no lease, no beat and no list.
import type { Entropy } from '@devmentor/locks';
import type { HeldShards } from './held-shards.ts';
import type { Member } from './membership.ts';
import type { Incarnation, StateStore } from './state-store.ts';

export class SoloSeat {
  readonly incarnation: Incarnation;
  readonly #state: StateStore;
  readonly #held: HeldShards;
  #inside = false;

  constructor(options: {
    readonly entropy: Entropy;
    readonly state: StateStore;
    readonly held: HeldShards;
    readonly nodeId: string;
  }) {
    this.incarnation = `${options.nodeId}-${options.entropy.id()}`;
    this.#state = options.state;
    this.#held = options.held;
  }

  get isInside(): boolean {
    return this.#inside;
  }

  get certain(): boolean {
    return this.#inside;
  }

  /** There is no lease. */
  get leaseMarginMs(): undefined {
    return undefined;
  }

  get members(): ReadonlyMap<Incarnation, Member> {
    return new Map(
      this.#inside
        ? [
            [
              this.incarnation,
              { incarnation: this.incarnation, address: undefined, version: undefined, versions: undefined },
            ],
          ]
        : [],
    );
  }

  async start(): Promise<void> {
    this.#inside = true;
    const shards = Array.from({ length: this.#state.shards }, (_, shard) => shard);
    const owners = await this.#state.ownership(shards);
    await Promise.all(owners.map((own, shard) => this.#held.take(shard, this.incarnation, own)));
  }

  look(): void {}

  /** There is no other node that could. */
  lacks(): boolean {
    return false;
  }

  async drain(): Promise<void> {
    await Promise.all(this.#held.all().map((shard) => this.#held.handOver(shard)));
  }

  async stop(): Promise<void> {
    this.#inside = false;
    this.#held.closeAll();
  }
}
