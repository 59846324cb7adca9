// Claims as people meet them: how soon a second browser shows who edits, and how soon the API
// answers 50 clients at once; embedded, and through two servers on one Redis and NATS. Beside
// each, the same by node:http and ws alone, and by the usual SET NX.
import { Redis } from 'ioredis';
import { startNats, startRedis } from '../test/backends.ts';
import { startChromium } from '../test/chromium.ts';
import { claimOnce, openPair, type Pair, type Seen } from './claims/browser.ts';
import { RestClient } from './claims/rest.ts';
import { startBareServer, startServer } from './claims/servers.ts';
import { report, versionOf } from './measure/results.ts';
import { percentile, takeTurns } from './measure/slices.ts';

const clients = 50;
const claimsPerSlice = 10;
const restSliceMs = 300;

await using redis = await startRedis();
await using nats = await startNats();
const cluster = ['--redis', redis.url, '--nats', nats.url];
await using embedded = await startServer();
await using one = await startServer(...cluster);
await using two = await startServer(...cluster);
await using bare = await startBareServer();
await using setNx = await startBareServer(redis.url);

const browser = await startChromium();
const pairs = {
  embedded: await openPair(browser, embedded.url, embedded.url),
  cluster: await openPair(browser, one.url, two.url),
  bare: await openPair(browser, bare.url, bare.url),
};
const fromAnswer = { embedded: [] as number[], cluster: [] as number[], bare: [] as number[] };
const watching = (name: keyof typeof pairs) => async (): Promise<number[]> => {
  const seen = await claims(pairs[name]);
  fromAnswer[name].push(...seen.map(({ fromAnswerMs }) => fromAnswerMs));
  return seen.map(({ fromClickMs }) => fromClickMs);
};
const seen = await takeTurns(
  { embedded: watching('embedded'), cluster: watching('cluster'), bare: watching('bare') },
  { slices: 20, samples: 200, withinMs: 45_000 },
);
const browserVersion = browser.version();
await browser.close();

async function claims(pair: Pair): Promise<Seen[]> {
  const all: Seen[] = [];
  for (let n = 0; n < claimsPerSlice; n += 1) all.push(await claimOnce(pair));
  return all;
}

const guests = (urls: readonly string[]): Promise<RestClient[]> =>
  Promise.all(Array.from({ length: clients }, (_, n) => RestClient.guest(urls[n % urls.length] as string)));
const strangers = (url: string): RestClient[] =>
  Array.from({ length: clients }, (_, n) => new RestClient(url, `p${n}`));
const groups = {
  embedded: await guests([embedded.url]),
  cluster: await guests([one.url, two.url]),
  bare: strangers(bare.url),
  setNx: strangers(setNx.url),
};
const asking = (group: readonly RestClient[]) => async (): Promise<number[]> => {
  const untilMs = performance.now() + restSliceMs;
  return (await Promise.all(group.map((client) => client.loop(untilMs)))).flat();
};
const answered = await takeTurns(
  {
    embedded: asking(groups.embedded),
    cluster: asking(groups.cluster),
    bare: asking(groups.bare),
    setNx: asking(groups.setNx),
  },
  { slices: 10, samples: 2_000, withinMs: 30_000 },
);
for (const client of Object.values(groups).flat()) client.close();

const versions = {
  redis: await redisVersion(),
  chromium: browserVersion,
  'playwright-core': versionOf('playwright-core'),
  ioredis: versionOf('ioredis'),
  ws: versionOf('ws'),
};
const what = `a claim seen by a second browser, and claim and release at ${clients} clients`;
const met = report('claims', what, versions, [
  { name: 'click to seen, embedded', goalMs: 50, ours: seen.embedded, limit: seen.bare },
  { name: 'click to seen, two servers', goalMs: 50, ours: seen.cluster, limit: seen.bare },
  { name: 'claim + release, embedded', goalMs: 100, ours: answered.embedded, limit: answered.bare },
  {
    name: 'claim + release, two servers',
    goalMs: 100,
    ours: answered.cluster,
    limit: answered.bare,
    peers: { 'SET NX PX': answered.setNx },
  },
]);
for (const [name, values] of Object.entries(fromAnswer)) {
  const [p50, p95] = [percentile(values, 0.5), percentile(values, 0.95)];
  console.log(`${name}: seen ${p50.toFixed(1)} ms (p95 ${p95.toFixed(1)}) after the holder's own page showed it`);
}
if (!met) process.exitCode = 2;

async function redisVersion(): Promise<string> {
  const client = new Redis(redis.url);
  const [, version = 'unknown'] = /redis_version:(\S+)/.exec(await client.info('server')) ?? [];
  client.disconnect();
  return version;
}
