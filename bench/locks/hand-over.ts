// From the call of release to the moment a waiter owns: ours, and a token in a list that the
// waiter blocks on (BLPOP), which is the least that a hand-over through Redis can cost.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisLockManager } from '@devmentor/locks/redis';
import { Redis } from 'ioredis';

const HOLD_MS = 2;
const HAND_OVERS = 20;
const WAIT_MS = 10_000;

export interface HandOver {
  /** Milliseconds of each hand-over of one slice. */
  readonly ours: () => Promise<number[]>;
  readonly blpop: () => Promise<number[]>;
  close(): void;
}

export function handOver(locks: RedisLockManager, url: string): HandOver {
  const releaser = new Redis(url);
  const waiter = new Redis(url);
  let turns = 0;
  return {
    ours: () =>
      repeat(async () => {
        turns += 1;
        const held = await locks.acquire('handed-over', { holder: { id: `h${turns}` } });
        const waiting = locks
          .acquire('handed-over', { holder: { id: `w${turns}` }, waitMs: WAIT_MS })
          .then((lease) => ({ lease, atMs: performance.now() }));
        await sleep(HOLD_MS);
        const startMs = performance.now();
        const released = held.release();
        const { lease, atMs } = await waiting;
        await released;
        await lease.release();
        return atMs - startMs;
      }),
    blpop: () =>
      repeat(async () => {
        const waiting = waiter.blpop('token', WAIT_MS / 1_000).then(() => performance.now());
        await sleep(HOLD_MS);
        const startMs = performance.now();
        const [atMs] = await Promise.all([waiting, releaser.rpush('token', 'token')]);
        return atMs - startMs;
      }),
    close: () => {
      releaser.disconnect();
      waiter.disconnect();
    },
  };
}

async function repeat(once: () => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < HAND_OVERS; n += 1) samples.push(await once());
  return samples;
}
