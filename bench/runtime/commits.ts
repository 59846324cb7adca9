// Durable commits in Redis: one by one beside the least that a script can do, and in groups, as
// they come about when many messages wait for one actor, or many actors of one shard commit.
// Cases alternate in slices within one run.
import { Redis } from 'ioredis';
import { startRedis } from '../../test/backends.ts';
import { progress } from '../measure/progress.ts';
import { mapValues, versionOf, writeResults } from '../measure/results.ts';
import { isMeasured, percentile, quietAtMostCores, quietSamples, takeTurns } from '../measure/slices.ts';
import { openBare } from './commits/bare.ts';
import { openRuntime, openStore } from './commits/ours.ts';

const SLICE_MS = 250;
const SLICES = 12;
const ACTORS = 512;

await using server = await startRedis();
const control = new Redis(server.url);
const bare = await openBare(server.url);
const store = await openStore(server.url, ACTORS + 1);
const runtime = await openRuntime(server.url, ACTORS + 2);

const cases = {
  'bare script': { inFlight: 1, work: bare.write },
  // Actors of their own, apart from those that commit in groups.
  'store, one by one': { inFlight: 1, work: () => store.commit(ACTORS) },
  'store, 512 actors': { inFlight: ACTORS, work: store.commit },
  'messages, one by one': { inFlight: 1, work: () => runtime.tell(ACTORS) },
  'messages, 64 for one actor': { inFlight: 64, work: () => runtime.tell(ACTORS + 1) },
  'messages, 512 actors': { inFlight: ACTORS, work: runtime.tell },
} satisfies Record<string, { readonly inFlight: number; work(lane: number): Promise<unknown> }>;
type Name = keyof typeof cases;
const names = Object.keys(cases) as Name[];

const GOALS: readonly { readonly of: Name; readonly over: Name; readonly least: number }[] = [
  { of: 'store, one by one', over: 'bare script', least: 0.6 },
  { of: 'store, 512 actors', over: 'store, one by one', least: 3 },
  { of: 'messages, 64 for one actor', over: 'messages, one by one', least: 3 },
  { of: 'messages, 64 for one actor', over: 'store, one by one', least: 3 },
  { of: 'messages, 512 actors', over: 'messages, one by one', least: 3 },
  { of: 'messages, 512 actors', over: 'store, one by one', least: 3 },
];

/** Processor time of the server, in microseconds. */
async function serverUs(): Promise<number> {
  const used = [...(await control.info('cpu')).matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)];
  return used.reduce((sum, [, seconds]) => sum + Number(seconds) * 1e6, 0);
}

const spent = mapValues(cases, () => ({ commits: 0, clientUs: 0, redisUs: 0 }));

/** Commits per second over one slice. */
async function slice(name: Name): Promise<readonly number[]> {
  const { inFlight, work } = cases[name];
  const [server, client] = [await serverUs(), process.cpuUsage()];
  const startMs = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async (_, lane) => {
      while (performance.now() - startMs < SLICE_MS) {
        await work(lane);
        done += 1;
      }
    }),
  );
  const rate = (done / (performance.now() - startMs)) * 1_000;
  const { user, system } = process.cpuUsage(client);
  const sum = spent[name];
  if (sum !== undefined) {
    sum.commits += done;
    sum.clientUs += user + system;
    sum.redisUs += (await serverUs()) - server;
  }
  return [rate];
}

type Figure = number | 'not measured';
const rounded = (value: number): number => (value > 1_000 ? Math.round(value) : Number(value.toPrecision(3)));
const ratio = (of: Figure | undefined, over: Figure | undefined): Figure =>
  typeof of === 'number' && typeof over === 'number' ? rounded(of / over) : 'not measured';

let turn = 0;
const turns = names.map((name) => {
  const taking = async () => {
    if (turn % names.length === 0) progress(`commits: round ${turn / names.length + 1} of at least ${SLICES + 1}`);
    turn += 1;
    return slice(name);
  };
  return [name, taking] as const;
});
const taken = await takeTurns(Object.fromEntries(turns), { slices: SLICES });

const results = names.map((name) => {
  const slices = taken[name] ?? [];
  const { commits, clientUs, redisUs } = spent[name] ?? { commits: 0, clientUs: 0, redisUs: 0 };
  const all = slices.flatMap(({ samples }) => samples);
  return {
    name,
    slices: { all: slices.length, quiet: slices.filter(({ quiet }) => quiet).length },
    perSecond: isMeasured(slices) ? rounded(percentile(quietSamples(slices), 0.5)) : ('not measured' as const),
    /** Processor microseconds per commit, of every slice. */
    cpuUs: { client: rounded(clientUs / commits), redis: rounded(redisUs / commits) },
    /** Of all slices, whatever else ran: says which way things go, and no more. */
    underLoad: rounded(percentile(all, 0.5)),
  };
});
const resultOf = (name: Name) => results.find((result) => result.name === name);
const goals = GOALS.map(({ of, over, least }) => {
  const found = ratio(resultOf(of)?.perSecond, resultOf(over)?.perSecond);
  return {
    what: `${of} / ${over}`,
    ratio: found,
    goal: `at least ${least}`,
    verdict: found === 'not measured' ? found : found >= least ? ('met' as const) : ('missed' as const),
    underLoad: ratio(resultOf(of)?.underLoad, resultOf(over)?.underLoad),
  };
});

writeResults('runtime/commits', {
  what: `durable commits per second in Redis, of a record with ${bare.bytes} bytes of keys and arguments`,
  versions: {
    node: process.version,
    redis: /redis_version:(\S+)/.exec(await control.info('server'))?.[1] ?? 'unknown',
    ioredis: versionOf('ioredis'),
  },
  sliceMs: SLICE_MS,
  quietBelowForeignCores: quietAtMostCores,
  results,
  goals,
});
console.log('commits per second; processor us per commit');
for (const { name, perSecond, cpuUs, slices, underLoad } of results)
  console.log(
    `  ${name.padEnd(28)} ${String(perSecond).padStart(12)}  client ${cpuUs.client} redis ${cpuUs.redis}  (quiet ${slices.quiet}/${slices.all}; all slices ${underLoad}/s)`,
  );
for (const { what, ratio: found, goal, verdict, underLoad } of goals)
  console.log(`  ${verdict.padEnd(12)} ${what}: ${found} (${goal}; all slices ${underLoad})`);
if (goals.some(({ verdict }) => verdict !== 'met')) process.exitCode = 2;

await Promise.all([runtime.close(), store.close(), bare.close()]);
control.disconnect();
