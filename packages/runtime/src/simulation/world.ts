// World
//
// Nodes, services and faults under one time and one seed. A scenario moves it; what the plan of faults
// says happens by itself.
import { assert } from '@devmentor/locks';
import type { ActorType } from '../define-actor.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Fault } from './fault.ts';
import { History, type Sighting } from './history.ts';
import { Nemesis, type PlannedFault } from './nemesis.ts';
import type { Seen } from './seen.ts';
import type { LockServer, Servers, StateServer } from './servers.ts';
import { Services } from './services.ts';
import { SimNode, type StartProgram } from './sim-node.ts';
import { Stream } from './stream.ts';
import { type Chooser, VirtualTime } from './time.ts';
import { Trace } from './trace.ts';
import { type Network, Wire } from './wire.ts';

/** How a world is made. Every latency and time is in milliseconds of the world. */
export interface WorldOptions {
  /** A whole number from 0 on. Everything that is left to chance follows from it. */
  readonly seed: number;
  /** Without any, nodes have lock managers and no runtime that runs. */
  readonly actors?: readonly ActorType[];
  /** @default 3 */
  readonly nodes?: number;
  /** The plan; it begins when every node has started. @default none */
  readonly faults?: readonly Fault[];
  /** Shards of actors. @default 4 */
  readonly shards?: number;
  /** Of the runtimes of its nodes. */
  readonly limits?: Pick<RuntimeOptions, 'maxResident' | 'mail'>;
  /** What runs on each node beside its actors. */
  readonly program?: StartProgram;
  /** One way over a line. @default 0.2 to 1 ms */
  readonly latencyMs?: { readonly least: number; readonly most: number };
  /** After so long a call to a store is given up. @default 400 */
  readonly callTimeoutMs?: number;
  /** What the services stand on. @default the memory adapters */
  readonly services?: Servers;
  /** Decides instead of the seed which delivery is next. */
  readonly chooser?: Chooser;
}

/** The wall clock of the services at the beginning. */
const START_MS = 1_700_000_000_000;
const LONGEST_START_MS = 30_000;
const SETTLE_MS = 100;
/** Wall clocks of machines differ by up to so much, either way. */
const SKEW_MS = 500;

/**
 * Nodes, services and faults under one time and one seed. A scenario is handed one by `simulate` or `play`, and moves it
 * by waiting. A bug that a node ran into (`InvariantViolation`) is thrown by whatever moves the world next.
 */
export class World {
  readonly seed: number;
  readonly nodes: readonly SimNode[];
  readonly trace = new Trace();
  readonly history: History;
  /** Chance for the workload, which nothing else draws from. */
  readonly random: Stream;
  readonly #time: VirtualTime;
  readonly #services: Services;
  readonly #nemesis: Nemesis;
  #bug: { readonly thrown: unknown } | undefined;

  /** Every node has started, each shard is served, and the faults of the plan are yet to come. */
  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options);
    await world.#start(options);
    return world;
  }

  private constructor(options: WorldOptions) {
    const { seed, faults = [], nodes = 3, latencyMs = { least: 0.2, most: 1 } } = options;
    assert(Number.isSafeInteger(seed) && seed >= 0, 'a seed is a whole number from 0 on');
    this.seed = seed;
    this.random = new Stream(seed, 'workload');
    const ties = new Stream(seed, 'ties');
    const { chooser } = options;
    // How a world starts is not of interest.
    const choose = (width: number): number => (this.trace.isOn ? (chooser?.choose(width) ?? 0) : 0);
    this.#time = new VirtualTime(() => ties.random(), chooser && { windowMs: chooser.windowMs, choose });
    this.history = new History(() => this.#time.worldMs);
    this.#services = new Services(this.#time, {
      shards: options.shards ?? 4,
      wallMs: START_MS,
      servers: options.services,
    });
    let lastId = 0;
    const network: Network = {
      time: this.#time,
      trace: this.trace,
      newId: () => ++lastId,
      slowMs: { state: 0, log: 0, locks: 0 },
      leastMs: latencyMs.least,
      mostMs: latencyMs.most,
      callTimeoutMs: options.callTimeoutMs ?? 400,
    };
    const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`);
    const wires = names.map((name) => new Wire(name, network, new Stream(seed, `network of ${name}`)));
    this.nodes = wires.map((wire, number) => {
      const clocks = new Stream(seed, `clocks of ${wire.node}`);
      const drift = faults.find((fault) => fault.kind === 'drift' && fault.node === number);
      const ppm = drift?.kind === 'drift' ? drift.ppm : 0;
      return new SimNode({
        number,
        seed,
        actors: options.actors ?? [],
        limits: options.limits ?? {},
        program: options.program,
        wire,
        services: this.#services,
        history: this.history,
        oscillator: {
          originMs: clocks.int(1_000_000),
          wallMs: START_MS + clocks.int(2 * SKEW_MS) - SKEW_MS,
          rate: 1 + ppm / 1_000_000,
          sleptMs: 0,
        },
        onBug: (bug) => this.#broke(bug),
      });
    });
    this.#nemesis = new Nemesis({ network, nodes: this.nodes, wires, services: this.#services });
  }

  /** Milliseconds since the scenario began. */
  get nowMs(): number {
    return this.#time.worldMs;
  }

  /** Things that happened: timers that rang and messages that came. */
  get events(): number {
    return this.#time.turns;
  }

  /** The plan, and what of it has struck so far. */
  get faults(): readonly PlannedFault[] {
    return this.#nemesis.faults;
  }

  /** The stores themselves, behind every line and fault: for checks of how it ended. */
  get stores(): StateServer & LockServer {
    return { ...this.#services.state.store, ...this.#services.locks.store };
  }

  /** What is to be judged. */
  seen(): Seen {
    return {
      ...this.stores,
      seed: this.seed,
      history: this.history,
      trace: this.trace.entries,
      faults: this.faults,
      endMs: this.nowMs,
      events: this.events,
    };
  }

  /** The node of a number, from 0. */
  node(number: number): SimNode {
    const node = this.nodes[number];
    assert(node !== undefined, `there are ${this.nodes.length} nodes, numbered from 0`);
    return node;
  }

  /** Lets so many milliseconds of the world pass, or 0: what is due now happens. */
  async advance(ms: number): Promise<void> {
    await this.#time.advance(ms);
    this.#assertWhole();
  }

  /** Lets time pass until the promise has settled; rejects when that takes longer than `atMostMs`. */
  async run<T>(promise: Promise<T>, atMostMs = 60_000): Promise<T> {
    const settled = await this.#time.run(promise, atMostMs);
    this.#assertWhole();
    return settled;
  }

  /** Time stands still until something that is not of this world, a real server for one, has answered. */
  outside<T>(promise: Promise<T>): Promise<T> {
    return this.#time.outside(promise);
  }

  /** A remark for the trace. */
  note(label: string): void {
    this.trace.add({ kind: 'note', atMs: this.nowMs, node: 'world', label });
  }

  /** Something that was seen at a place that clients do not see. */
  saw(node: SimNode | 'world', sighting: Sighting): void {
    this.history.saw(node === 'world' ? node : node.name, sighting);
  }

  /** Has a fault happen that no plan foresaw; its times and counts start now. */
  inflict(fault: Fault): void {
    this.#nemesis.arm(fault);
  }

  /** Ends every fault, and starts what is down. What was on its way late still comes. */
  heal(): void {
    this.#nemesis.end();
    for (const node of this.nodes) {
      node.resume();
      node.restart();
    }
    this.trace.add({ kind: 'fault', atMs: this.nowMs, node: 'world', label: 'all faults end' });
    this.history.saw('world', { kind: 'healed' });
  }

  /** Nothing happens here any more. */
  end(): void {
    for (const node of this.nodes) node.end();
    this.#services.end();
    this.#time.end();
  }

  async #start(options: WorldOptions): Promise<void> {
    await this.run(Promise.all(this.nodes.map((node) => node.start())), LONGEST_START_MS);
    if ((options.actors ?? []).length > 0) await this.#settled();
    this.#time.begin();
    this.trace.isOn = true;
    for (const fault of options.faults ?? []) this.#nemesis.arm(fault);
  }

  /** Each shard is served, and by the same node for a while: nobody is about to hand one on. */
  async #settled(): Promise<void> {
    let before = '';
    for (let waitedMs = 0; waitedMs < LONGEST_START_MS; waitedMs += SETTLE_MS) {
      const served = this.nodes.map(({ runtime }) => [...runtime.shards()].sort((a, b) => a - b).join(' ')).join(', ');
      const count = this.nodes.reduce((sum, { runtime }) => sum + runtime.shards().length, 0);
      if (count === this.#services.shards && served === before) return;
      before = served;
      await this.advance(SETTLE_MS);
    }
    throw new Error(`not every shard was served within ${LONGEST_START_MS} ms`);
  }

  #broke(bug: unknown): void {
    this.#bug ??= { thrown: bug };
  }

  #assertWhole(): void {
    if (this.#bug !== undefined) throw this.#bug.thrown;
  }
}
