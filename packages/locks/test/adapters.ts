// The adapters that the manager's promises are tried on, each with its own way to let time pass.
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { type RedisCluster, startRedisCluster } from '../../../test/redis-cluster.ts';
import { type RedisSentinel, startRedisSentinel } from '../../../test/redis-sentinel.ts';
import { type LockManager, MemoryLeaseStore, MemoryLockManager, systemClock } from '../src/index.ts';
import { RedisLockManager, type RedisLockManagerOptions, safeClusterOptions } from '../src/redis.ts';
import { SimulatedClock, seededEntropy } from '../src/testing.ts';
import { SleepyClock } from './sleepy-clock.ts';

/** One adapter for one test: managers as in processes of their own, on one empty namespace. */
export interface World {
  /** The clock of managers that are given no other: a machine of its own beside the store's. */
  readonly clock: SleepyClock;
  /** A machine whose clocks nobody touches. */
  readonly otherClock: SleepyClock;
  open(clock?: SleepyClock): LockManager;
  /** Lets at least `ms` pass, for the store and for all machines. */
  elapse(ms: number): Promise<void>;
  /** The event loop stands still for so long. */
  stall(ms: number): void;
  end(): Promise<void>;
}

export interface Adapter {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  world(): World;
}

/** Suites on one adapter, whose servers run for all of them. */
export function on(adapter: Adapter, suites: readonly ((adapter: Adapter) => void)[]): void {
  describe(adapter.name, () => {
    beforeAll(() => adapter.start(), 40_000);
    afterAll(() => adapter.stop());
    for (const suite of suites) suite(adapter);
  });
}

export const COMMAND_TIMEOUT_MS = 400;

/** Blocks this thread, as a long computation or a garbage collection does. */
export function stallThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export function memory(): Adapter {
  return {
    name: 'memory',
    start: async () => undefined,
    stop: async () => undefined,
    world: () => {
      const time = new SimulatedClock();
      const store = new MemoryLeaseStore({ clock: time });
      const [clock, otherClock] = [new SleepyClock(time), new SleepyClock(time)];
      const managers: LockManager[] = [];
      return {
        clock,
        otherClock,
        open: (its = clock) => {
          const manager = new MemoryLockManager({ store, clock: its, entropy: seededEntropy(managers.length + 1) });
          managers.push(manager);
          return manager;
        },
        elapse: (ms) => time.advance(ms),
        stall: (ms) => time.stall(ms),
        end: async () => {
          await Promise.all(managers.map((manager) => manager.close()));
        },
      };
    },
  };
}

let namespaces = 0;

function redisWorld(options: (opened: (() => void)[]) => Pick<RedisLockManagerOptions, 'redis'>): World {
  namespaces += 1;
  const namespace = `world${namespaces}`;
  const [clock, otherClock] = [new SleepyClock(systemClock), new SleepyClock(systemClock)];
  const managers: LockManager[] = [];
  const closing: (() => void)[] = [];
  return {
    clock,
    otherClock,
    open: (its = clock) => {
      const manager = new RedisLockManager({
        ...options(closing),
        namespace,
        clock: its,
        commandTimeoutMs: COMMAND_TIMEOUT_MS,
      });
      managers.push(manager);
      return manager;
    },
    elapse: (ms) => sleep(ms),
    stall: stallThread,
    end: async () => {
      await Promise.all(managers.map((manager) => manager.close()));
      for (const close of closing) close();
    },
  };
}

export function single(): Adapter {
  let backend: Backend;
  return {
    name: 'Redis',
    start: async () => {
      backend = await startRedis();
    },
    stop: () => backend.stop(),
    world: () => redisWorld(() => ({ redis: backend.url })),
  };
}

export function sentinel(): Adapter {
  let backend: RedisSentinel;
  return {
    name: 'Redis Sentinel',
    start: async () => {
      backend = await startRedisSentinel();
    },
    stop: () => backend.stop(),
    world: () => redisWorld(() => ({ redis: { sentinels: [...backend.sentinels], name: backend.name } })),
  };
}

export function cluster(): Adapter {
  let backend: RedisCluster;
  return {
    name: 'Redis Cluster',
    start: async () => {
      backend = await startRedisCluster();
    },
    stop: () => backend.stop(),
    world: () =>
      redisWorld((closing) => {
        const client = new Cluster([...backend.urls], safeClusterOptions(COMMAND_TIMEOUT_MS));
        client.on('error', () => undefined);
        closing.push(() => client.disconnect());
        return { redis: client };
      }),
  };
}
