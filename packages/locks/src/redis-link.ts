// Redis link
//
// One connection for commands, one for subscriptions, and the settings under which a lost
// reply is told from a refused request.
//
//   RL1  A request is never sent twice by this code or by ioredis. (EVALSHA that answers
//        NOSCRIPT ran nothing; it is followed by one EVAL.)
//   RL2  Every request settles within `commandTimeoutMs` plus, when the link is down, as long
//        again for it to come up.
//   RL3  `applied: 'no'` means the server did not run it: not written, or refused as a whole.
//        Whatever was written and not answered is `REPLY_LOST`, `applied: 'unknown'`.
import { createHash } from 'node:crypto';
import { type Cluster, Redis, type RedisOptions } from 'ioredis';
import { Batcher } from './batcher.ts';
import { systemClock } from './clock.system.ts';
import type { Cancel, Clock, Unsubscribe } from './clock.ts';
import { Deadlines } from './deadlines.ts';
import { CoordinationError } from './errors.ts';
import { checkSettings } from './manager-settings.ts';
import { isUnwritten, type RedisPort, toFault } from './redis-faults.ts';
import { safeClusterOptions, safeRedisOptions } from './redis-settings.ts';
import { Subscriptions } from './redis-subscriptions.ts';

export type RedisArg = string | Buffer | number;
type ReadAs = 'text' | 'bytes' | 'bytes, told first';

/** A Lua script and its name on the server. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

export interface RedisLinkOptions {
  /**
   * A URL, options, or a client of yours. Of a client only the settings are taken: the link has
   * connections of its own, set up so that no request is sent twice, and yours stays as it is.
   */
  readonly redis: string | RedisOptions | Redis | Cluster;
  readonly clock?: Clock;
  /** Default 2,000. */
  readonly commandTimeoutMs?: number;
}

const DEFAULT_COMMAND_TIMEOUT_MS = 2_000;

export class RedisLink {
  readonly isCluster: boolean;
  readonly commandTimeoutMs: number;
  readonly #clock: Clock;
  readonly #client: RedisPort;
  readonly #subscriptions: Subscriptions;
  readonly #statusListeners = new Set<(status: 'up' | 'down') => void>();
  readonly #onReady: () => void;
  readonly #onDown: () => void;
  readonly #deadlines: Deadlines;
  #replies = 0;
  #doubted: RedisPort['stream'];
  #closed = false;
  #coming: Promise<void> | undefined;

  static open(options: RedisLinkOptions): RedisLink {
    return new RedisLink(options);
  }

  private constructor(options: RedisLinkOptions) {
    checkSettings(options);
    this.#clock = options.clock ?? systemClock;
    this.commandTimeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
    this.#client = connect(options.redis, this.commandTimeoutMs);
    this.isCluster = this.#client.isCluster;
    this.#deadlines = new Deadlines(this.#clock, this.commandTimeoutMs);
    this.#subscriptions = new Subscriptions(() =>
      this.isCluster ? this.#client.duplicate() : this.#client.duplicate(safeRedisOptions(this.commandTimeoutMs)),
    );
    this.#onReady = () => this.#tell('up');
    this.#onDown = () => this.#tell('down');
    this.#client.on('ready', this.#onReady);
    this.#client.on('close', this.#onDown);
    // Connection errors reach every request as its fault; without a listener ioredis prints them.
    this.#client.on('error', ignore);
  }

  /** `up` when requests can be sent at this moment. */
  get status(): 'up' | 'down' {
    return this.#client.status === 'ready' ? 'up' : 'down';
  }

  script(source: string): Script {
    return { source, sha: createHash('sha1').update(source).digest('hex') };
  }

  /**
   * `bytes`: the texts of the reply as they came. `told first`: what the script publishes leaves
   * before the reply, if Redis lets it.
   */
  run(script: Script, keys: readonly string[], args: readonly RedisArg[], as: ReadAs = 'text'): Promise<unknown> {
    const call = (name: string, body: string): Promise<unknown> =>
      this.#ask(name, () => this.#call(as, name, [body, `${keys.length}`, ...keys, ...args]));
    return call('evalsha', script.sha).catch((fault: unknown) => {
      if (!isNoScript(fault)) throw fault;
      return call('eval', script.source);
    });
  }

  /** As `run`, for bytes; and how many replicas had all of it when `wait` was over. */
  async runReplicated(
    script: Script,
    keys: readonly string[],
    args: readonly RedisArg[],
    wait: { readonly replicas: number; readonly timeoutMs: number },
  ): Promise<{ readonly answer: unknown; readonly replicas: number }> {
    const call = async (name: string, body: string): Promise<{ answer: unknown; replicas: number }> => {
      // WAIT counts what its own connection wrote, which on Cluster is one of several.
      const pipeline = this.#client.pipeline();
      pipeline.callBuffer(name, body, keys.length, ...keys, ...args);
      pipeline.callBuffer('wait', wait.replicas, wait.timeoutMs);
      const [ran, waited] = (await pipeline.exec()) ?? [];
      if (ran === undefined || ran[0] !== null) throw ran?.[0] ?? new Error('the pipeline was not run');
      return { answer: ran[1], replicas: waited === undefined || waited[0] !== null ? 0 : Number(waited[1]) };
    };
    try {
      return await this.#ask('evalsha', () => call('evalsha', script.sha));
    } catch (fault) {
      if (!isNoScript(fault)) throw fault;
      return this.#ask('eval', () => call('eval', script.source));
    }
  }

  command(name: string, ...args: readonly RedisArg[]): Promise<unknown> {
    return this.#ask(name, () => this.#call('text', name, args));
  }

  #call(as: ReadAs, name: string, args: readonly RedisArg[]): Promise<unknown> {
    if (as === 'text') return this.#client.call(name, args);
    return as === 'bytes' ? this.#client.callBuffer(name, args) : this.#callToldFirst(name, args);
  }

  /**
   * Redis writes to its clients in the reverse of the order in which it came to have something for
   * them. With an answer due from before the script, this client's turn comes after that of whoever
   * the script publishes to, which is a write's time sooner for them.
   */
  #callToldFirst(name: string, args: readonly RedisArg[]): Promise<unknown> {
    const { stream } = this.#client;
    stream?.cork();
    try {
      if (stream !== undefined) this.#client.call('ping', []).catch(ignore);
      return this.#client.callBuffer(name, args);
    } finally {
      stream?.uncork();
    }
  }

  #ask<T>(name: string, ask: () => Promise<T>): Promise<T> {
    if (this.#client.status !== 'ready') return this.#ready().then(() => this.#send(name, ask, true));
    return this.#send(name, ask, true);
  }

  #send<T>(name: string, ask: () => Promise<T>, mayRepeat: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = this.#deadlines.set(() => {
        this.#doubt();
        reject(
          new CoordinationError('REPLY_LOST', `Redis did not answer ${name} within ${this.commandTimeoutMs} ms`, {
            applied: 'unknown',
          }),
        );
      });
      ask().then(
        (reply) => {
          this.#deadlines.meet(deadline);
          this.#replies += 1;
          resolve(reply);
        },
        (cause: unknown) => {
          this.#deadlines.meet(deadline);
          const fault = toFault(name, cause);
          if (mayRepeat && isUnwritten(fault)) resolve(this.#ready().then(() => this.#send(name, ask, false)));
          else reject(fault);
        },
      );
    });
  }

  /**
   * Who did not answer in time, nor answers anything for as long again, is gone, whatever the
   * connection says: it is made anew. (On Cluster ioredis's `socketTimeout` does that, for each node.)
   */
  #doubt(): void {
    const { stream } = this.#client;
    if (stream === undefined || stream === this.#doubted) return;
    this.#doubted = stream;
    const replies = this.#replies;
    this.#deadlines.set(() => {
      this.#doubted = undefined;
      if (replies === this.#replies) stream.destroy();
    });
  }

  /** Groups what is submitted in one tick; see `Batcher`. */
  batcher<T, R>(options: {
    readonly maxItems: number;
    readonly maxInFlight?: number;
    readonly flush: (items: readonly T[]) => Promise<readonly (R | Error)[]>;
  }): Batcher<T, R> {
    return new Batcher({ clock: this.#clock, maxInFlight: 2, ...options });
  }

  /** Messages of a channel, from the moment this resolves. Comes back by itself after a reconnect; what was sent meanwhile is lost. */
  async subscribe(channel: string, onMessage: (payload: string) => void): Promise<Unsubscribe> {
    if (this.#closed) throw closedFault();
    const patience = new AbortController();
    const cancel = this.#clock.after(this.commandTimeoutMs, () =>
      patience.abort(
        new CoordinationError(
          'STORE_UNAVAILABLE',
          `Redis took no subscription to ${channel} within ${this.commandTimeoutMs} ms`,
          { applied: 'no' },
        ),
      ),
    );
    try {
      return await this.#subscriptions.add(channel, onMessage, patience.signal);
    } catch (cause) {
      throw cause instanceof CoordinationError ? cause : toFault('subscribe', cause);
    } finally {
      cancel();
    }
  }

  onStatus(listener: (status: 'up' | 'down') => void): Unsubscribe {
    this.#statusListeners.add(listener);
    return () => void this.#statusListeners.delete(listener);
  }

  /** Ends what the link opened. Requests that are not answered yet reject. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.off('ready', this.#onReady);
    this.#client.off('close', this.#onDown);
    this.#statusListeners.clear();
    this.#subscriptions.close();
    this.#client.disconnect();
    this.#deadlines.close();
  }

  #tell(status: 'up' | 'down'): void {
    for (const listener of this.#statusListeners) listener(status);
  }

  /** A link that is about to come up is worth a moment; one that stays down is a fault. All who wait share the moment. */
  #ready(): Promise<void> {
    if (this.#closed) return Promise.reject(closedFault());
    this.#coming ??= this.#comeUp().finally(() => {
      this.#coming = undefined;
    });
    return this.#coming;
  }

  #comeUp(): Promise<void> {
    if (this.#client.status === 'wait') void this.#client.connect().catch(ignore);
    return new Promise((resolve, reject) => {
      let cancel: Cancel = ignore;
      const stop = (): void => {
        cancel();
        this.#client.off('ready', up);
        this.#client.off('end', down);
      };
      const up = (): void => {
        stop();
        resolve();
      };
      const down = (): void => {
        stop();
        reject(new CoordinationError('STORE_UNAVAILABLE', 'Redis cannot be reached', { applied: 'no' }));
      };
      this.#client.on('ready', up);
      this.#client.on('end', down);
      cancel = this.#clock.after(this.commandTimeoutMs, down);
    });
  }
}

function connect(given: RedisLinkOptions['redis'], commandTimeoutMs: number): RedisPort {
  // A time-out of the socket would set two timers per command: the link looks after that by one.
  const { socketTimeout: _ours, ...safe } = safeRedisOptions(commandTimeoutMs);
  if (typeof given === 'string') return new Redis(given, safe);
  if (isCluster(given)) {
    const cluster = safeClusterOptions(commandTimeoutMs);
    const redisOptions = { ...given.options.redisOptions, ...cluster.redisOptions, replyMapping: 'legacy' as const };
    return given.duplicate([], { ...cluster, redisOptions });
  }
  if (isClient(given)) return given.duplicate({ ...safe, socketTimeout: undefined, replyMapping: 'legacy' });
  // Replies are read as ioredis 5 maps them, whichever version runs.
  const { replyMapping: _theirs, socketTimeout: _socket, ...options } = given;
  return new Redis({ ...options, ...safe });
}

function isCluster(given: RedisLinkOptions['redis']): given is Cluster {
  return isClient(given) && given.isCluster;
}

/** By shape, not by class: the client may come from another copy of ioredis. */
function isClient(given: RedisLinkOptions['redis']): given is Redis | Cluster {
  return typeof given === 'object' && 'isCluster' in given && 'duplicate' in given;
}

function isNoScript(fault: unknown): boolean {
  return (
    fault instanceof CoordinationError && fault.cause instanceof Error && fault.cause.message.startsWith('NOSCRIPT')
  );
}

function closedFault(): CoordinationError {
  return new CoordinationError('STORE_UNAVAILABLE', 'The link to Redis is closed', { applied: 'no' });
}

function ignore(): void {}
