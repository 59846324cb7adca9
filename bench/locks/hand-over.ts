// From the call of release to the moment a waiter owns, with so many that wait at all times: ours,
// a token in a list that every waiter blocks on (BLPOP, a connection for each: the least that a
// hand-over through Redis can cost), and the peers, who all poll, at their defaults.
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisLockManager } from '@devmentor/locks/redis';
import { createLock as createMicrofleetLock } from '@microfleet/ioredis-lock';
import { Redlock as SesamecareRedlock } from '@sesamecare-oss/redlock';
import { Redis } from 'ioredis';
import { Mutex } from 'redis-semaphore';
import Redlock from 'redlock';
import Redlock4 from 'redlock-4';
import { createLock, IoredisAdapter } from 'redlock-universal';

const HOLD_MS = 2;
const TTL_MS = 30_000;
const PATIENCE_MS = 60_000;
const MANY_ATTEMPTS = 100_000;

type Release = () => Promise<unknown>;

export interface HandOver {
  readonly name: string;
  /** Resolves when the lock is owned. */
  claim(): Promise<Release>;
  close(): Promise<void> | void;
}

/** Milliseconds of so many hand-overs in a row, while `waiters` wait. */
export async function handOvers(one: HandOver, waiters: number, count: number): Promise<number[]> {
  const owned: { readonly release: Release; readonly atMs: number }[] = [];
  let tell: () => void = () => undefined;
  const claim = async (): Promise<void> => {
    const release = await one.claim();
    owned.push({ release, atMs: performance.now() });
    tell();
  };
  const nextOwner = async () => {
    while (owned.length === 0)
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    return owned.shift() as { readonly release: Release; readonly atMs: number };
  };
  const claims = [claim()];
  let { release } = await nextOwner();
  for (let n = 0; n < waiters; n += 1) claims.push(claim());
  // All of them stand in line before the first release.
  await sleep(10 * HOLD_MS);
  const samples: number[] = [];
  for (let n = 0; n < count; n += 1) {
    await sleep(HOLD_MS);
    const startMs = performance.now();
    const [, next] = await Promise.all([release(), nextOwner()]);
    samples.push(next.atMs - startMs);
    release = next.release;
    claims.push(claim());
  }
  await release();
  for (let left = waiters; left > 0; left -= 1) await (await nextOwner()).release();
  await Promise.all(claims);
  return samples;
}

export function oursHandOver(url: string): HandOver {
  const locks = new RedisLockManager({ redis: url, namespace: 'hand' });
  let claims = 0;
  return {
    name: 'ours',
    claim: async () => {
      claims += 1;
      const lease = await locks.acquire('handed-over', { instance: `${claims}`, ttlMs: TTL_MS, waitMs: PATIENCE_MS });
      return () => lease.release();
    },
    close: () => locks.close(),
  };
}

export function blpop(url: string): HandOver {
  const releaser = new Redis(url);
  const idle: Redis[] = [];
  const all: Redis[] = [releaser];
  const ready = releaser.rpush('token', 'token');
  return {
    name: 'BLPOP',
    claim: async () => {
      await ready;
      let connection = idle.pop();
      if (connection === undefined) {
        connection = new Redis(url);
        all.push(connection);
      }
      await connection.blpop('token', PATIENCE_MS / 1_000);
      idle.push(connection);
      return () => releaser.rpush('token', 'token');
    },
    close: () => {
      for (const connection of all) connection.disconnect();
    },
  };
}

type Claiming = (client: Redis) => () => Promise<Release>;

const peers: Readonly<Record<string, Claiming>> = {
  'redlock 5': (client) => {
    const locks = new Redlock([client], { retryCount: MANY_ATTEMPTS });
    locks.on('error', () => undefined);
    return async () => {
      const lock = await locks.acquire(['hand:redlock5'], TTL_MS);
      return () => lock.release();
    };
  },
  'redlock 4': (client) => {
    const locks = new Redlock4([client], { retryCount: MANY_ATTEMPTS });
    return async () => {
      const lock = await locks.lock('hand:redlock4', TTL_MS);
      return async () => lock.unlock();
    };
  },
  '@sesamecare-oss/redlock': (client) => {
    const locks = new SesamecareRedlock([client], { retryCount: MANY_ATTEMPTS });
    locks.on('error', () => undefined);
    return async () => {
      const lock = await locks.acquire(['hand:sesamecare'], TTL_MS);
      return () => lock.release();
    };
  },
  'redlock-universal': (client) => {
    const adapter = new IoredisAdapter(client);
    return async () => {
      const lock = createLock({ adapter, key: 'hand:universal', ttl: TTL_MS, retryAttempts: MANY_ATTEMPTS });
      const handle = await lock.acquire();
      return () => lock.release(handle);
    };
  },
  'redis-semaphore': (client) => async () => {
    const mutex = new Mutex(client, 'hand:semaphore', { lockTimeout: TTL_MS, acquireTimeout: PATIENCE_MS });
    await mutex.acquire();
    return () => mutex.release();
  },
  '@microfleet/ioredis-lock': (client) => async () => {
    const lock = createMicrofleetLock(client, { timeout: TTL_MS, retries: MANY_ATTEMPTS });
    await lock.acquire('hand:microfleet');
    return () => lock.release();
  },
};

export function pollingPeers(url: string): HandOver[] {
  return Object.entries(peers).map(([name, claiming]) => {
    const client = new Redis(url);
    return { name, claim: claiming(client), close: () => client.disconnect() };
  });
}
