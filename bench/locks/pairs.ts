// One acquire and one release of a lock that nobody else wants: ours, what people use instead, and
// the limit of one command per lock. Peers run on an ioredis client of their own, as it is and with
// `enableAutoPipelining`; which of the two suits a peer best is for the measurement to say.
import { connect, type Socket } from 'node:net';
import { RedisLockManager } from '@devmentor/locks/redis';
import { createLock as createMicrofleetLock } from '@microfleet/ioredis-lock';
import { Redlock as SesamecareRedlock } from '@sesamecare-oss/redlock';
import { Redis } from 'ioredis';
import { Mutex } from 'redis-semaphore';
import Redlock from 'redlock';
import Redlock4 from 'redlock-4';
import { createLock, IoredisAdapter } from 'redlock-universal';

const TTL_MS = 30_000;
const COMPARE_AND_DELETE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;
const ACQUIRE_WITH_FENCE = `if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', 30000) then return redis.call('incr', KEYS[2]) end return -1`;

export interface Pairs {
  readonly name: string;
  /** `limit` and `ours` are what they are; a `peer` is somebody's way of locking, in one of two modes. */
  readonly kind: 'ours' | 'limit' | 'peer';
  readonly mode: 'plain' | 'autopipelining';
  pair(worker: number): Promise<void>;
  close(): Promise<void> | void;
}

type Locking = (client: Redis) => (worker: number) => Promise<void>;

/** What is said of each peer: its name, and the library whose version is told. */
export const peerLibraries: Readonly<Record<string, string>> = {
  ioredis: 'ioredis',
  'redlock 5': 'redlock',
  'redlock 4': 'redlock-4',
  '@sesamecare-oss/redlock': '@sesamecare-oss/redlock',
  'redlock-universal': 'redlock-universal',
  'redis-semaphore': 'redis-semaphore',
  '@microfleet/ioredis-lock': '@microfleet/ioredis-lock',
};

const peers: Readonly<Record<string, Locking>> = {
  ioredis: (client) => {
    let tokens = 0;
    const sha = client.script('LOAD', COMPARE_AND_DELETE);
    return async (worker) => {
      tokens += 1;
      const [key, token] = [`ioredis:${worker}`, `token-${tokens}`];
      if ((await client.set(key, token, 'PX', TTL_MS, 'NX')) !== 'OK') throw new Error('held');
      if ((await client.evalsha(String(await sha), 1, key, token)) !== 1) throw new Error('lost');
    };
  },
  'redlock 5': (client) => {
    const locks = new Redlock([client], { retryCount: 0 });
    return async (worker) => {
      const lock = await locks.acquire([`redlock5:${worker}`], TTL_MS);
      await lock.release();
    };
  },
  'redlock 4': (client) => {
    const locks = new Redlock4([client], { retryCount: 0 });
    return async (worker) => {
      const lock = await locks.lock(`redlock4:${worker}`, TTL_MS);
      await lock.unlock();
    };
  },
  '@sesamecare-oss/redlock': (client) => {
    const locks = new SesamecareRedlock([client], { retryCount: 0 });
    return async (worker) => {
      const lock = await locks.acquire([`sesamecare:${worker}`], TTL_MS);
      await lock.release();
    };
  },
  'redlock-universal': (client) => {
    const adapter = new IoredisAdapter(client);
    return async (worker) => {
      const lock = createLock({ adapter, key: `universal:${worker}`, ttl: TTL_MS, retryAttempts: 0 });
      const handle = await lock.acquire();
      if (!(await lock.release(handle))) throw new Error('lost');
    };
  },
  'redis-semaphore': (client) => async (worker) => {
    const mutex = new Mutex(client, `semaphore:${worker}`, { lockTimeout: TTL_MS, refreshInterval: 0 });
    await mutex.acquire();
    await mutex.release();
  },
  '@microfleet/ioredis-lock': (client) => async (worker) => {
    const lock = createMicrofleetLock(client, { timeout: TTL_MS, retries: 0, delay: 1 });
    await lock.acquire(`microfleet:${worker}`);
    await lock.release();
  },
};

/** All that are measured; close each when done. */
export function everyPair(redis: { readonly url: string; readonly port: number }): Pairs[] {
  const inBothModes = Object.entries(peers).flatMap(([name, locking]) =>
    (['plain', 'autopipelining'] as const).map((mode): Pairs => {
      const client = new Redis(redis.url, { enableAutoPipelining: mode === 'autopipelining' });
      return { name, kind: 'peer', mode, pair: locking(client), close: () => client.disconnect() };
    }),
  );
  return [
    ours('ours', redis.url, true),
    ours('ours, log: false', redis.url, false),
    limit(redis.url, redis.port),
    ...inBothModes,
  ];
}

/** Fence, queue check, deadlines and, unless it is told not to, the event log. */
function ours(name: string, url: string, log: boolean): Pairs {
  const locks = new RedisLockManager({ redis: url, namespace: log ? 'ours' : 'silent', log });
  return {
    name,
    kind: 'ours',
    mode: 'plain',
    pair: async (worker) => {
      const outcome = await locks.tryAcquire(`lock:${worker}`, { holder: { id: 'bench' }, ttlMs: TTL_MS });
      if (outcome.kind !== 'granted') throw new Error(outcome.kind);
      const released = await outcome.lease.release();
      if (released.kind !== 'released') throw new Error(released.kind);
    },
    close: () => locks.close(),
  };
}

/** A bare socket with ready-made requests, one command per lock and one per release, with a fence. */
function limit(url: string, port: number): Pairs {
  const client = new Redis(url);
  const shas = Promise.all([client.script('LOAD', ACQUIRE_WITH_FENCE), client.script('LOAD', COMPARE_AND_DELETE)]);
  const ask = rawSocket(connect(port, '127.0.0.1').setNoDelay(true));
  let tokens = 0;
  return {
    name: 'limit',
    kind: 'limit',
    mode: 'plain',
    pair: async (worker) => {
      tokens += 1;
      const token = `token-${tokens}`;
      const [acquire, release] = (await shas) as [string, string];
      await ask.send(['EVALSHA', acquire, '2', `raw:${worker}`, `raw:fence:${worker}`, token]);
      await ask.send(['EVALSHA', release, '1', `raw:${worker}`, token]);
    },
    close: () => {
      ask.close();
      client.disconnect();
    },
  };
}

/** Requests are written at the end of the tick with all others of it; every answer is one line. */
function rawSocket(socket: Socket): { send(parts: readonly string[]): Promise<void>; close(): void } {
  let waiting: (() => void)[] = [];
  let next = 0;
  let outgoing = '';
  socket.on('data', (chunk) => {
    for (const byte of chunk) if (byte === 10) waiting[next++]?.();
    if (next < waiting.length) return;
    waiting = [];
    next = 0;
  });
  const flush = (): void => {
    socket.write(outgoing);
    outgoing = '';
  };
  return {
    send: (parts) => {
      if (outgoing === '') setImmediate(flush);
      outgoing += `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    close: () => socket.destroy(),
  };
}
