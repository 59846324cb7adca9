// What a lock costs: pairs of acquire and release that nobody else wants, and the hand-over to a
// waiter; ours beside what people use instead and beside the limits. Cases alternate in slices
// within one run; a slice counts only when other processes left the machine alone. Prints and
// writes ratios: absolute figures are this machine's. Processor time per pair is of all slices:
// load makes it larger, for all cases alike.
//
//   pnpm bench locks [--only=pairs-1,pairs-64,pairs-512,hand-over]
import { Redis } from 'ioredis';
import { startRedis } from '../test/backends.ts';
import { blpop, type HandOver, handOvers, oursHandOver, pollingPeers } from './locks/hand-over.ts';
import { everyPair, type Pairs, peerLibraries } from './locks/pairs.ts';
import { progress } from './measure/progress.ts';
import { mapValues, versionOf, writeResults } from './measure/results.ts';
import { isMeasured, percentile, quietAtMostCores, quietSamples, type Slice, takeTurns } from './measure/slices.ts';

const LEAD_IN_MS = 50;
const SLICE_MS = 150;
const SLICES = 12;
const IN_FLIGHT = [1, 64, 512] as const;
const WAITERS = [1, 2, 16] as const;
const PARTS = ['pairs-1', 'pairs-64', 'pairs-512', 'hand-over'] as const;
/** So many leases of a resource are remembered: from there on, memory no longer grows. */
const WARM_ROUNDS = 300;

type Figure = number | 'not measured';

const parts = partsAsked();
const redis = await startRedis();
const control = new Redis(redis.url);

/** Processor time of the server, in microseconds. */
async function serverUs(): Promise<number> {
  const used = [...(await control.info('cpu')).matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)];
  return used.reduce((sum, [, seconds]) => sum + Number(seconds) * 1e6, 0);
}

/**
 * Pairs per second of so many workers over one slice, and how long they took, in milliseconds. The
 * workers all begin at once, with code that others have driven out of the caches since: that is not
 * what is asked about, and does not count.
 */
async function sliceOf(one: Pairs, inFlight: number) {
  const startMs = performance.now();
  const countedMs = startMs + LEAD_IN_MS;
  const tookMs: number[] = [];
  let [pairs, counted] = [0, 0];
  await Promise.all(
    Array.from({ length: inFlight }, async (_, worker) => {
      for (let begunMs = startMs; begunMs - countedMs < SLICE_MS; ) {
        await one.pair(worker);
        const endMs = performance.now();
        if (begunMs >= countedMs) tookMs.push(endMs - begunMs);
        if (endMs >= countedMs) counted += 1;
        pairs += 1;
        begunMs = endMs;
      }
    }),
  );
  const rate = (counted / (performance.now() - countedMs)) * 1_000;
  return { pairs, samples: [rate, percentile(tookMs, 0.5), percentile(tookMs, 0.99)] };
}

interface Result {
  readonly name: string;
  readonly kind: Pairs['kind'];
  readonly mode: Pairs['mode'];
  readonly slices: { readonly all: number; readonly quiet: number };
  readonly pairsPerSecond: Figure;
  readonly p50Ms: Figure;
  readonly p99Ms: Figure;
  /** Processor microseconds per pair, of every slice. */
  readonly cpuUs: { readonly client: number; readonly redis: number };
  /** Of all slices, whatever else ran: says which way things go, and no more. */
  readonly underLoad: number;
}

async function measurePairs(all: readonly Pairs[], inFlight: number): Promise<Result[]> {
  const spent = all.map(() => ({ pairs: 0, clientUs: 0, redisUs: 0 }));
  const cases = all.map((one, index) => {
    const slice = async (): Promise<number[]> => {
      const [client, server] = [process.cpuUsage(), await serverUs()];
      const { pairs, samples } = await sliceOf(one, inFlight);
      const { user, system } = process.cpuUsage(client);
      const sum = spent[index];
      if (sum !== undefined) {
        sum.pairs += pairs;
        sum.clientUs += user + system;
        sum.redisUs += (await serverUs()) - server;
      }
      return samples;
    };
    return [String(index), slice] as const;
  });
  const taken = await takeTurns(Object.fromEntries(cases), { slices: SLICES });
  return all.map(({ name, kind, mode }, index): Result => {
    const slices = taken[String(index)] ?? [];
    const { pairs, clientUs, redisUs } = spent[index] ?? { pairs: 1, clientUs: 0, redisUs: 0 };
    const figure = (nth: number): Figure =>
      isMeasured(slices)
        ? rounded(
            medianOf(
              slices.filter(({ quiet }) => quiet),
              nth,
            ),
          )
        : 'not measured';
    return {
      name,
      kind,
      mode,
      slices: { all: slices.length, quiet: slices.filter(({ quiet }) => quiet).length },
      pairsPerSecond: figure(0),
      p50Ms: figure(1),
      p99Ms: figure(2),
      cpuUs: { client: rounded(clientUs / pairs), redis: rounded(redisUs / pairs) },
      underLoad: rounded(medianOf(slices, 0)),
    };
  });
}

/** The median over slices of their nth sample. */
function medianOf(slices: readonly Slice[], nth: number): number {
  return percentile(
    slices.map(({ samples }) => samples[nth] ?? Number.NaN),
    0.5,
  );
}

function rounded(value: number): number {
  return value > 1_000 ? Math.round(value) : Number(value.toPrecision(3));
}

function ratio(ours: Figure | undefined, other: Figure | undefined): Figure {
  return typeof ours === 'number' && typeof other === 'number' ? rounded(ours / other) : 'not measured';
}

/** Each peer in the mode in which it does more pairs. */
function inBestMode(results: readonly Result[]): Result[] {
  const rateOf = ({ pairsPerSecond, underLoad }: Result): number =>
    pairsPerSecond === 'not measured' ? underLoad : pairsPerSecond;
  const best = new Map<string, Result>();
  for (const result of results) {
    if (result.kind !== 'peer') continue;
    const other = best.get(result.name);
    if (other === undefined || rateOf(result) > rateOf(other)) best.set(result.name, result);
  }
  return [...best.values()].sort((a, b) => rateOf(b) - rateOf(a));
}

interface Goal {
  readonly what: string;
  readonly ratio: Figure;
  readonly goal: string;
  readonly verdict: 'met' | 'missed' | 'not measured';
}

function atLeast(what: string, found: Figure, bound: number): Goal {
  return { what, ratio: found, goal: `at least ${bound}`, verdict: verdictOf(found, (value) => value >= bound) };
}
function atMost(what: string, found: Figure, bound: number): Goal {
  return { what, ratio: found, goal: `at most ${bound}`, verdict: verdictOf(found, (value) => value <= bound) };
}
function verdictOf(found: Figure, isMet: (value: number) => boolean): Goal['verdict'] {
  return found === 'not measured' ? found : isMet(found) ? 'met' : 'missed';
}

function pairGoals(inFlight: (typeof IN_FLIGHT)[number], results: readonly Result[]) {
  const [ours, silent] = results.filter(({ kind }) => kind === 'ours');
  const limit = results.find(({ kind }) => kind === 'limit');
  const peers = inBestMode(results);
  const plain = peers.find(({ name }) => name === 'ioredis');
  const best = peers.find(({ name }) => name !== 'ioredis');
  const rate = (of: Result | undefined): Figure => ratio(ours?.pairsPerSecond, of?.pairsPerSecond);
  const ratios = {
    ...Object.fromEntries(peers.map((peer) => [`ours / ${peer.name}`, rate(peer)])),
    'ours / limit': rate(limit),
    'log: false / ours': ratio(silent?.pairsPerSecond, ours?.pairsPerSecond),
  };
  const lowestP99 = Math.min(
    ...peers.flatMap(({ name, p99Ms }) => (name !== 'ioredis' && typeof p99Ms === 'number' ? [p99Ms] : [])),
  );
  const goals = {
    1: () => [
      atLeast(
        '1 in flight: ours / ioredis as it is',
        ratio(ours?.pairsPerSecond, plainOf(results)?.pairsPerSecond),
        0.75,
      ),
    ],
    64: () => [atLeast(`64 in flight: ours / ${best?.name}`, rate(best), 1.1)],
    512: () => [
      atLeast(`512 in flight: ours / ${best?.name}`, rate(best), 2),
      atLeast(`512 in flight: ours / ${plain?.name} (${plain?.mode}) by hand`, rate(plain), 2),
      atLeast('512 in flight: ours / limit', rate(limit), 0.65),
      atMost(
        '512 in flight: p99 of ours / of the best peer',
        ratio(ours?.p99Ms, Number.isFinite(lowestP99) ? lowestP99 : 'not measured'),
        0.5,
      ),
    ],
  }[inFlight]();
  return { ratios, goals, bestModes: Object.fromEntries(peers.map(({ name, mode }) => [name, mode])) };
}

function plainOf(results: readonly Result[]): Result | undefined {
  return results.find(({ name, mode }) => name === 'ioredis' && mode === 'plain');
}

function partsAsked(): readonly string[] {
  const only = process.argv
    .find((argument) => argument.startsWith('--only='))
    ?.slice('--only='.length)
    .split(',');
  const unknown = only?.filter((part) => !(PARTS as readonly string[]).includes(part)) ?? [];
  if (unknown.length > 0) throw new Error(`no part named ${unknown.join(', ')}; there are: ${PARTS.join(', ')}`);
  return only ?? PARTS;
}

const pairResults = [];
const goals: Goal[] = [];
if (parts.some((part) => part.startsWith('pairs'))) {
  const all = everyPair(redis);
  progress('locks: warming up');
  for (const one of all) {
    const rounds = one.kind === 'ours' ? WARM_ROUNDS : 10;
    await Promise.all(
      Array.from({ length: Math.max(...IN_FLIGHT) }, async (_, worker) => {
        for (let round = 0; round < rounds; round += 1) await one.pair(worker);
      }),
    );
  }
  for (const inFlight of IN_FLIGHT) {
    if (!parts.includes(`pairs-${inFlight}`)) continue;
    progress(`locks: ${all.length} cases with ${inFlight} in flight`);
    const results = await measurePairs(all, inFlight);
    const of = pairGoals(inFlight, results);
    goals.push(...of.goals);
    const named = (kind: Pairs['kind']) => results.filter((result) => result.kind === kind);
    pairResults.push({
      inFlight,
      ours: named('ours'),
      limit: named('limit'),
      peers: named('peer'),
      bestModes: of.bestModes,
      ratios: of.ratios,
    });
    printPairs(inFlight, results, of.bestModes);
  }
  for (const one of all) await one.close();
}

const handResults = [];
if (parts.includes('hand-over')) {
  const [ours, token, ...peers]: HandOver[] = [oursHandOver(redis.url), blpop(redis.url), ...pollingPeers(redis.url)];
  for (const waiters of WAITERS) {
    progress(`locks: hand-over with ${waiters} waiting`);
    const fast = await takeTurns(
      { ours: () => handOvers(ours as HandOver, waiters, 40), blpop: () => handOvers(token as HandOver, waiters, 40) },
      { slices: 10 },
    );
    const slow = await takeTurns(
      Object.fromEntries(peers.map((peer) => [peer.name, () => handOvers(peer, waiters, 3)])),
      { slices: 5, withinMs: 12_000 },
    );
    const told = mapValues({ ...fast, ...slow }, (slices: readonly Slice[]) => ({
      ms: isMeasured(slices) ? latency(quietSamples(slices)) : ('not measured' as const),
      underLoad: latency(slices.flatMap(({ samples }) => samples)),
      slices: { all: slices.length, quiet: slices.filter(({ quiet }) => quiet).length },
    }));
    const p50 = (name: string): Figure => {
      const ms = told[name as keyof typeof told]?.ms;
      return ms === undefined || ms === 'not measured' ? 'not measured' : ms.p50;
    };
    const ofPeers = peers.flatMap(({ name }) =>
      typeof p50(name) === 'number' ? [[name, p50(name) as number] as const] : [],
    );
    const [bestName, bestMs] = ofPeers.sort((a, b) => a[1] - b[1])[0] ?? ['the best peer', 'not measured' as const];
    const toToken = ratio(p50('ours'), p50('blpop'));
    const toBest = ratio(bestMs, p50('ours'));
    goals.push(atMost(`hand-over, ${waiters} waiting: ours / BLPOP, p50`, toToken, 2.5));
    if (waiters < 3) goals.push(atLeast(`hand-over, ${waiters} waiting: ${bestName} / ours, p50`, toBest, 40));
    handResults.push({ waiters, ...told, ratios: { 'ours / BLPOP': toToken, [`${bestName} / ours`]: toBest } });
    console.log(`hand-over with ${waiters} waiting, ms:`);
    for (const [name, { ms, underLoad }] of Object.entries(told))
      console.log(`  ${name.padEnd(26)} ${JSON.stringify(ms)}  (all slices ${JSON.stringify(underLoad)})`);
  }
  for (const one of [ours, token, ...peers]) await one?.close();
}

function latency(samples: readonly number[]) {
  return { p50: rounded(percentile(samples, 0.5)), p99: rounded(percentile(samples, 0.99)) };
}

function printPairs(inFlight: number, results: readonly Result[], bestModes: Readonly<Record<string, string>>): void {
  console.log(`${inFlight} in flight: pairs/s, p50 and p99 in ms, processor us per pair (* best mode)`);
  for (const { name, mode, kind, pairsPerSecond, p50Ms, p99Ms, cpuUs, underLoad, slices } of results) {
    const isBest = kind === 'peer' && bestModes[name] === mode;
    const title = kind === 'peer' ? `${name}${mode === 'plain' ? '' : ', auto'}${isBest ? ' *' : ''}` : name;
    console.log(
      `  ${title.padEnd(34)} ${String(pairsPerSecond).padStart(12)}  ${p50Ms} / ${p99Ms}  client ${cpuUs.client} redis ${cpuUs.redis}  (quiet ${slices.quiet}/${slices.all}; all slices ${underLoad}/s)`,
    );
  }
}

const version = /redis_version:(\S+)/.exec(await control.info('server'))?.[1] ?? 'unknown';
if (parts.length === PARTS.length)
  writeResults('locks', {
    what: 'uncontended acquire + release pairs per second, and release called -> a waiter owns in ms',
    versions: { node: process.version, redis: version, ...mapValues(peerLibraries, versionOf) },
    sliceMs: SLICE_MS,
    quietBelowForeignCores: quietAtMostCores,
    pairs: pairResults,
    handOver: handResults,
    goals,
  });
console.log('goals:');
for (const { what, ratio: found, goal, verdict } of goals)
  console.log(`  ${verdict.padEnd(12)} ${what}: ${found} (${goal})`);

control.disconnect();
await redis.stop();
process.exitCode = goals.every(({ verdict }) => verdict === 'met') ? 0 : 1;
