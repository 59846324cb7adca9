// Shard claim
//
// Keeps the shards where they belong: takes what this node should serve once nobody serves it,
// gives up what another living node should serve. There is no coordinator; every node applies the
// same rule to the same list of leases.
//
//   SH2  A shard is sealed only when its owner is `none` (it yielded), this node itself, or an
//        incarnation whose lease was seen lapsed *after* it was seen as the owner. Nobody steals
//        from the living.
//   SH3  A shard that another living node should serve is handed over to it; that node is told,
//        and takes it at once.
//   SH6  A shard that names this node as its owner, is not served here and should be elsewhere (a
//        yield that failed, a seal whose answer was lost) is yielded by the next beat.
//   SH7  A shard whose records ask for machine versions belongs on a node that has them, while one
//        lives; else it stays where the list of nodes says.
//   SH4  A node that drains is no candidate any more, from the moment it says so.
import type { Cancel, Clock, LockManager } from '@devmentor/locks';
import type { HeldShards } from './held-shards.ts';
import { type Member, readMembers } from './membership.ts';
import { type Notice, parsedNotice } from './notice.ts';
import { preferredNode } from './shard.ts';
import type { ShardNeeds, Versions } from './shard-needs.ts';
import type { Incarnation, Ownership, Shard, StateStore } from './state-store.ts';
import type { Transport } from './transport.ts';

export interface ShardClaimOptions {
  readonly clock: Clock;
  readonly locks: LockManager;
  readonly state: StateStore;
  readonly transport: Transport;
  readonly namespace: string;
  readonly self: Incarnation;
  readonly held: HeldShards;
  readonly versions: Versions;
  readonly needs: ShardNeeds;
  readonly onFault: (fault: unknown) => void;
}

const BEAT_MS = 500;

export class ShardClaim {
  readonly #options: ShardClaimOptions;
  readonly #draining = new Set<Incarnation>();
  #members: ReadonlyMap<Incarnation, Member> = new Map();
  #subscription: { unsubscribe(): Promise<void> } | undefined;
  #beat: Cancel = () => {};
  /** Steps run one after another. */
  #line: Promise<void> = Promise.resolve();
  #queued = false;
  #over = false;

  constructor(options: ShardClaimOptions) {
    this.#options = options;
  }

  get members(): ReadonlyMap<Incarnation, Member> {
    return this.#members;
  }

  /** Takes this node's part of what is free, and goes on from there. */
  async start(): Promise<void> {
    const { transport, self } = this.#options;
    this.#subscription = await transport.subscribe(this.#subject, ({ body }) => this.#hear(body));
    await this.#enqueue(() => this.#converge());
    if (this.#over) {
      this.#unsubscribe();
      return;
    }
    this.#tell({ kind: 'joined', from: self });
    this.#beatSoon();
  }

  /** Hands every shard over to those who stay. */
  async drain(): Promise<void> {
    const { self, held } = this.#options;
    this.#draining.add(self);
    this.#tell({ kind: 'draining', from: self });
    await this.#enqueue(async () => {
      this.#members = await readMembers(this.#options.locks).catch(() => this.#members);
      await this.#giveUp(held.all());
    });
    await held.lingered();
    this.stop();
  }

  stop(): void {
    this.#over = true;
    this.#beat();
    this.#unsubscribe();
  }

  #unsubscribe(): void {
    this.#subscription?.unsubscribe().catch(this.#options.onFault);
  }

  /** Something about the shards has changed: look again soon. */
  look(): void {
    if (this.#queued || this.#over) return;
    this.#queued = true;
    void this.#enqueue(async () => {
      this.#queued = false;
      await this.#converge();
    });
  }

  get #subject(): string {
    return `rt.${this.#options.namespace}.nodes`;
  }

  #beatSoon(): void {
    if (this.#over) return;
    this.#beat = this.#options.clock.background(BEAT_MS, () => {
      this.#beatSoon();
      this.#tellNeeds();
      this.look();
    });
  }

  /** A step that fails is a fault to be lived with: the next beat tries again. */
  #enqueue(step: () => Promise<void>): Promise<void> {
    this.#line = this.#line.then(async () => {
      if (!this.#over) await step().catch(this.#options.onFault);
    });
    return this.#line;
  }

  async #converge(): Promise<void> {
    const { held, locks, self } = this.#options;
    this.#members = await readMembers(locks);
    if (this.#over || !this.#members.has(self)) return;
    await this.#giveUp(held.all().filter((shard) => this.#preferred(shard) !== self));
    await this.#yieldUnsettled();
    const wanted = this.#allShards().filter(
      (shard) => held.get(shard) === undefined && this.#preferred(shard) === self,
    );
    if (wanted.length === 0) return;
    const owners = await this.#options.state.ownership(wanted);
    // Read again, after the owners: an owner missing from *this* list has lapsed, while one
    // missing from the list above may have come to life, and taken the shard, in between.
    if (owners.some(({ incarnation }) => incarnation !== 'none' && incarnation !== self))
      this.#members = await readMembers(locks);
    const free = wanted.flatMap((shard, i) => {
      const own = owners[i];
      return own !== undefined && this.#mayTake(own) ? [{ shard, own }] : [];
    });
    await Promise.all(free.map(({ shard, own }) => this.#take(shard, own)));
  }

  async #take(shard: Shard, own: Ownership): Promise<void> {
    if (this.#over) return;
    const { held, self, onFault } = this.#options;
    const taken = await held.take(shard, self, own).catch(onFault);
    if (taken === 'taken') this.#tell({ kind: 'serving', from: self, shard });
  }

  #mayTake({ incarnation }: Ownership): boolean {
    return incarnation === 'none' || incarnation === this.#options.self || !this.#members.has(incarnation);
  }

  async #giveUp(shards: readonly Shard[]): Promise<void> {
    await Promise.all(
      shards.map(async (shard) => {
        const to = this.#preferred(shard);
        try {
          await this.#options.held.handOver(shard);
        } catch (fault) {
          this.#options.onFault(fault);
          return;
        }
        if (to === undefined) this.#options.held.servedElsewhere(shard);
        else this.#tellYielded(to, shard);
      }),
    );
  }

  async #yieldUnsettled(): Promise<void> {
    const { held, state, self, onFault } = this.#options;
    const shards = held.unsettled().filter((shard) => this.#preferred(shard) !== self);
    if (shards.length === 0) return;
    const owners = await state.ownership(shards);
    await Promise.all(
      shards.map(async (shard, i) => {
        const own = owners[i];
        if (own?.incarnation === self) await state.yield(shard, own.epoch);
        held.settled(shard);
        const to = this.#preferred(shard);
        if (to !== undefined) this.#tellYielded(to, shard);
      }),
    ).catch(onFault);
  }

  async #takeYielded(shard: Shard): Promise<void> {
    const [own] = await this.#options.state.ownership([shard]);
    if (own?.incarnation === 'none') await this.#take(shard, own);
  }

  #preferred(shard: Shard): Incarnation | undefined {
    const nodes = [...this.#members.values()].filter(({ incarnation }) => !this.#draining.has(incarnation));
    const able = nodes.filter(({ versions }) => this.#options.needs.metBy(shard, versions));
    return preferredNode(
      shard,
      (able.length === 0 ? nodes : able).map(({ incarnation }) => incarnation),
    );
  }

  /** What it asks for goes with the shard: who takes it must not give it back at the next beat. */
  #tellYielded(to: Incarnation, shard: Shard): void {
    this.#tell({ kind: 'yielded', from: this.#options.self, to, shard, needs: this.#options.needs.of(shard) });
  }

  /** Said at each beat, since nobody takes a shard that he takes for another's. */
  #tellNeeds(): void {
    const { self, needs, versions } = this.#options;
    for (const shard of needs.unmetBy(versions))
      this.#tell({ kind: 'needs', from: self, shard, needs: needs.of(shard) });
  }

  #learn(shard: Shard, versions: Versions): boolean {
    let news = false;
    for (const [type, version] of Object.entries(versions))
      news = this.#options.needs.raise(shard, type, version) || news;
    return news;
  }

  #allShards(): readonly Shard[] {
    return Array.from({ length: this.#options.state.shards }, (_, shard) => shard);
  }

  #tell(notice: Notice): void {
    try {
      this.#options.transport.publish(this.#subject, Buffer.from(JSON.stringify(notice)));
    } catch (fault) {
      this.#options.onFault(fault);
    }
  }

  #hear(body: Buffer): void {
    const notice = parsedNotice(body);
    if (notice === undefined || notice.from === this.#options.self) return;
    switch (notice.kind) {
      case 'joined':
        this.look();
        break;
      case 'draining':
        this.#draining.add(notice.from);
        break;
      case 'serving':
        this.#options.held.servedElsewhere(notice.shard);
        break;
      case 'needs':
        if (this.#learn(notice.shard, notice.needs)) this.look();
        break;
      case 'yielded':
        this.#learn(notice.shard, notice.needs);
        if (notice.to === this.#options.self) void this.#enqueue(() => this.#takeYielded(notice.shard));
        break;
    }
  }
}
