// Uncontended acquire + release pairs: ours beside plain ioredis (SET NX PX, EVALSHA compare-and-
// delete), and beside the limit of one command per lock (a raw socket with ready-made requests
// and a Lua fence). Cases alternate in slices within one run; a slice counts only when other
// processes left the machine alone. Prints and writes ratios: absolute figures are this machine's.
// Processor time per pair is of all slices: load makes it larger, for all cases alike. Then the
// hand-over of a lock to a waiter, beside a token in a list.
import { connect, type Socket } from 'node:net';
import { RedisLink, RedisLockManager } from '@devmentor/locks/redis';
import { Redis } from 'ioredis';
import { startRedis } from '../test/backends.ts';
import { handOver } from './locks/hand-over.ts';
import { mapValues, versionOf, writeResults } from './measure/results.ts';
import { isMeasured, percentile, quietAtMostCores, quietSamples, takeTurns } from './measure/slices.ts';

const SLICE_MS = 150;
const SLICES = 24;
const IN_FLIGHT = [1, 64, 512];
const TTL_MS = 30_000;

const COMPARE_AND_DELETE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;
const ACQUIRE_WITH_FENCE = `if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', 30000) then return redis.call('incr', KEYS[2]) end return -1`;

interface Case {
  readonly name: string;
  pair(worker: number): Promise<void>;
}

const redis = await startRedis();
const locks = new RedisLockManager({ redis: redis.url, namespace: 'bench' });
const link = RedisLink.open({ redis: redis.url });
const plain = new Redis(redis.url);
const socket = connect(redis.port, '127.0.0.1').setNoDelay(true);
const answers: (() => void)[] = [];
const scripts = {
  release: String(await plain.script('LOAD', COMPARE_AND_DELETE)),
  acquire: String(await plain.script('LOAD', ACQUIRE_WITH_FENCE)),
};
let tokens = 0;

const cases: readonly Case[] = [
  {
    name: 'ours',
    pair: async (worker) => {
      const outcome = await locks.tryAcquire(`ours:${worker}`, { holder: { id: 'bench' }, ttlMs: TTL_MS });
      if (outcome.kind !== 'granted') throw new Error(outcome.kind);
      const released = await outcome.lease.release();
      if (released.kind !== 'released') throw new Error(released.kind);
    },
  },
  {
    name: 'ioredis',
    pair: async (worker) => {
      tokens += 1;
      const token = `token-${tokens}`;
      const key = `plain:${worker}`;
      if ((await plain.set(key, token, 'PX', TTL_MS, 'NX')) !== 'OK') throw new Error('held');
      if ((await plain.evalsha(scripts.release, 1, key, token)) !== 1) throw new Error('lost');
    },
  },
  {
    name: 'limit',
    pair: async (worker) => {
      tokens += 1;
      const token = `token-${tokens}`;
      await raw(['EVALSHA', scripts.acquire, '2', `raw:${worker}`, `raw:fence:${worker}`, token]);
      await raw(['EVALSHA', scripts.release, '1', `raw:${worker}`, token]);
    },
  },
];

socket.on('data', (chunk) => {
  for (const byte of chunk) if (byte === 10) answers.shift()?.();
});

/** One request on the bare socket, written at the end of the tick with all others of it. */
let outgoing = '';
function raw(parts: readonly string[]): Promise<void> {
  if (outgoing === '') setImmediate(flush, socket);
  outgoing += `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;
  return new Promise((resolve) => answers.push(resolve));
}
function flush(to: Socket): void {
  to.write(outgoing);
  outgoing = '';
}

/** Processor time of the server, in microseconds. */
async function serverUs(): Promise<number> {
  const info = String(await link.command('info', 'cpu'));
  const used = [...info.matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)];
  return used.reduce((sum, [, seconds]) => sum + Number(seconds) * 1e6, 0);
}

/** Pairs of so many workers over one slice, and per second. */
async function rateOf(one: Case, inFlight: number): Promise<{ readonly pairs: number; readonly rate: number }> {
  const startMs = performance.now();
  let pairs = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async (_, worker) => {
      while (performance.now() - startMs < SLICE_MS) {
        await one.pair(worker);
        pairs += 1;
      }
    }),
  );
  return { pairs, rate: (pairs / (performance.now() - startMs)) * 1_000 };
}

/** Processor microseconds per pair, of every slice. */
interface Cost {
  readonly client: number;
  readonly redis: number;
}

interface Measured {
  readonly inFlight: number;
  readonly slices: Readonly<Record<string, number>>;
  readonly ours: number | 'not measured';
  readonly limit: number | 'not measured';
  readonly peers: Readonly<Record<string, number | 'not measured'>>;
  readonly ratios: Readonly<Record<string, number | 'not measured'>>;
  readonly cpuPerPair: Readonly<Record<string, Cost>>;
  /** Of all slices, whatever else ran: says which way things go, and no more. */
  readonly underLoad: Readonly<Record<string, number>>;
}

async function measure(inFlight: number): Promise<Measured> {
  const spent = new Map(cases.map(({ name }) => [name, { pairs: 0, clientUs: 0, redisUs: 0 }]));
  const turns = cases.map((one) => {
    const slice = async (): Promise<number[]> => {
      const [client, server] = [process.cpuUsage(), await serverUs()];
      const { pairs, rate } = await rateOf(one, inFlight);
      const { user, system } = process.cpuUsage(client);
      const sum = spent.get(one.name);
      if (sum !== undefined) {
        sum.pairs += pairs;
        sum.clientUs += user + system;
        sum.redisUs += (await serverUs()) - server;
      }
      return [rate];
    };
    return [one.name, slice] as const;
  });
  const taken = await takeTurns(Object.fromEntries(turns), { slices: SLICES });
  const median = (rates: readonly number[]): number => Math.round(percentile(rates, 0.5));
  const rate = (name: string): number | 'not measured' => {
    const slices = taken[name] ?? [];
    return isMeasured(slices) ? median(quietSamples(slices)) : 'not measured';
  };
  const ratio = (to: string): number | 'not measured' => {
    const [ours, other] = [rate('ours'), rate(to)];
    return typeof ours === 'string' || typeof other === 'string' ? 'not measured' : Number((ours / other).toFixed(2));
  };
  return {
    inFlight,
    slices: mapValues(taken, (slices) => slices.filter(({ quiet }) => quiet).length),
    ours: rate('ours'),
    limit: rate('limit'),
    peers: { ioredis: rate('ioredis') },
    ratios: { 'ours / ioredis': ratio('ioredis'), 'ours / limit': ratio('limit') },
    cpuPerPair: mapValues(Object.fromEntries(spent), ({ pairs, clientUs, redisUs }) => ({
      client: Number((clientUs / pairs).toFixed(1)),
      redis: Number((redisUs / pairs).toFixed(1)),
    })),
    underLoad: mapValues(taken, (slices) => median(slices.flatMap(({ samples }) => samples))),
  };
}

await locks.open();
const results: Measured[] = [];
for (const inFlight of IN_FLIGHT) results.push(await measure(inFlight));

const hands = handOver(locks, redis.url);
const handed = await takeTurns({ ours: hands.ours, blpop: hands.blpop }, { slices: SLICES });
hands.close();
const latency = (samples: readonly number[]) => ({
  p50: Number(percentile(samples, 0.5).toFixed(3)),
  p99: Number(percentile(samples, 0.99).toFixed(3)),
});
const handOvers = mapValues(handed, (slices) => ({
  ms: isMeasured(slices) ? latency(quietSamples(slices)) : ('not measured' as const),
  underLoad: latency(slices.flatMap(({ samples }) => samples)),
  slices: slices.filter(({ quiet }) => quiet).length,
}));

const server = /redis_version:(\S+)/.exec(String(await link.command('info', 'server')))?.[1] ?? 'unknown';
const report = {
  what: 'uncontended acquire + release pairs per second',
  versions: { node: process.version, redis: server, ioredis: versionOf('ioredis') },
  sliceMs: SLICE_MS,
  quietBelowForeignCores: quietAtMostCores,
  results,
  handOver: { what: 'release called -> a waiter owns, ms', ...handOvers },
};
writeResults('locks', report);

for (const { inFlight, ours, peers, limit, ratios, slices, cpuPerPair, underLoad } of results) {
  console.log(
    `${String(inFlight).padStart(3)} in flight  ours ${ours}/s  ioredis ${peers.ioredis}/s  limit ${limit}/s  ours/ioredis ${ratios['ours / ioredis']}  ours/limit ${ratios['ours / limit']}  (quiet slices ${Object.values(slices).join('/')}; all slices ${JSON.stringify(underLoad)}; CPU us/pair ${JSON.stringify(cpuPerPair)})`,
  );
}
console.log(`hand-over, ms: ${JSON.stringify(handOvers)}`);

await locks.close();
await link.close();
plain.disconnect();
socket.destroy();
await redis.stop();
