// Requests over NATS: this transport beside the client's own `request`, both with a responder in
// another connection of the same process; medians of alternating rounds.
import { connect } from '@nats-io/transport-node';
import { openNatsTransport } from '../../packages/runtime/src/transport.nats.ts';
import { startNats } from '../../test/backends.ts';
import { progress } from '../measure/progress.ts';
import { versionOf, writeResults } from '../measure/results.ts';

const body = Buffer.from(
  JSON.stringify({ id: 'x'.repeat(22), to: 'project:123', event: { type: 'rename', name: 'y'.repeat(120) } }),
);
const rounds = 5;
const roundMs = 400;

await using server = await startNats();
const [asker, answerer] = [
  await openNatsTransport({ nats: server.url }),
  await openNatsTransport({ nats: server.url }),
];
await answerer.subscribe('echo', (message) => message.respond?.(message.body));
const [bareAsker, bareAnswerer] = [
  await connect({ servers: server.url, noAsyncTraces: true }),
  await connect({ servers: server.url }),
];
bareAnswerer.subscribe('bare', { callback: (_error, message) => void message.respond(message.data) });
await bareAnswerer.flush();

const works: Record<string, () => Promise<unknown>> = {
  'client request': () => bareAsker.request('bare', body, { timeout: 5_000 }),
  'transport request': () => asker.request('echo', body, { timeoutMs: 5_000 }),
};

async function rate(work: () => Promise<unknown>, inFlight: number): Promise<number> {
  const endMs = performance.now() + roundMs;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await work();
      done += 1;
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (done / (performance.now() - startedMs)) * 1_000;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const results: object[] = [];
for (const inFlight of [1, 64, 512]) {
  progress(`requests: ${inFlight} in flight`);
  const rates = new Map<string, number[]>(Object.keys(works).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, work] of Object.entries(works)) {
      const measured = await rate(work, inFlight);
      // The first round warms up.
      if (round > 0) rates.get(name)?.push(measured);
    }
  }
  const bare = median(rates.get('client request') ?? []);
  for (const [name, values] of rates) {
    const perSecond = Math.round(median(values));
    results.push({ inFlight, name, perSecond, ratio: Math.round((median(values) / bare) * 100) / 100 });
    console.log(
      `${String(inFlight).padStart(4)} in flight  ${name.padEnd(18)} ${perSecond.toLocaleString('en').padStart(9)} /s   ${(median(values) / bare).toFixed(2)} x`,
    );
  }
}
writeResults('runtime/requests', {
  what: 'requests per second over NATS, one process; under whatever load there is',
  versions: { node: process.version, '@nats-io/transport-node': versionOf('@nats-io/transport-node') },
  results,
});
await Promise.all([asker.close(), answerer.close(), bareAsker.close(), bareAnswerer.close()]);
