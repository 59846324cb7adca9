import { CoordinationError } from './errors.ts';
import { RedisLeaseStore, type RedisLeaseStoreOptions } from './lease-store.redis.ts';
import { Locks, type LocksOptions } from './locks.ts';
import { checkSettings } from './manager-settings.ts';
import { RedisPermitStore } from './permit-store.redis.ts';
import { RedisLink, type RedisLinkOptions } from './redis-link.ts';
import { checkRedisServer, type ServerWarning, shortTerm } from './redis-settings.ts';

export interface RedisLockManagerOptions extends LocksOptions, Omit<RedisLeaseStoreOptions, 'link'> {
  /** A URL, ioredis options, a client of yours, of which only the settings are taken, or a link that others share. */
  readonly redis: RedisLinkOptions['redis'] | RedisLink;
  readonly commandTimeoutMs?: number;
  /**
   * Told once, at the opening, of server settings under which acknowledged grants can be lost; and
   * once of a term so short that a renewal which is not answered cannot be repeated in it.
   */
  readonly onWarning?: (warning: ServerWarning) => void;
}

/** Leases shared by every process on one Redis. */
export class RedisLockManager extends Locks {
  readonly #link: RedisLink;
  readonly #ownsLink: boolean;
  readonly #onWarning: ((warning: ServerWarning) => void) | undefined;
  #isChecked = false;

  constructor(options: RedisLockManagerOptions) {
    checkSettings(options);
    const { redis, commandTimeoutMs, clock } = options;
    if (typeof redis !== 'string' && (typeof redis !== 'object' || redis === null))
      throw new CoordinationError('LOCK_CONFIG', 'redis is missing: give a URL, ioredis options or a client', {
        applied: 'no',
      });
    const ownsLink = !(redis instanceof RedisLink);
    const link =
      redis instanceof RedisLink
        ? redis
        : RedisLink.open({
            redis,
            ...(commandTimeoutMs === undefined ? {} : { commandTimeoutMs }),
            ...(clock === undefined ? {} : { clock }),
          });
    const store = new RedisLeaseStore({ ...options, link });
    const { namespace, time, minReplicas = 0, replicaTimeoutMs = Math.ceil(link.commandTimeoutMs / 2) } = options;
    const buckets = (): number => store.buckets;
    const { commandTimeoutMs: timeoutMs } = link;
    let isTold = false;
    const onShortTerm = (ttlMs: number): void => {
      if (!isTold) options.onWarning?.(shortTerm(ttlMs, timeoutMs));
      isTold = true;
    };
    const wait = { replicas: minReplicas, timeoutMs: replicaTimeoutMs };
    super(store, {
      onShortTerm,
      permits: new RedisPermitStore({
        link,
        buckets,
        wait,
        ...(namespace === undefined ? {} : { namespace }),
        ...(time === undefined ? {} : { time }),
        ...(options.log === undefined ? {} : { log: options.log }),
      }),
      ...options,
    });
    this.#link = link;
    this.#ownsLink = ownsLink;
    this.#onWarning = options.onWarning;
  }

  override async open(): Promise<void> {
    await super.open();
    if (this.#isChecked || this.#onWarning === undefined) return;
    this.#isChecked = true;
    // A server that answers no questions about itself still grants leases.
    await checkRedisServer(this.#link, this.#onWarning).catch(() => undefined);
  }

  override async close(options: { readonly leases?: 'release' | 'keep' } = {}): Promise<void> {
    await super.close(options);
    if (this.#ownsLink) await this.#link.close();
  }
}
