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
import { CoordinationError } from './errors.ts';
import { isUnwritten, type RedisPort, toFault } from './redis-faults.ts';
import { safeRedisOptions } from './redis-settings.ts';
import { Subscriptions } from './redis-subscriptions.ts';

export type RedisArg = string | Buffer | number;

/** A Lua script and its name on the server. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

export interface RedisLinkOptions {
  /** A URL, options, or a client of yours, which stays open when the link closes. */
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
  readonly #ownsClient: boolean;
  readonly #subscriptions: Subscriptions;
  readonly #statusListeners = new Set<(status: 'up' | 'down') => void>();
  readonly #onReady: () => void;
  readonly #onDown: () => void;
  #closed = false;
  #coming: Promise<void> | undefined;

  static open(options: RedisLinkOptions): RedisLink {
    return new RedisLink(options);
  }

  private constructor(options: RedisLinkOptions) {
    this.#clock = options.clock ?? systemClock;
    this.commandTimeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
    const given = options.redis;
    this.#ownsClient = !isClient(given);
    this.#client = isClient(given) ? given : connect(given, this.commandTimeoutMs);
    this.isCluster = this.#client.isCluster;
    this.#subscriptions = new Subscriptions(() => this.#client.duplicate());
    this.#onReady = () => this.#tell('up');
    this.#onDown = () => this.#tell('down');
    this.#client.on('ready', this.#onReady);
    this.#client.on('close', this.#onDown);
    // Connection errors reach every request as its fault; without a listener ioredis prints them.
    if (this.#ownsClient) this.#client.on('error', ignore);
  }

  /** `up` when requests can be sent at this moment. */
  get status(): 'up' | 'down' {
    return this.#client.status === 'ready' ? 'up' : 'down';
  }

  script(source: string): Script {
    return { source, sha: createHash('sha1').update(source).digest('hex') };
  }

  /** `bytes`: the texts of the reply as they came. */
  async run(
    script: Script,
    keys: readonly string[],
    args: readonly RedisArg[],
    as: 'text' | 'bytes' = 'text',
  ): Promise<unknown> {
    try {
      return await this.#send(as, 'evalsha', [script.sha, keys.length, ...keys, ...args]);
    } catch (fault) {
      if (!isNoScript(fault)) throw fault;
      return this.#send(as, 'eval', [script.source, keys.length, ...keys, ...args]);
    }
  }

  command(name: string, ...args: readonly RedisArg[]): Promise<unknown> {
    return this.#send('text', name, args);
  }

  async #send(as: 'text' | 'bytes', name: string, args: readonly RedisArg[]): Promise<unknown> {
    if (this.#client.status !== 'ready') await this.#ready();
    try {
      return await this.#write(as, name, args);
    } catch (fault) {
      if (!isUnwritten(fault)) throw fault;
      await this.#ready();
      return this.#write(as, name, args);
    }
  }

  #write(as: 'text' | 'bytes', name: string, args: readonly RedisArg[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.commandTimeoutMs, () =>
        reject(
          new CoordinationError('REPLY_LOST', `Redis did not answer ${name} within ${this.commandTimeoutMs} ms`, {
            applied: 'unknown',
          }),
        ),
      );
      (as === 'text' ? this.#client.call(name, ...args) : this.#client.callBuffer(name, ...args)).then(
        (reply) => {
          cancel();
          resolve(reply);
        },
        (cause: unknown) => {
          cancel();
          reject(toFault(name, cause));
        },
      );
    });
  }

  /** Groups what is submitted in one tick; see `Batcher`. */
  batcher<T, R>(options: {
    readonly maxItems: number;
    readonly maxInFlight?: number;
    readonly flush: (items: readonly T[]) => Promise<readonly R[]>;
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
    if (this.#ownsClient) this.#client.disconnect();
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

function connect(given: string | RedisOptions, commandTimeoutMs: number): RedisPort {
  const safe = safeRedisOptions(commandTimeoutMs);
  if (typeof given === 'string') return new Redis(given, safe);
  // Replies are read as ioredis 5 maps them, whichever version runs.
  const { replyMapping: _ours, ...options } = given;
  return new Redis({ ...options, ...safe });
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
