// Fault proxy
//
// Stands between a client and its server on loopback, and does to their connections what
// networks do.
//
//   FP1  Without a fault every byte passes, in order.
//   FP2  A scripted fault meets exactly one request, the first that matches after it was set.
//   FP3  What is held back is handed on later, in order, as a network that heals would; what is
//        lost takes its connection with it.
//   FP4  When `close` resolves, no socket and no timer of the proxy is left.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from './clock.system.ts';
import type { Clock, Unsubscribe } from './clock.ts';
import { type Entropy, systemEntropy } from './entropy.ts';
import {
  clearWeather,
  type Direction,
  type Ending,
  type Moment,
  type PassingRequest,
  type RequestFault,
  type RequestMatch,
  type Weather,
} from './fault.ts';
import { FaultPassage, type PassageHome, type Struck } from './fault-passage.ts';

export interface FaultProxyOptions {
  /** The server: a URL, or where it listens. From a `redis:` URL the proxy knows to tell requests apart. */
  readonly to: string | { readonly host: string; readonly port: number };
  readonly clock?: Clock;
  readonly entropy?: Entropy;
}

/** A server's address with faults before it. Standing faults hold for connections to come, too. */
export interface FaultProxy extends AsyncDisposable {
  /** The server's URL with the proxy's address in it. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Open at this moment. */
  readonly connections: number;

  /** Every byte later by `ms` and up to `jitterMs` more; of both directions unless one is named. */
  delay(ms: number, options?: { readonly jitterMs?: number; readonly direction?: Direction }): void;
  throttle(bytesPerSecond: number, options?: { readonly direction?: Direction }): void;
  /** Connections stay open and nothing passes, not even their end. Healing delivers what was held. */
  blackHole(options?: { readonly direction?: Direction }): void;
  /** New connections are reset. */
  refuse(): void;
  /** Ends every standing fault. */
  heal(): void;

  /** Ends every connection: both ends are reset, or see an orderly end. */
  reset(): void;
  cut(): void;
  /** One side of every connection is gone, and the other side is not told. */
  halfOpen(gone?: 'server' | 'client'): void;

  /** A fault for the next request that matches. Several set for one command meet one request each, in order. */
  next(match: RequestMatch, fault: RequestFault): Moment;
  /** How many requests of a command, or of all commands, have come to the proxy. */
  count(command?: string): number;
  /** Shows every request as it comes. */
  observe(listener: (request: PassingRequest) => void): Unsubscribe;
  close(): Promise<void>;
}

interface Armed {
  readonly isFor: (request: PassingRequest) => boolean;
  readonly struck: Struck;
}

/** Starts a proxy on a free loopback port. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new LoopbackProxy(options);
  await proxy.listen();
  return proxy;
}

class LoopbackProxy implements FaultProxy, PassageHome {
  readonly host = '127.0.0.1';
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly weather = { requests: clearWeather(), replies: clearWeather() };
  readonly isRedis: boolean;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #urlOf: (port: number) => string;
  readonly #server: Server;
  readonly #passages = new Set<FaultPassage>();
  readonly #armed: Armed[] = [];
  readonly #counts = new Map<string, number>();
  readonly #observers = new Set<(request: PassingRequest) => void>();
  #isRefusing = false;

  constructor({ to, clock = systemClock, entropy = systemEntropy }: FaultProxyOptions) {
    this.clock = clock;
    this.entropy = entropy;
    if (typeof to === 'string') {
      const url = new URL(to);
      this.isRedis = url.protocol === 'redis:';
      this.#target = { host: url.hostname, port: Number(url.port === '' ? 6379 : url.port) };
      this.#urlOf = (port) => {
        const own = new URL(to);
        own.hostname = this.host;
        own.port = `${port}`;
        return own.href;
      };
    } else {
      this.isRedis = false;
      this.#target = to;
      this.#urlOf = (port) => `tcp://${this.host}:${port}`;
    }
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#accept(near));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    return this.#urlOf(this.port);
  }

  get connections(): number {
    return this.#passages.size;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, this.host, () => resolve());
    });
  }

  delay(ms: number, { jitterMs = 0, direction }: { jitterMs?: number; direction?: Direction } = {}): void {
    this.#change(direction, { delayMs: ms, jitterMs });
  }

  throttle(bytesPerSecond: number, { direction }: { direction?: Direction } = {}): void {
    this.#change(direction, { bytesPerSecond });
  }

  blackHole({ direction }: { direction?: Direction } = {}): void {
    this.#change(direction, { isHeld: true });
  }

  refuse(): void {
    this.#isRefusing = true;
  }

  heal(): void {
    this.#isRefusing = false;
    this.#change(undefined, clearWeather());
  }

  reset(): void {
    this.#end('reset');
  }

  cut(): void {
    this.#end('close');
  }

  halfOpen(gone: 'server' | 'client' = 'server'): void {
    for (const passage of this.#passages) passage.halfOpen(gone);
  }

  next(match: RequestMatch, fault: RequestFault): Moment {
    let reached = (): void => undefined;
    const moment = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const held: (() => void)[] = [];
    let isReleased = false;
    this.#armed.push({
      isFor: typeof match === 'string' ? ({ command }) => command === match.toLowerCase() : match,
      struck: { fault, reached, onRelease: (open) => (isReleased ? open() : void held.push(open)) },
    });
    return {
      reached: moment,
      release: () => {
        isReleased = true;
        for (const open of held.splice(0)) open();
      },
    };
  }

  count(command?: string): number {
    if (command !== undefined) return this.#counts.get(command.toLowerCase()) ?? 0;
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  observe(listener: (request: PassingRequest) => void): Unsubscribe {
    this.#observers.add(listener);
    return () => void this.#observers.delete(listener);
  }

  passing(request: PassingRequest): Struck | undefined {
    for (const show of this.#observers) show(request);
    this.#counts.set(request.command, this.count(request.command) + 1);
    const place = this.#armed.findIndex(({ isFor }) => isFor(request));
    return place < 0 ? undefined : this.#armed.splice(place, 1)[0]?.struck;
  }

  gone(passage: FaultPassage): void {
    this.#passages.delete(passage);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const passage of this.#passages) passage.destroy();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(near: Socket): void {
    if (this.#isRefusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    this.#passages.add(new FaultPassage(this, near, far));
  }

  #change(direction: Direction | undefined, weather: Partial<Weather>): void {
    if (direction !== 'replies') Object.assign(this.weather.requests, weather);
    if (direction !== 'requests') Object.assign(this.weather.replies, weather);
    for (const passage of this.#passages) passage.pump();
  }

  #end(ending: Ending): void {
    for (const passage of this.#passages) passage.end(ending);
  }
}
