// Ten thousand leases held by one process, renewed in batches: what that costs.
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisLockManager } from '@devmentor/locks/redis';
import { infoOf } from './defects.ts';

const LEASES = 10_000;
const WATCHED_MS = 20_000;

export interface ManyHeld {
  readonly leases: number;
  readonly ttlMs: number;
  /** Of one core, in per cent. */
  readonly clientPercent: number;
  readonly serverPercent: number;
  readonly requestsPerSecond: number;
  readonly isEveryoneValid: boolean;
}

export async function holdMany(url: string): Promise<ManyHeld> {
  const ttlMs = 30_000;
  const locks = new RedisLockManager({ redis: url, namespace: 'many' });
  const claims = Array.from({ length: LEASES }, (_, n) => locks.acquire(`many:${n}`, { ttlMs }));
  const leases = await Promise.all(claims);
  await sleep(500);
  const before = { client: process.cpuUsage(), server: await serverOf(url), atMs: performance.now() };
  // Two rounds of renewals, each of which takes the leases in the time that their jitter spreads over.
  await sleep(WATCHED_MS);
  const { user, system } = process.cpuUsage(before.client);
  const server = await serverOf(url);
  const tookMs = performance.now() - before.atMs;
  const isEveryoneValid = leases.every((lease) => lease.valid);
  await locks.close();
  const percent = (ms: number): number => Number(((100 * ms) / tookMs).toFixed(2));
  return {
    leases: LEASES,
    ttlMs,
    clientPercent: percent((user + system) / 1_000),
    serverPercent: percent(server.cpuMs - before.server.cpuMs),
    requestsPerSecond: Math.round((1_000 * (server.calls - before.server.calls)) / tookMs),
    isEveryoneValid,
  };
}

async function serverOf(url: string): Promise<{ readonly cpuMs: number; readonly calls: number }> {
  const cpu = [...(await infoOf(url, 'cpu')).matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)];
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await infoOf(url, 'commandstats'))?.[1] ?? 0;
  return { cpuMs: cpu.reduce((sum, [, seconds]) => sum + Number(seconds) * 1_000, 0), calls: Number(calls) };
}
