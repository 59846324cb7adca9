// Simulated node
//
// One machine of a world, and the process that runs on it for now, wired as the product wires itself:
// `createRuntime` over ports, a lock manager over a store. A restart is a new process: nothing of the old
// one is left but what it had stored.
import {
  assert,
  type Clock,
  CoordinationError,
  type Entropy,
  InvariantViolation,
  type LeaseStore,
  Locks,
} from '@devmentor/locks';
import type { ActorType } from '../define-actor.ts';
import type { LogStore } from '../log-store.ts';
import type { RecordStore } from '../record-store.ts';
import { createRuntime, type Runtime, type RuntimeOptions } from '../runtime.ts';
import type { StateStore } from '../state-store.ts';
import type { Transport } from '../transport.ts';
import { BusLine } from './bus-line.ts';
import { CallLine } from './call-line.ts';
import type { History, Outcome, Pending } from './history.ts';
import { type Oscillator, Process } from './process.ts';
import type { Services } from './services.ts';
import { leaseLine, logLine, permitLine, recordLine, stateLine } from './store-lines.ts';
import { Stream } from './stream.ts';
import type { Wire } from './wire.ts';

/** What a node is made of, for parts of one's own: over them they suffer what the node suffers. */
export interface SimPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly state: StateStore;
  readonly log: LogStore;
  readonly records: RecordStore;
  readonly leases: LeaseStore;
  readonly transport: Transport;
  /** Anything else that is kept where the state is: `work` is done there, as one write or reading. */
  at<T>(label: string, work: () => T): Promise<T>;
}

/** Code that lives on a node beside its actors. */
export interface Program {
  /** Called at an orderly end; a crash calls nothing. */
  stop(): void | Promise<void>;
}

/** Started with each process of a node, and anew after each restart. */
export type StartProgram = (node: SimNode) => Program | undefined | Promise<Program | undefined>;

/** What a client asks. */
export interface Asked<In> {
  /** A word for the trace. */
  readonly op: string;
  /** The object it is about; each is judged by itself. */
  readonly key: string;
  readonly input: In;
  /** Who asks, one thing after another. @default somebody new */
  readonly process?: string;
}

export interface SimNodeOptions {
  readonly number: number;
  readonly seed: number;
  readonly actors: readonly ActorType[];
  readonly limits: Pick<RuntimeOptions, 'maxResident' | 'mail'>;
  readonly program: StartProgram | undefined;
  readonly wire: Wire;
  readonly services: Services;
  readonly history: History;
  readonly oscillator: Oscillator;
  /** It is broken, and nothing of the world's doing. */
  readonly onBug: (bug: unknown) => void;
}

/** A process, with all that ends with it. */
interface Incarnation {
  readonly process: Process;
  readonly bus: BusLine;
  readonly ports: SimPorts;
  readonly locks: Locks;
  readonly runtime: Runtime;
  /** Its program's, once that runs. */
  program: Program | undefined;
  state: 'starting' | 'up' | 'down';
}

const START_AGAIN_MS = 250;

/**
 * A machine of the world, and the process that runs on it now. `runtime`, `locks`, `ports` and `program` are those of
 * the present process: after a restart they are new ones, so they are not to be kept.
 */
export class SimNode {
  /** As traces call it: `n1` is the first. */
  readonly name: string;
  /** From 0. */
  readonly number: number;
  readonly #options: SimNodeOptions;
  #incarnations = 0;
  #now: Incarnation;
  /** What its clients wait for. */
  readonly #asked = new Map<Pending<unknown>, () => void>();
  #askers = 0;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.number = options.number;
    this.name = options.wire.node;
    this.#now = this.#build();
  }

  /** It runs only where the world has actors. */
  get runtime(): Runtime {
    return this.#now.runtime;
  }

  get locks(): Locks {
    return this.#now.locks;
  }

  get ports(): SimPorts {
    return this.#now.ports;
  }

  /** What `program` of the world gave for this process, once it has started. */
  get program(): Program | undefined {
    return this.#now.program;
  }

  /** Its process has started and was not killed; it may be stalled. */
  get isUp(): boolean {
    return this.#now.state === 'up';
  }

  /** Its process was killed or has left, and there is no other yet. */
  get isDown(): boolean {
    return this.#now.state === 'down';
  }

  /** It stands still, or its machine sleeps. */
  get isStalled(): boolean {
    return this.#now.process.state === 'stalled';
  }

  /** Moments at which something left or reached it, over all its processes. */
  get crossings(): number {
    return this.#options.wire.crossings;
  }

  /**
   * Has a client on this node ask for something; in the history, and in the trace.
   *
   * A fault that says `applied: 'no'` is `failed`, any other `unknown`; so is, at once, what a crash cuts off.
   */
  perform<In, Out>(asked: Asked<In>, work: (node: SimNode) => Promise<Out>): Promise<Outcome<Out>> {
    const { history, wire } = this.#options;
    const { time, trace } = wire.network;
    const process = asked.process ?? `${this.name}#${++this.#askers}`;
    const pending = history.invoke<In, Out>({ process, node: this.name, key: asked.key, input: asked.input });
    const { id } = pending;
    const { op, key } = asked;
    trace.add({ kind: 'call', atMs: time.worldMs, node: this.name, id, op, key, detail: detail(asked.input) });
    return new Promise((resolve) => {
      const settle = (outcome: Outcome<Out>, said: string): void => {
        if (!this.#asked.delete(pending)) return;
        if (outcome.kind === 'ok') pending.ok(outcome.value);
        else pending[outcome.kind]();
        trace.add({ kind: 'return', atMs: time.worldMs, node: this.name, id, outcome: said });
        resolve(outcome);
      };
      this.#asked.set(pending, () => settle({ kind: 'unknown' }, 'unknown: the node crashed'));
      if (this.#now.state !== 'up') return settle({ kind: 'failed' }, 'failed: the node is down');
      const failed = (fault: unknown): void => {
        if (fault instanceof InvariantViolation) this.#options.onBug(fault);
        const kind = fault instanceof CoordinationError && fault.applied === 'no' ? 'failed' : 'unknown';
        settle({ kind }, `${kind}: ${nameOf(fault)}`);
      };
      // On a node that stands still a client stands still too.
      this.#now.process.pass(() => {
        work(this).then((value) => settle({ kind: 'ok', value }, `ok ${detail(value)}`), failed);
      });
    });
  }

  /** Settles when it is up. */
  async start(): Promise<void> {
    const now = this.#now;
    const { actors, program } = this.#options;
    try {
      await now.locks.open();
      if (actors.length > 0) await now.runtime.start();
      if (now.state === 'down') return;
      // Up before its program, which may ask it for something.
      now.state = 'up';
      now.program = await program?.(this);
    } catch (fault) {
      if (fault instanceof InvariantViolation) return this.#options.onBug(fault);
      if (now.process.state === 'dead') return;
      this.#note(`${this.name} could not start: ${nameOf(fault)}`);
      this.#end();
      const { time } = this.#options.wire.network;
      time.at(time.nowMs + START_AGAIN_MS, () => this.restart());
    }
  }

  /** As SIGTERM: its program stops, its shards are handed over, and then the process ends. */
  async leave(): Promise<void> {
    const now = this.#now;
    if (now.state !== 'up') return;
    this.#note(`${this.name} leaves`);
    const orderly = async (): Promise<void> => {
      await now.program?.stop();
      if (this.#options.actors.length > 0) await now.runtime.drain();
      await now.locks.close();
    };
    // A crash meanwhile ends it too.
    const died = new Promise<void>((resolve) => void now.process.onDeath(resolve));
    await Promise.race([orderly(), died]).catch((fault: unknown) => this.#lived(now.process, fault));
    if (this.#now === now) this.end();
  }

  /** As kill -9. Nothing, when it is down. */
  crash(): void {
    if (this.#now.state === 'down') return;
    this.#fault(`${this.name} crashes`);
    this.#end();
  }

  /** A new process, where there is none. */
  restart(): void {
    if (this.#now.state !== 'down') return;
    this.#note(`${this.name} starts again`);
    this.#now = this.#build();
    this.start().catch(this.#options.onBug);
  }

  /** As SIGSTOP. */
  stall(): void {
    if (this.#now.process.state !== 'open') return;
    this.#fault(`${this.name} stands still`);
    this.#now.process.stall();
  }

  /** As SIGCONT. @param slept its machine was asleep meanwhile, monotonic clock and all */
  resume(slept = false): void {
    if (this.#now.process.state !== 'stalled') return;
    this.#note(`${this.name} goes on`);
    this.#now.process.resume(slept);
  }

  /** Its wall clock is set, ahead or back. */
  jumpWall(byMs: number): void {
    this.#options.oscillator.wallMs += byMs;
  }

  /** Its connection to the bus breaks, and both ends know. */
  disconnect(): void {
    this.#now.bus.disconnect();
  }

  /** It has a connection to the bus again. */
  reconnect(): void {
    this.#now.bus.reconnect();
  }

  /** Its end of the world: no trace of it is left but what it stored. */
  end(): void {
    if (this.#now.state !== 'down') this.#end();
  }

  #end(): void {
    this.#now.state = 'down';
    this.#now.process.kill();
    for (const cutOff of [...this.#asked.values()]) cutOff();
  }

  #build(): Incarnation {
    const { actors, limits, wire, services, oscillator, seed } = this.#options;
    const { time, callTimeoutMs } = wire.network;
    this.#incarnations += 1;
    const process = new Process(time, oscillator);
    const entropy = new Stream(seed, `${this.name} process ${this.#incarnations}`);
    const bus = new BusLine(wire, process, services.bus.connect());
    const [stateCalls, logCalls, lockCalls] = (['state', 'log', 'locks'] as const).map(
      (service) => new CallLine(wire, process, service),
    );
    assert(
      stateCalls !== undefined && logCalls !== undefined && lockCalls !== undefined,
      'three services, three lines',
    );
    const ports: SimPorts = {
      clock: process,
      entropy,
      state: stateLine(stateCalls, services),
      log: logLine(logCalls, services),
      records: recordLine(stateCalls, services),
      leases: leaseLine(lockCalls, services, callTimeoutMs),
      transport: bus,
      at: (label, work) => stateCalls.call(label, async () => work()),
    };
    const permits = permitLine(lockCalls, services);
    const locks = new Locks(ports.leases, { clock: process, entropy, permits });
    const runtime = createRuntime({
      ...limits,
      actors,
      clock: process,
      entropy,
      locks,
      state: ports.state,
      transport: bus,
      node: { id: this.name },
      onFault: (fault) => this.#lived(process, fault),
      onDeadLetter: (letter) => this.#note(`${this.name} dead letter to ${letter.to}: ${letter.why}`),
      onWarning: () => {},
    });
    return { process, bus, ports, locks, runtime, program: undefined, state: 'starting' };
  }

  #lived(process: Process, fault: unknown): void {
    if (process.state === 'dead') return;
    if (fault instanceof InvariantViolation) this.#options.onBug(fault);
    this.#note(`${this.name} lives with ${nameOf(fault)}`);
  }

  #note(label: string): void {
    const { time, trace } = this.#options.wire.network;
    trace.add({ kind: 'note', atMs: time.worldMs, node: this.name, label });
  }

  #fault(label: string): void {
    const { time, trace } = this.#options.wire.network;
    trace.add({ kind: 'fault', atMs: time.worldMs, node: this.name, label });
  }
}

function nameOf(fault: unknown): string {
  if (fault instanceof CoordinationError) return `${fault.code} ${fault.message}`;
  return fault instanceof Error ? `${fault.name} ${fault.message}` : String(fault);
}

function detail(value: unknown): string {
  return value === undefined ? '' : (JSON.stringify(value) ?? '');
}
