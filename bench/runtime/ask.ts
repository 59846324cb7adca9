// `ask` between two processes over NATS: an actor here asks one there, with envelope, deadline and
// trace id, beside Moleculer, the client's own `request`, and a subscription with a map of our own
// making (what the client's subscriptions allow at best). Cases alternate in slices within one run.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { formatActorId, shardOf } from '@devmentor/runtime';
import { connect } from '@nats-io/transport-node';
import { startNats, startRedis } from '../../test/backends.ts';
import { progress } from '../measure/progress.ts';
import { mapValues, versionOf, writeResults } from '../measure/results.ts';
import { isMeasured, percentile, quietAtMostCores, quietSamples, takeTurns } from '../measure/slices.ts';
import { brokerOf, Echo, openNode, order } from './ask/cases.ts';

const SLICE_MS = 250;
const SLICES = 12;
const WARM_UP_MS = 2_000;
const IN_FLIGHT = [1, 64, 512];
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
/** What ours is to be over theirs, per number in flight. */
const GOALS: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  1: { request: 0.9 },
  64: { moleculer: 2 },
  512: { moleculer: 1.5, request: 2.5 },
};

await using redis = await startRedis();
await using nats = await startNats();
const namespace = 'bench';
const here = await openNode({ redis: redis.url, nats: nats.url, namespace, id: 'asker' });
const responder = fork(join(import.meta.dirname, 'ask', 'responder.ts'), [redis.url, nats.url, namespace], {
  execArgv: ['--conditions=@devmentor/source'],
});
await once(responder, 'message');

/** Keys of actors that live in the other process. */
function keysThere(count: number): string[] {
  const own = new Set(here.runtime.shards());
  const keys: string[] = [];
  for (let n = 0; keys.length < count; n += 1)
    if (!own.has(shardOf(formatActorId('echo', `k${n}`), 64))) keys.push(`k${n}`);
  return keys;
}

const broker = brokerOf(nats.url, 'asker');
await broker.start();
await broker.waitForServices('echo');
const client = await connect({ servers: nats.url });
const untraced = await connect({ servers: nats.url, noAsyncTraces: true });
const inbox = await openInbox();
const refs = keysThere(Math.max(...IN_FLIGHT)).map((key) => here.runtime.actor(Echo, key));
const text = (): string => JSON.stringify({ order });

const cases: Readonly<Record<string, (lane: number) => Promise<unknown>>> = {
  ours: (lane) => {
    const ref = refs[lane];
    if (ref === undefined) throw new Error('more lanes than actors');
    return ref.ask({ type: 'echo', order }, { deadlineMs: 5_000, traceparent: TRACE });
  },
  moleculer: () => broker.call('echo.order', { order }, { timeout: 5_000 }),
  request: async () => (await client.request('bare', text(), { timeout: 5_000 })).json(),
  'request, noAsyncTraces': async () => (await untraced.request('bare', text(), { timeout: 5_000 })).json(),
  'own inbox': () => inbox.ask(text()),
};

/** The least a correlated request can be with this client: one subscription, one map. */
async function openInbox() {
  const connection = await connect({ servers: nats.url });
  const waiting = new Map<string, (answer: unknown) => void>();
  let last = 0;
  connection.subscribe('_INBOX.bench.*', {
    callback: (_error, message) => {
      const resolve = waiting.get(message.subject);
      waiting.delete(message.subject);
      resolve?.(message.json());
    },
  });
  await connection.flush();
  return {
    ask: (body: string): Promise<unknown> =>
      new Promise((resolve) => {
        last += 1;
        const reply = `_INBOX.bench.${last}`;
        waiting.set(reply, resolve);
        connection.publish('bare', Buffer.from(body), { reply });
      }),
    close: () => connection.close(),
  };
}

/** Asks in so many lanes for a while; answers what each ask took. */
async function keepAsking(ask: (lane: number) => Promise<unknown>, inFlight: number, ms: number): Promise<number[]> {
  const took: number[] = [];
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async (_, lane) => {
      for (let now = performance.now(); now - startMs < ms; ) {
        await ask(lane);
        const end = performance.now();
        took.push(end - now);
        now = end;
      }
    }),
  );
  return took;
}

interface Count {
  done: number;
  clientUs: number;
}

async function measure(inFlight: number) {
  progress(`ask: ${inFlight} in flight`);
  const latencies: Record<string, number[]> = {};
  const counts = mapValues(cases, (): Count => ({ done: 0, clientUs: 0 }));
  const turns = Object.entries(cases).map(([name, ask]) => {
    const latency: number[] = [];
    latencies[name] = latency;
    const slice = async (): Promise<number[]> => {
      const cpu = process.cpuUsage();
      const startMs = performance.now();
      const took = await keepAsking(ask, inFlight, SLICE_MS);
      const done = took.length;
      for (const ms of took) latency.push(ms);
      const { user, system } = process.cpuUsage(cpu);
      const count = counts[name];
      if (count !== undefined) {
        count.done += done;
        count.clientUs += user + system;
      }
      return [(done / (performance.now() - startMs)) * 1_000];
    };
    return [name, slice] as const;
  });
  const taken = await takeTurns(Object.fromEntries(turns), { slices: SLICES });
  const rates = mapValues(taken, (slices) =>
    isMeasured(slices) ? Math.round(percentile(quietSamples(slices), 0.5)) : ('not measured' as const),
  );
  const { ours = 'not measured', ...others } = rates;
  const ratios = mapValues(others, (its) =>
    typeof ours === 'string' || typeof its === 'string' ? ('not measured' as const) : round(ours / its),
  );
  const goals = mapValues(GOALS[inFlight] ?? {}, (least) => least);
  const { 'own inbox': limit = 'not measured', ...peers } = others;
  return {
    inFlight,
    slices: mapValues(taken, (slices) => slices.filter(({ quiet }) => quiet).length),
    ours,
    limit,
    peers,
    ratios,
    goals,
    met: Object.entries(goals).every(([name, least]) => {
      const ratio = ratios[name];
      return typeof ratio === 'number' && ratio >= least;
    }),
    p50Ms: mapValues(latencies, (samples) => round(percentile(samples, 0.5))),
    p99Ms: mapValues(latencies, (samples) => round(percentile(samples, 0.99))),
    clientUsPerAsk: mapValues(counts, ({ done, clientUs }) => round(clientUs / done)),
    underLoad: mapValues(taken, (slices) =>
      Math.round(
        percentile(
          slices.flatMap(({ samples }) => samples),
          0.5,
        ),
      ),
    ),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

// A process that serves is warm: with one in flight it would be compiling for most of the measurement.
progress('ask: warming up');
for (const ask of Object.values(cases)) await keepAsking(ask, Math.max(...IN_FLIGHT), WARM_UP_MS);
const results: Awaited<ReturnType<typeof measure>>[] = [];
for (const inFlight of IN_FLIGHT) {
  results.push(await measure(inFlight));
  if (keysThere(refs.length).some((key, lane) => key !== refs[lane]?.key))
    throw new Error('the other process has lost its shards meanwhile: what was measured is not what is asked about');
}
writeResults('runtime/ask', {
  what: 'asks per second between two processes over NATS, about 200 bytes of JSON each way',
  versions: {
    node: process.version,
    '@nats-io/transport-node': versionOf('@nats-io/transport-node'),
    moleculer: versionOf('moleculer'),
    nats: versionOf('nats'),
  },
  sliceMs: SLICE_MS,
  quietBelowForeignCores: quietAtMostCores,
  results,
});
for (const { inFlight, ours, peers, limit, ratios, met, clientUsPerAsk, underLoad } of results)
  console.log(
    `${String(inFlight).padStart(3)} in flight  ours ${ours}/s  peers ${JSON.stringify(peers)}  own inbox ${limit}/s  ratios ${JSON.stringify(ratios)}  goals ${met ? 'met' : 'missed or not measured'}  (all slices ${JSON.stringify(underLoad)}; client CPU us ${JSON.stringify(clientUsPerAsk)})`,
  );
if (results.some(({ met }) => !met)) process.exitCode = 2;

responder.disconnect();
await Promise.all([here.close(), broker.stop(), client.close(), untraced.close(), inbox.close()]);
