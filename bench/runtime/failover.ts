// What callers see when a node dies, and when one leaves in order: three processes over Redis and
// NATS under load, killed one after another (SIGKILL), then drained one after another (SIGTERM).
// A verifier outside of them counts what was acknowledged and is not in the state, or is in it twice.
//
//   pnpm bench runtime/failover [--kills=30] [--drains=30]
import { parseArgs } from 'node:util';
import { FailoverTrial, FIRST_ANSWER_MS } from '../../packages/runtime/test/failover.fixture.ts';
import { startNats, startRedis } from '../../test/backends.ts';
import { progress } from '../measure/progress.ts';
import { writeResults } from '../measure/results.ts';
import { percentile } from '../measure/slices.ts';

const DRAIN_GOAL_MS = 100;

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '30' }, drains: { type: 'string', default: '30' } },
});
const [kills, drains] = [Number(values.kills), Number(values.drains)];

await using redis = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
await using nats = await startNats();
// Calls come at a rate that the machine carries: else the pauses are those of a full machine.
const trial = await FailoverTrial.start({
  redis: redis.url,
  nats: nats.url,
  namespace: 'bench',
  pauseMs: 50,
  settleMs: 2_000,
});
try {
  const firstAnswers: number[] = [];
  const pauses: number[] = [];
  const before: number[] = [];
  for (let i = 0; i < kills; i++) {
    progress(`failover: kill ${i + 1} of ${kills}`);
    firstAnswers.push(...(await trial.kill()));
  }
  for (let i = 0; i < drains; i++) {
    progress(`failover: drain ${i + 1} of ${drains}`);
    const { longestMs, beforeMs } = await trial.drain();
    pauses.push(longestMs);
    before.push(beforeMs);
  }
  const verdict = await trial.verify();
  const results = {
    what: 'three runtime processes over Redis (appendfsync always) and NATS, 24 to 36 writers',
    versions: { node: process.version },
    kills,
    firstAnswerMs: figures(firstAnswers),
    drains,
    drainPauseMs: figures(pauses),
    // The longest call in 300 ms without a drain: what the machine adds by itself.
    longestBeforeDrainMs: figures(before),
    ...verdict,
    goals: { firstAnswerP99Ms: FIRST_ANSWER_MS, drainPauseMs: DRAIN_GOAL_MS, lost: 0, doubled: 0 },
  };
  writeResults('runtime/failover', results);
  process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  const isMet =
    verdict.lost === 0 &&
    verdict.doubled === 0 &&
    (kills === 0 || results.firstAnswerMs.p99 < FIRST_ANSWER_MS) &&
    (drains === 0 || results.drainPauseMs.p99 < DRAIN_GOAL_MS);
  process.exitCode = isMet ? 0 : 1;
} finally {
  await trial.end();
}

function figures(samples: readonly number[]) {
  const at = (share: number): number => Math.round(percentile([...samples], share));
  return { samples: samples.length, p50: at(0.5), p99: at(0.99), longest: Math.round(Math.max(0, ...samples)) };
}
