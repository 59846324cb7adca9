// Held shards
//
// The shards this node serves, and the steps by which it takes one and gives one up. It decides
// nothing: the caller has seen that a shard may be taken.
//
//   HS1  Nothing of a shard is read before its seal.
//   HS2  A taken shard is served once its subscription is in force and its timers, outboxes and
//        residents are under way.
//   HS3  A shard is given up in this order: take nothing more, let commits end, yield; what still
//        arrives is answered until the next owner serves.
//   HS4  What was sealed or was to be yielded, and then failed, is `unsettled`: the record may name
//        this node though it serves nothing. The caller looks again.
//   HS6  Whoever was answered by this node may ask it directly, about any shard: by its door, one
//        subject. What it does not serve it answers `elsewhere`.
//   HS5  A seal whose answer comes after `closeAll` was made under a lease that is over: the shard
//        is not served.
import type { ActorId } from './actor-id.ts';
import { type Answer, decodeRequest, encodeAnswer } from './envelope.ts';
import type { NodePorts } from './node-ports.ts';
import { Pulse } from './pulse.ts';
import { doorSubject, shardSubject } from './router.ts';
import { ServedShard } from './served-shard.ts';
import type { Epoch, Incarnation, Ownership, Shard } from './state-store.ts';
import { type Message, type Subscription, type Transport, TransportError } from './transport.ts';

export interface HeldShardsOptions {
  readonly ports: NodePorts;
  readonly namespace: string;
  /** Absent where no other node could ask. */
  readonly transport: Transport | undefined;
  /** Names this node's door. */
  readonly door: string;
  shardOf(id: ActorId): Shard;
  readonly residents: readonly { readonly id: ActorId; readonly shard: Shard }[];
  /** Whether some delay's policy asks when a shard was not served. */
  readonly keepsPulse: boolean;
  /** Another owner was seen. */
  readonly onLost: (shard: Shard) => void;
}

interface Held {
  readonly served: ServedShard;
  pulse: Pulse | undefined;
  subscription: { unsubscribe(): Promise<void> } | undefined;
}

/** Longer than any commit should take; one that has not ended by then is left to the next owner's fence. */
const QUIESCE_MS = 1_000;
/** The next owner says when it serves; this long it is waited for. */
const LINGER_MS = 500;

export class HeldShards {
  readonly #options: HeldShardsOptions;
  readonly #held = new Map<Shard, Held>();
  readonly #unsettled = new Set<Shard>();
  /** Rises with each `closeAll`. */
  #era = 0;
  #door: Promise<Subscription> | undefined;
  readonly #lingering = new Map<Shard, { readonly end: () => void; readonly ended: Promise<void> }>();

  constructor(options: HeldShardsOptions) {
    this.#options = options;
  }

  get(shard: Shard): ServedShard | undefined {
    return this.#held.get(shard)?.served;
  }

  all(): readonly Shard[] {
    return [...this.#held.keys()];
  }

  /** Seals and serves; `lost` when somebody else was faster. */
  async take(shard: Shard, by: Incarnation, expects: Ownership): Promise<'taken' | 'lost'> {
    if (this.#held.has(shard)) return 'taken';
    this.servedElsewhere(shard);
    const { ports } = this.#options;
    const era = this.#era;
    this.#unsettled.add(shard);
    const sealed = await ports.state.seal(shard, by, expects);
    if (sealed.kind === 'sealed') ports.counts.sealed(by, expects.incarnation);
    if (sealed.kind === 'sealed' && era === this.#era) return await this.#serve(shard, by, sealed.epoch);
    if (era === this.#era) this.#unsettled.delete(shard);
    return 'lost';
  }

  async #serve(shard: Shard, by: Incarnation, epoch: Epoch): Promise<'taken' | 'lost'> {
    const { ports } = this.#options;
    const served = new ServedShard(ports, { shard, by, epoch }, () => this.#lost(shard, served));
    const held: Held = { served, pulse: undefined, subscription: undefined };
    this.#held.set(shard, held);
    try {
      const pending = await ports.state.pending(shard, epoch);
      if (pending.kind === 'fenced') {
        served.fenced();
        return 'lost';
      }
      ports.storeClock.heard(pending.nowMs);
      await this.#feelPulse(held);
      await this.#subscribe(held);
      if (!served.isOpen) return 'lost';
      this.#unsettled.delete(shard);
      for (const { id, dueAtMs } of pending.timers) served.wakeAt(id, dueAtMs);
      // Through the timers too, which let them in a few at a time.
      for (const id of pending.outboxes) served.wakeAt(id, pending.nowMs);
      for (const resident of this.#options.residents) if (resident.shard === shard) served.wake(resident.id);
    } catch (fault) {
      // Sealed and not served: the next attempt seals anew over this node's own seal.
      this.#release(shard, held);
      throw fault;
    }
    return 'taken';
  }

  /** Gives a shard up in order. */
  async handOver(shard: Shard): Promise<void> {
    const held = this.#held.get(shard);
    if (held === undefined) return;
    const { ports } = this.#options;
    let patience: (() => void) | undefined;
    await Promise.race([
      held.served.quiesce(),
      new Promise<void>((resolve) => {
        patience = ports.clock.background(QUIESCE_MS, resolve);
      }),
    ]);
    patience?.();
    if (this.#held.get(shard) === held) this.#held.delete(shard);
    held.served.close();
    await held.pulse?.end();
    this.#linger(shard, held);
    this.#unsettled.add(shard);
    const era = this.#era;
    await ports.state.yield(shard, held.served.epoch);
    if (era === this.#era) this.#unsettled.delete(shard);
  }

  /** Shards that this node may own by the record, and does not serve. */
  unsettled(): readonly Shard[] {
    return [...this.#unsettled];
  }

  /** The record does not name this node, or not any more. */
  settled(shard: Shard): void {
    this.#unsettled.delete(shard);
  }

  /** The next owner serves the shard: nobody needs this node's answer any more. */
  servedElsewhere(shard: Shard): void {
    this.#lingering.get(shard)?.end();
  }

  /** Resolves when every shard that was handed over is served elsewhere, or has been waited for. */
  async lingered(): Promise<void> {
    await Promise.all([...this.#lingering.values()].map(({ ended }) => ended));
  }

  /** Stops serving everything at once; the next owner has to wait for this node's lease to lapse. */
  closeAll(): void {
    this.#era++;
    this.#unsettled.clear();
    for (const [shard, held] of [...this.#held]) this.#release(shard, held);
    for (const { end } of [...this.#lingering.values()]) end();
    this.#door?.then((door) => door.unsubscribe()).catch(this.#options.ports.onFault);
    this.#door = undefined;
  }

  async #feelPulse(held: Held): Promise<void> {
    const { ports, keepsPulse } = this.#options;
    if (!keepsPulse) return;
    const { state, storeClock, clock, onFault } = ports;
    const { served } = held;
    const pulse = await Pulse.of(
      { state, clock, storeNowMs: () => storeClock.nowMs(), onFault },
      served.shard,
      served.epoch,
    );
    served.windows = pulse.windows;
    if (this.#held.get(served.shard) === held) held.pulse = pulse;
    else pulse.stop();
  }

  async #subscribe(held: Held): Promise<void> {
    const { transport, namespace, door } = this.#options;
    if (transport === undefined) return;
    const { served } = held;
    this.#door ??= transport.subscribe(doorSubject(namespace, door), (message) => this.#direct(message));
    const opened = this.#door;
    try {
      await opened;
    } catch (fault) {
      // Another shard may have asked anew meanwhile.
      if (this.#door === opened) this.#door = undefined;
      throw fault;
    }
    const subscription = await transport.subscribe(shardSubject(namespace, served.shard), ({ body, respond }) => {
      const request = decodeRequest(body);
      if (request !== undefined) served.receive(request, answerer(respond, door));
    });
    if (this.#held.get(served.shard) === held) held.subscription = subscription;
    else await subscription.unsubscribe();
  }

  #direct({ body, respond }: Message): void {
    const request = decodeRequest(body);
    if (request === undefined) return;
    const served = this.get(this.#options.shardOf(request.id));
    if (served === undefined) respond?.(encodeAnswer({ kind: 'elsewhere' }));
    else served.receive(request, answerer(respond));
  }

  #lost(shard: Shard, served: ServedShard): void {
    const held = this.#held.get(shard);
    if (held?.served === served) this.#release(shard, held);
    this.#unsettled.delete(shard);
    this.#options.onLost(shard);
  }

  /**
   * What was sent to this node just before it gave the shard up still arrives: it is answered
   * `elsewhere`, where silence would cost its sender a second.
   */
  #linger(shard: Shard, { subscription }: Held): void {
    if (subscription === undefined) return;
    const { clock, onFault } = this.#options.ports;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      const cancel = clock.background(LINGER_MS, () => end());
      end = () => {
        cancel();
        this.#lingering.delete(shard);
        subscription.unsubscribe().catch(onFault);
        resolve();
      };
    });
    this.#lingering.set(shard, { end, ended });
  }

  #release(shard: Shard, held: Held): void {
    if (this.#held.get(shard) === held) this.#held.delete(shard);
    held.served.close();
    held.pulse?.stop();
    held.subscription?.unsubscribe().catch(this.#options.ports.onFault);
  }
}

function answerer(respond: Message['respond'], at?: string): (answer: Answer) => void {
  return (answer) => {
    try {
      respond?.(encodeAnswer(answer, at));
    } catch (fault) {
      if (!(fault instanceof TransportError)) throw fault;
      const applied = answer.kind === 'committed' ? 'unknown' : 'no';
      respond?.(encodeAnswer({ kind: 'fault', fault: { code: 'TOO_LARGE', message: fault.message, applied } }));
    }
  };
}
