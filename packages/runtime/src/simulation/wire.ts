// Wire
//
// What befalls everything that one node sends and hears. It outlives the node's processes: the n-th
// message of a node is counted over its restarts.
import type { Fault, Line } from './fault.ts';
import type { Stream } from './stream.ts';
import type { DeliveryLane, VirtualTime } from './time.ts';
import type { Trace } from './trace.ts';

export type MessageFault = Extract<Fault, { readonly kind: 'message' }>;
export type CallFault = Extract<Fault, { readonly kind: 'call' }>;
export type Way = 'in' | 'out';
export type Service = Exclude<Line, 'bus'>;

/** What all wires of a world share. */
export interface Network {
  readonly time: VirtualTime;
  readonly trace: Trace;
  /** Names what crosses a line, in the trace. */
  newId(): number;
  /** How much longer a service takes for now. */
  readonly slowMs: Record<Service, number>;
  readonly leastMs: number;
  readonly mostMs: number;
  /** After so long a caller gives up. */
  readonly callTimeoutMs: number;
}

export class Wire {
  readonly node: string;
  readonly network: Network;
  /** Moments at which something leaves this node, or reaches it. */
  crossings = 0;
  readonly #latency: Stream;
  readonly #cuts = new Map<string, number>();
  readonly #counts = { bus: 0, state: 0, log: 0, locks: 0 };
  readonly #crashes = new Map<number, () => void>();
  readonly #messages = new Map<number, { readonly fault: MessageFault; readonly strike: () => void }>();
  readonly #calls = new Map<string, { readonly fault: CallFault; readonly strike: () => void }>();

  constructor(node: string, network: Network, latency: Stream) {
    this.node = node;
    this.network = network;
    this.#latency = latency;
  }

  /** One way over a line, in milliseconds. */
  latencyMs(): number {
    const { leastMs, mostMs } = this.network;
    return leastMs + this.#latency.random() * (mostMs - leastMs);
  }

  isCut(line: Line, way: Way): boolean {
    return this.#cuts.size > 0 && (this.#cuts.get(`${line} ${way}`) ?? 0) > 0;
  }

  cut(line: Line, way: Way): void {
    this.#cuts.set(`${line} ${way}`, (this.#cuts.get(`${line} ${way}`) ?? 0) + 1);
  }

  mend(line: Line, way: Way): void {
    const left = (this.#cuts.get(`${line} ${way}`) ?? 0) - 1;
    if (left > 0) this.#cuts.set(`${line} ${way}`, left);
    else this.#cuts.delete(`${line} ${way}`);
  }

  plan(fault: MessageFault | CallFault, strike: () => void): void {
    if (fault.kind === 'message') this.#messages.set(this.#counts.bus + fault.nth, { fault, strike });
    else this.#calls.set(`${fault.line} ${this.#counts[fault.line] + fault.nth}`, { fault, strike });
  }

  /** The node dies when so many more moments have come. */
  crashAt(crossing: number, crash: () => void): void {
    this.#crashes.set(this.crossings + crossing, crash);
  }

  /** No count has consequences any more. */
  heal(): void {
    this.#crashes.clear();
    this.#messages.clear();
    this.#calls.clear();
  }

  /** One more moment. Whoever calls looks afterwards whether the process still runs. */
  cross(): void {
    this.crossings += 1;
    if (this.#crashes.size > 0) this.#crashes.get(this.crossings)?.();
  }

  nextMessage(): MessageFault | undefined {
    this.#counts.bus += 1;
    const planned = this.#messages.get(this.#counts.bus);
    planned?.strike();
    return planned?.fault;
  }

  nextCall(service: Service): CallFault['what'] | undefined {
    this.#counts[service] += 1;
    if (this.#calls.size === 0) return undefined;
    const planned = this.#calls.get(`${service} ${this.#counts[service]}`);
    planned?.strike();
    return planned?.fault.what;
  }
}

/** One direction of one connection: what enters it first comes out first, unless a fault says otherwise. */
export class Lane implements DeliveryLane {
  readonly to: string;
  readonly #wire: Wire;
  #freeMs = Number.NEGATIVE_INFINITY;

  constructor(wire: Wire, to: string) {
    this.#wire = wire;
    this.to = to;
  }

  /** When what enters now comes out. */
  dueMs(moreMs = 0): number {
    this.#freeMs = Math.max(this.#freeMs + 0.001, this.#wire.network.time.nowMs + this.#wire.latencyMs() + moreMs);
    return this.#freeMs;
  }

  /** Has it come out in its turn. */
  deliver(run: () => void): void {
    this.#wire.network.time.deliver(this.dueMs(), this, run);
  }

  /** Has it come out later than it should; it waits for nothing before it, and nothing waits for it. */
  deliverLate(byMs: number, run: () => void): void {
    const { time } = this.#wire.network;
    time.deliver(time.nowMs + this.#wire.latencyMs() + byMs, { to: this.to }, run);
  }
}
