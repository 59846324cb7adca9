// Node: wiring only. Ports in; references, start, drain and stop out.
import { assert, type Clock, type Entropy, type JsonObject, systemClock, systemEntropy } from '@devmentor/locks';
import type { Activation, ActivationKind } from './activation.ts';
import { type ActorId, formatActorId, parseActorId, shardOf } from './actor-id.ts';
import type { ActorRef } from './actor-ref.ts';
import { Admin } from './admin.ts';
import { ClusterSeat } from './cluster-seat.ts';
import { NodeCounts, TypeCounts } from './counts.ts';
import { DeadLetterOffice } from './dead-letter-office.ts';
import type { ActorType, ActorTypes } from './define-actor.ts';
import type { EventData } from './effect.ts';
import type { Answer } from './envelope.ts';
import { ActorError, faultFrom } from './errors.ts';
import { explained } from './finding.ts';
import { HeldShards } from './held-shards.ts';
import { Hints } from './hints.ts';
import { InspectionFeed } from './inspection-feed.ts';
import { type InspectionEvent, type InspectionOptions, pageOf, StepViewers } from './inspection-stream.ts';
import { xstateDriver } from './machine-driver.xstate5.ts';
import { MailLoad } from './mail-load.ts';
import type { NodePorts } from './node-ports.ts';
import { Residents } from './passivation.ts';
import { PumpQueue } from './pump-queue.ts';
import { keyed, Reference, type ReferencePorts } from './reference.ts';
import type { Ask } from './remote-ask.ts';
import { Router } from './router.ts';
import type { NodeView, Runtime, RuntimeOptions } from './runtime.ts';
import { CountedMetrics } from './runtime-metrics.ts';
import { Sender } from './sender.ts';
import { ShardNeeds, type Versions } from './shard-needs.ts';
import { SoloSeat } from './solo-seat.ts';
import { MemoryStateStore } from './state-store.memory.ts';
import type { Incarnation, Json, OutboxRow, Shard, StateStore } from './state-store.ts';
import { StoreClock } from './store-clock.ts';
import { Timers } from './timers.ts';
import { openTelemetry } from './tracing.otel.ts';
import type { Tracing } from './tracing.ts';
import { MemoryBus } from './transport.memory.ts';
import type { Transport } from './transport.ts';
import { TypeBreaker } from './type-breaker.ts';

type Kinds = ReadonlyMap<string, ActivationKind>;

const OWED_DEADLINE_MS = 10_000;
const LARGEST_VERSIONS = 2_048;

export class Node implements Runtime {
  readonly #options: RuntimeOptions;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #state: StateStore;
  readonly #transport: Transport;
  readonly #kinds: Kinds;
  readonly #feed: InspectionFeed | undefined;
  readonly #viewers = new StepViewers();
  readonly #needs = new ShardNeeds();
  readonly #breaker = new TypeBreaker();
  readonly #counts = new NodeCounts();
  readonly #mailLoad: MailLoad;
  readonly #storeClock: StoreClock;
  readonly #residents: Residents<Activation>;
  readonly #timers: Timers;
  readonly #held: HeldShards;
  readonly #seat: ClusterSeat | SoloSeat;
  readonly #router: Router;
  readonly #references: ReferencePorts;
  readonly admin: Admin;
  readonly metrics: CountedMetrics;
  #running: 'new' | 'starting' | 'started' | 'draining' | 'stopped' = 'new';
  #sweep: (() => void) | undefined;
  #tracing: Tracing | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#entropy = options.entropy ?? systemEntropy;
    const isInspected = (): boolean => this.#feed !== undefined || !this.#viewers.isEmpty;
    this.#kinds = kindsOf([...options.actors, DeadLetterOffice], isInspected);
    this.#mailLoad = new MailLoad({ messages: 100_000, bytes: 64 * 1024 * 1024, ...options.mail });
    this.#storeClock = new StoreClock(this.#clock);
    reportWarnings(options);
    this.#feed = options.inspect && new InspectionFeed(options.inspect);
    this.#state = options.state ?? new MemoryStateStore({ clock: this.#clock });
    this.#transport = options.transport ?? new MemoryBus(this.#clock).connect();
    this.#timers = new Timers(this.#clock, this.#entropy, (id) =>
      this.#held.get(shardOf(id, this.#state.shards))?.ring(id),
    );
    this.#residents = new Residents(options.maxResident ?? 100_000);
    const namespace = options.namespace ?? 'devmentor';
    const hints = new Hints(this.#transport, namespace);
    this.#held = new HeldShards({
      ports: this.#ports(hints),
      namespace,
      transport: options.transport,
      door: this.#entropy.id(),
      shardOf: (id) => this.#router.shardOf(id),
      residents: this.#alwaysActive(),
      keepsPulse: options.actors.some(({ behavior }) => Object.keys(behavior.delays).length > 0),
      onLost: () => this.#seat.look(),
    });
    this.#seat = this.#seatFor(namespace);
    this.#router = new Router({
      clock: this.#clock,
      entropy: this.#entropy,
      namespace,
      shards: this.#state.shards,
      transport: this.#transport,
      served: (shard) => this.#held.get(shard),
    });
    this.#references = {
      router: this.#router,
      sender: new Sender(this.#entropy.id()),
      hints,
      state: this.#state,
      tracing: () => this.#tracing,
      assertRunning: () => this.#assertRunning(),
      onFault: (fault) => this.#options.onFault?.(fault),
    };
    this.admin = new Admin({
      router: this.#router,
      office: (key) => this.actor(DeadLetterOffice, key),
      residents: (most) => this.#residents.last(most).map((activation) => activation.inspect()),
      actors: (query) => pageOf(this.#residents.all(), query),
      assertRunning: () => this.#assertRunning(),
      newId: () => this.#entropy.id(),
    });
    this.metrics = new CountedMetrics({
      types: this.#kinds,
      node: this.#counts,
      residents: () => this.#residents.all(),
      storeNowMs: () => this.#storeClock.nowMs(),
      heldMs: (type) => this.#breaker.heldMs(type, this.#clock.nowMs()),
      present: () => ({
        shards: this.#held.all().length,
        mail: { messages: this.#mailLoad.messages, bytes: this.#mailLoad.bytes },
        leaseMarginMs: this.#seat.leaseMarginMs,
      }),
    });
  }

  get state(): Runtime['state'] {
    if (this.#running !== 'started') return this.#running;
    return this.#seat.isInside ? 'serving' : 'isolated';
  }

  get incarnation(): Incarnation {
    return this.#seat.incarnation;
  }

  nodes(): readonly NodeView[] {
    return [...this.#seat.members.values()].map(({ incarnation, address, version }) => ({
      incarnation,
      self: incarnation === this.incarnation,
      ...(address === undefined ? {} : { address }),
      ...(version === undefined ? {} : { version }),
    }));
  }

  shards(): readonly Shard[] {
    return this.#held.all();
  }

  async start(): Promise<void> {
    if (this.#running !== 'new') throw new ActorError('NOT_RUNNING', 'A runtime starts once', { applied: 'no' });
    this.#running = 'starting';
    this.#tracing = this.#options.tracer && (await openTelemetry(this.#options.tracer));
    await this.#state.open();
    await this.#seat.start();
    this.#running = 'started';
  }

  async drain(): Promise<void> {
    if (this.#running !== 'started') return await this.stop();
    this.#running = 'draining';
    await this.#seat.drain();
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#running = 'stopped';
    this.#viewers.close();
    this.#sweep?.();
    await this.#seat.stop();
    this.#timers.clear();
    if (this.#options.transport === undefined) await this.#transport.close();
    if (this.#options.state === undefined) await this.#state.close();
  }

  actor<Types extends ActorTypes>(type: ActorType<string, Types>, key: string): ActorRef<Types> {
    return new Reference<Types>(this.#references, type, formatActorId(type.type, key));
  }

  inspect(options: InspectionOptions = {}): AsyncIterable<InspectionEvent> {
    return this.#viewers.watch(options, (query) => this.admin.actors(query));
  }

  #assertRunning(): void {
    if (this.#running !== 'started' && this.#running !== 'draining') {
      throw new ActorError('NOT_RUNNING', `The runtime is ${this.#running}`, { applied: 'no' });
    }
  }

  #seatFor(namespace: string): ClusterSeat | SoloSeat {
    const { locks, transport, node } = this.#options;
    const common = {
      clock: this.#clock,
      entropy: this.#entropy,
      state: this.#state,
      held: this.#held,
      nodeId: nodeId(node?.id),
      onFault: (fault: unknown) => this.#options.onFault?.(fault),
    };
    if (locks === undefined && transport === undefined) return new SoloSeat(common);
    if (locks === undefined || transport === undefined || this.#options.state === undefined) {
      throw new ActorError(
        'RUNTIME_CONFIG',
        'A cluster needs locks, state and transport together; a single node takes neither locks nor transport',
        { applied: 'no' },
      );
    }
    const versions: Versions = Object.fromEntries(
      [...this.#kinds].map(([type, { behavior }]) => [type, behavior.version]),
    );
    const meta: JsonObject = {
      ...node?.meta,
      // A node with more types than fit into its lease is taken for one that can run them all.
      ...(JSON.stringify(versions).length > LARGEST_VERSIONS ? {} : { versions }),
      ...(node?.address === undefined ? {} : { address: node.address }),
      ...(node?.version === undefined ? {} : { version: node.version }),
    };
    return new ClusterSeat({
      ...common,
      locks,
      transport,
      namespace,
      meta,
      versions,
      needs: this.#needs,
      counts: this.#counts,
    });
  }

  #ports(hints: Hints): NodePorts {
    return {
      clock: this.#clock,
      entropy: this.#entropy,
      state: this.#state,
      storeClock: this.#storeClock,
      timers: this.#timers,
      pumps: new PumpQueue(),
      residents: this.#residents,
      hints,
      feed: this.#feed,
      viewers: this.#viewers,
      mailLoad: this.#mailLoad,
      breaker: this.#breaker,
      tracing: () => this.#tracing,
      counts: this.#counts,
      isCertain: (by) => by === this.#seat.incarnation && this.#seat.certain,
      serves: (shard, type, version) => void this.#needs.raise(shard, type, version),
      lacks: (shard, type, version) => this.#seat.lacks(shard, type, version),
      kindOf: (id) => this.#kindOf(id),
      deliverOwed: (from, row, signal) => this.#deliverOwed(from, row, signal),
      tellOnce: (row) => this.#tellOnce(row),
      ask: (question, under) => this.#ask(question, under),
      onUsed: () => this.#sweepLater(),
      onDeadLetter: (letter) => this.#options.onDeadLetter?.(letter),
      onFault: (fault) => this.#options.onFault?.(fault),
      onLog: (actor, { label, value }) => this.#options.onLog?.({ actor, label, value }),
    };
  }

  #kindOf(id: ActorId): ActivationKind | undefined {
    const address = parseActorId(id);
    return address && this.#kinds.get(address.type);
  }

  #deliverOwed(from: ActorId, row: Parameters<NodePorts['deliverOwed']>[1], signal: AbortSignal): Promise<Answer> {
    // Sent perhaps before by an earlier owner of the sender, so always `again`. What came before
    // is settled, since an outbox is relayed one by one: the floor is the number itself.
    return this.#router.call(
      {
        op: 'deliver',
        id: row.to,
        event: row.event,
        again: true,
        numbered: () => ({ sender: from, n: row.n, floor: row.n }),
        ...tracedBy(row),
      },
      { deadlineMs: OWED_DEADLINE_MS, signal },
    );
  }

  async #ask(...[{ to, key, event, deadlineMs }, { dedup, signal, ...traced }]: Parameters<Ask>): Promise<Json> {
    const id = formatActorId(to, key);
    const answer = await this.#router.call(
      { op: 'deliver', id, event, asks: true, again: true, numbered: () => keyed(dedup), ...traced },
      { deadlineMs: deadlineMs ?? OWED_DEADLINE_MS, signal },
    );
    if (answer.kind === 'fault') throw faultFrom(answer.fault, id);
    return answer.kind === 'committed' ? (answer.reply ?? null) : null;
  }

  #tellOnce({ to, event, traceparent }: OutboxRow): void {
    try {
      const message = { op: 'deliver' as const, id: to, event: event as object as EventData };
      this.#router.post({ ...message, ...tracedBy({ traceparent }) }, OWED_DEADLINE_MS);
    } catch (fault) {
      this.#options.onFault?.(fault);
    }
  }

  #alwaysActive(): { readonly id: ActorId; readonly shard: Shard }[] {
    return this.#options.actors.flatMap(({ type, behavior }) =>
      behavior.resident.map((key) => {
        const id = formatActorId(type, key);
        return { id, shard: shardOf(id, this.#state.shards) };
      }),
    );
  }

  /** One look at who is idle, armed while anybody is in memory. */
  #sweepLater(): void {
    if (this.#sweep !== undefined || this.#running === 'stopped') return;
    const shortestMs = Math.min(...this.#options.actors.map(({ behavior }) => behavior.idleMs));
    const pauseMs = Math.min(10_000, Math.max(10, shortestMs / 2));
    const dueMs = this.#clock.nowMs() + pauseMs;
    this.#sweep = this.#clock.background(pauseMs, () => {
      this.#sweep = undefined;
      this.#counts.stall.add(this.#clock.nowMs() - dueMs);
      for (const idle of this.#residents.idle(this.#clock.nowMs())) idle.passivate();
      if (this.#residents.size > 0) this.#sweepLater();
    });
  }
}

function tracedBy({ traceparent }: { readonly traceparent?: string | undefined }): { readonly traceparent?: string } {
  return traceparent === undefined ? {} : { traceparent };
}

function reportWarnings({ actors, onWarning }: RuntimeOptions): void {
  for (const { type, behavior } of actors)
    for (const warning of behavior.warnings) {
      if (onWarning !== undefined) onWarning({ type, ...warning });
      else console.warn(`actor '${type}', ${explained(warning)} (${warning.rule})`);
    }
}

function kindsOf(actors: readonly ActorType[], isInspected: () => boolean): Kinds {
  const kinds = new Map<string, ActivationKind>();
  for (const { type, behavior } of actors) {
    if (kinds.has(type))
      throw new ActorError('RUNTIME_CONFIG', `Two actor types are named '${type}'`, { applied: 'no' });
    kinds.set(type, { behavior, driver: xstateDriver(behavior.machine), isInspected, counts: new TypeCounts() });
  }
  return kinds;
}

function nodeId(id: string | undefined): string {
  if (id === undefined) return 'node';
  assert(/^[A-Za-z0-9_-]{1,64}$/.test(id), 'a node id is 1 to 64 letters, digits, _ and -');
  return id;
}
