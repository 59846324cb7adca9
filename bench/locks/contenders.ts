// The libraries that people lock with on Redis, each behind the same few calls, in the way its
// README uses it: its own defaults, on an ioredis client with ioredis's defaults. Only patience
// is given to all, so that nobody is measured giving up.
import { RedisLockManager } from '@devmentor/locks/redis';
import { Redis } from 'ioredis';
import { Mutex } from 'redis-semaphore';
import Redlock from 'redlock';
import { createLock, IoredisAdapter } from 'redlock-universal';

export interface Held {
  /** Whether the library says, asked at this moment, that the lock is lost. */
  isLost(): boolean;
  /** Resolves when the library tells that it is lost. */
  readonly told: Promise<void>;
  /** What is left of it by the library's own account, where it gives one. */
  remainingMs(): number | undefined;
  /** Answers what the caller learns. */
  release(): Promise<string>;
}

/** One process's use of a library. */
export interface Session {
  /** Waits for the lock, and has it renewed by the library. */
  hold(resource: string, ttlMs: number): Promise<Held>;
  /** Waits for the lock, and lets it end by itself. */
  take(resource: string, ttlMs: number): Promise<Held>;
  close(): Promise<void>;
}

export interface Contender {
  readonly name: string;
  readonly library: string;
  connect(url: string): Session;
}

const never = new Promise<void>(() => undefined);
const MANY_ATTEMPTS = 10_000;
const PATIENCE_MS = 60_000;

const ours: Contender = {
  name: 'ours',
  library: '@devmentor/locks',
  connect: (url) => {
    const locks = new RedisLockManager({ redis: url, namespace: 'ours' });
    let claims = 0;
    const claim = async (resource: string, ttlMs: number, renew: 'auto' | 'manual'): Promise<Held> => {
      claims += 1;
      const lease = await locks.acquire(resource, { ttlMs, renew, waitMs: PATIENCE_MS, instance: `${claims}` });
      return {
        isLost: () => !lease.valid,
        told: aborted(lease.signal),
        remainingMs: () => lease.remainingMs(),
        release: async () => (await lease.release()).kind,
      };
    };
    return {
      hold: (resource, ttlMs) => claim(resource, ttlMs, 'auto'),
      take: (resource, ttlMs) => claim(resource, ttlMs, 'manual'),
      close: () => locks.close(),
    };
  },
};

const redlock: Contender = {
  name: 'redlock',
  library: 'redlock',
  connect: (url) => {
    const client = quiet(new Redis(url));
    const locks = new Redlock([client], { retryCount: MANY_ATTEMPTS });
    const releasing = new Redlock([client]);
    for (const one of [locks, releasing]) one.on('error', () => undefined);
    return {
      hold: (resource, ttlMs) => within((routine) => locks.using([resource], ttlMs, routine)),
      take: async (resource, ttlMs) => {
        const lock = await locks.acquire([resource], ttlMs);
        const remainingMs = (): number => lock.expiration - Date.now();
        return {
          isLost: () => remainingMs() <= 0,
          told: never,
          remainingMs,
          release: () => releasing.release(lock).then(() => 'resolves', nameOf),
        };
      },
      close: async () => client.disconnect(),
    };
  },
};

const universal: Contender = {
  name: 'redlock-universal',
  library: 'redlock-universal',
  connect: (url) => {
    const client = quiet(new Redis(url));
    const adapter = new IoredisAdapter(client);
    const lockOf = (key: string, ttl: number) => createLock({ adapter, key, ttl, retryAttempts: MANY_ATTEMPTS });
    return {
      hold: (resource, ttlMs) => within((routine) => lockOf(resource, ttlMs).using(routine)),
      take: async (resource, ttlMs) => {
        const lock = lockOf(resource, ttlMs);
        const handle = await lock.acquire();
        const remainingMs = (): number => handle.acquiredAt + handle.ttl - Date.now();
        return {
          isLost: () => remainingMs() <= 0,
          told: never,
          remainingMs,
          release: () => lock.release(handle).then(String, nameOf),
        };
      },
      close: async () => client.disconnect(),
    };
  },
};

const semaphore: Contender = {
  name: 'redis-semaphore',
  library: 'redis-semaphore',
  connect: (url) => {
    const client = quiet(new Redis(url));
    const claim = async (resource: string, lockTimeout: number, options: object): Promise<Held> => {
      let tell = (): void => undefined;
      const told = new Promise<void>((resolve) => {
        tell = resolve;
      });
      const mutex = new Mutex(client, resource, {
        lockTimeout,
        acquireTimeout: PATIENCE_MS,
        onLockLost: () => tell(),
        ...options,
      });
      await mutex.acquire();
      return {
        isLost: () => !mutex.isAcquired,
        told,
        remainingMs: () => undefined,
        release: () => mutex.release().then(() => 'resolves', nameOf),
      };
    };
    return {
      hold: (resource, ttlMs) => claim(resource, ttlMs, {}),
      take: (resource, ttlMs) => claim(resource, ttlMs, { refreshInterval: 0 }),
      close: async () => client.disconnect(),
    };
  },
};

export const contenders: readonly Contender[] = [ours, redlock, universal, semaphore];

/** A lock of the libraries that keep one alive only around a callback. */
async function within(using: (routine: (signal: AbortSignal) => Promise<void>) => Promise<unknown>): Promise<Held> {
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  let ended: Promise<string> = Promise.resolve('');
  const signal = await new Promise<AbortSignal>((resolve, reject) => {
    const done = using((given) => {
      resolve(given);
      return left;
    });
    ended = done.then(() => 'resolves', nameOf);
    done.catch(reject);
  });
  return {
    isLost: () => signal.aborted,
    told: aborted(signal),
    remainingMs: () => undefined,
    release: () => {
      leave();
      return ended;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function quiet(client: Redis): Redis {
  return client.on('error', () => undefined);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `throws ${error.constructor.name}` : 'throws';
}
