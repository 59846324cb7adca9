// Cluster seat
//
// The place of one node in a cluster, through as many incarnations as it takes: a lease, the
// shards that go with it, and what happens when either is lost.
//
//   CS1  Shards are served only under a live incarnation. When its lease lapses, everything is
//        dropped at once, without a word; the node joins again under a new incarnation.
//   CS2  Without transport for a second nobody could reach its actors: it hands its shards over
//        and gives its lease up, until the transport is back.
//   CS4  One that has lost its place again soon after it joined waits ever longer before it joins
//        anew: a node that comes and goes must not move shards each time.
//   CS3  It is inside with lease, subscription and claim, or not at all.
import type { Cancel, Clock, Entropy, JsonObject, LockManager } from '@devmentor/locks';
import type { NodeCounts } from './counts.ts';
import type { HeldShards } from './held-shards.ts';
import type { Member } from './membership.ts';
import { NodeLease } from './node-lease.ts';
import { ShardClaim } from './shard-claim.ts';
import type { ShardNeeds, Versions } from './shard-needs.ts';
import type { Incarnation, Shard, StateStore } from './state-store.ts';
import type { Transport } from './transport.ts';

export interface SeatOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly locks: LockManager;
  readonly state: StateStore;
  readonly transport: Transport;
  readonly namespace: string;
  readonly nodeId: string;
  readonly meta: JsonObject;
  readonly held: HeldShards;
  /** Of the machines this node runs. */
  readonly versions: Versions;
  readonly needs: ShardNeeds;
  readonly counts: NodeCounts;
  readonly onFault: (fault: unknown) => void;
}

interface Inside {
  readonly kind: 'inside';
  readonly lease: NodeLease;
  readonly claim: ShardClaim;
}
type Place = { readonly kind: 'outside' } | Inside | { readonly kind: 'left' };

const TERM_MS = 2_000;
const RENEW_MS = 500;
const WITHOUT_TRANSPORT_MS = 1_000;
const REJOIN_MS = 250;
const LONGEST_REJOIN_MS = 16_000;
/** After so long inside, the past is forgotten. */
const STEADY_MS = 30_000;

export class ClusterSeat {
  readonly #options: SeatOptions;
  #incarnation: Incarnation;
  #place: Place = { kind: 'outside' };
  #offStatus: () => void = () => {};
  #patience: Cancel = () => {};
  /** While it waits to join again. */
  #rejoin: Cancel | undefined;
  /** Shards are being handed over, and the lease of that incarnation still stands. */
  #retreating: { readonly from: Incarnation; readonly done: Promise<void> } | undefined;
  #rejoinMs = REJOIN_MS;
  #joinedAtMs = 0;

  constructor(options: SeatOptions) {
    this.#options = options;
    this.#incarnation = this.#freshName();
  }

  get incarnation(): Incarnation {
    return this.#incarnation;
  }

  get isInside(): boolean {
    return this.#place.kind === 'inside';
  }

  get certain(): boolean {
    return this.#place.kind === 'inside' && this.#place.lease.certain;
  }

  /** How long its lease surely holds. */
  get leaseMarginMs(): number {
    return this.#place.kind === 'inside' ? this.#place.lease.marginMs : 0;
  }

  get members(): ReadonlyMap<Incarnation, Member> {
    return this.#place.kind === 'inside' ? this.#place.claim.members : new Map();
  }

  /** Joins; rejects when the stores cannot be reached. */
  async start(): Promise<void> {
    this.#offStatus = this.#options.transport.onStatus((status) => this.#transportIs(status));
    await this.#join();
  }

  /** Looks after its shards again, soon. */
  look(): void {
    if (this.#place.kind === 'inside') this.#place.claim.look();
  }

  /** A record of the shard asks for this version; true when a node that has it is to take the shard. */
  lacks(shard: Shard, type: string, version: number): boolean {
    const { needs, versions: own } = this.#options;
    const others = [...this.members.values()].flatMap(({ versions }) => (versions === undefined ? [] : [versions]));
    // A type that nobody knows is a mistake of who calls, and no need.
    if (own[type] === undefined && !others.some((versions) => versions[type] !== undefined)) return false;
    needs.raise(shard, type, version);
    const able = others.some((versions) => needs.metBy(shard, versions));
    if (able) this.look();
    return able;
  }

  async drain(): Promise<void> {
    const place = this.#leave();
    if (place.kind !== 'inside') return await this.#retreating?.done;
    await place.claim.drain();
    await place.lease.release();
  }

  async stop(): Promise<void> {
    const place = this.#leave();
    this.#options.held.closeAll();
    if (place.kind !== 'inside') return await this.#retreating?.done;
    place.claim.stop();
    await place.lease.release();
  }

  #leave(): Place {
    const place = this.#place;
    this.#place = { kind: 'left' };
    this.#offStatus();
    this.#patience();
    this.#rejoin?.();
    return place;
  }

  async #join(): Promise<void> {
    await this.#retreating?.done;
    const { clock, locks, meta, counts } = this.#options;
    const incarnation = this.#freshName();
    const lease = await NodeLease.claim({
      locks,
      clock,
      incarnation,
      meta,
      termMs: TERM_MS,
      renewMs: RENEW_MS,
      onLost: () => this.#lapsed(incarnation),
      onBeat: (lateMs, marginMs) => {
        counts.stall.add(lateMs);
        counts.leaseMargin.add(marginMs);
      },
    });
    if (this.#place.kind !== 'outside') return void (await lease.release());
    this.#incarnation = incarnation;
    const claim = new ShardClaim({ ...this.#options, self: incarnation });
    const inside: Inside = { kind: 'inside', lease, claim };
    this.#place = inside;
    this.#joinedAtMs = clock.nowMs();
    try {
      await claim.start();
    } catch (fault) {
      // A member that takes no shards would keep its part of them from everybody. It may have taken
      // some meanwhile that were handed to it: a subscription can work before it is confirmed.
      if (this.#place === inside) await this.#retreat(inside);
      throw fault;
    }
  }

  #lapsed(incarnation: Incarnation): void {
    // CS1: what it had not yet handed over is for others to take.
    if (this.#retreating?.from === incarnation) this.#options.held.closeAll();
    if (this.#place.kind !== 'inside' || this.#place.lease.incarnation !== incarnation) return;
    this.#place.claim.stop();
    this.#options.held.closeAll();
    this.#place = { kind: 'outside' };
    this.#rejoinLater();
  }

  #transportIs(status: Transport['status']): void {
    this.#patience();
    if (status !== 'connected')
      this.#patience = this.#options.clock.background(WITHOUT_TRANSPORT_MS, () => void this.#unreachable());
  }

  async #unreachable(): Promise<void> {
    if (this.#place.kind !== 'inside') return;
    await this.#retreat(this.#place);
    this.#rejoinLater();
  }

  /** Hands its shards over, and gives its lease up. */
  async #retreat(place: Inside): Promise<void> {
    this.#place = { kind: 'outside' };
    const done = this.#handAllOver(place);
    this.#retreating = { from: place.lease.incarnation, done };
    await done;
    this.#retreating = undefined;
  }

  async #handAllOver({ lease, claim }: Inside): Promise<void> {
    const { held, onFault } = this.#options;
    claim.stop();
    await Promise.all(held.all().map((shard) => held.handOver(shard).catch(onFault)));
    // Before the next incarnation: what it will hold is not for this one to close.
    held.closeAll();
    await lease.release();
  }

  /** The place was lost. */
  #rejoinLater(): void {
    const { clock } = this.#options;
    const isSteady = clock.nowMs() - this.#joinedAtMs >= STEADY_MS;
    this.#rejoinMs = isSteady ? REJOIN_MS : Math.min(LONGEST_REJOIN_MS, this.#rejoinMs * 2);
    this.#rejoinSoon();
  }

  #rejoinSoon(): void {
    // Jittered, so that those who lost one link together do not come back in one instant.
    const pauseMs = this.#rejoinMs * (0.75 + this.#options.entropy.random() / 2);
    this.#rejoin?.();
    this.#rejoin = this.#options.clock.background(pauseMs, () => {
      this.#rejoin = undefined;
      if (this.#place.kind !== 'outside') return;
      if (this.#options.transport.status !== 'connected') return this.#rejoinSoon();
      const before = this.#incarnation;
      this.#join().catch((fault: unknown) => {
        this.#options.onFault(fault);
        if (this.#place.kind !== 'outside' || this.#rejoin !== undefined) return;
        // CS4: once it was a member, others have moved shards for it.
        if (this.#incarnation === before) this.#rejoinSoon();
        else this.#rejoinLater();
      });
    });
  }

  #freshName(): Incarnation {
    return `${this.#options.nodeId}-${this.#options.entropy.id()}`;
  }
}
