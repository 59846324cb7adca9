// What actors weigh: one million addressed, one hundred thousand of them in memory, idle, their
// records in SQLite; and what one idle actor holds of the heap, beside another one like it.
// `pnpm exec node --expose-gc` is not needed: the collector is taken from V8.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '@devmentor/locks';
import { createRuntime, defineActor } from '@devmentor/runtime';
import { sqliteStores } from '@devmentor/runtime/sqlite';
import { assign, setup } from 'xstate';
import { versionOf, writeResults } from '../measure/results.ts';

const ADDRESSED = Number(process.argv[2] ?? 1_000_000);
const RESIDENT = Math.min(100_000, ADDRESSED / 10);
const AT_ONCE = 2_000;
const GOAL_HEAP_BYTES = 1_024;
const GOAL_PROCESS_BYTES = 1_024 ** 3;

const Light = defineActor('light', {
  machine: setup({ types: {} as { context: { n: number }; events: { type: 'turn' } } }).createMachine({
    context: { n: 0 },
    initial: 'off',
    states: {
      off: { on: { turn: { target: 'on', actions: assign({ n: ({ context }) => context.n + 1 }) } } },
      on: { on: { turn: { target: 'off', actions: assign({ n: ({ context }) => context.n + 1 }) } } },
    },
  }),
  passivate: { idleMs: 3_600_000 },
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapNow = (): number => {
  for (let i = 0; i < 5; i++) collect();
  return process.memoryUsage().heapUsed;
};
const mib = (bytes: number): number => Math.round(bytes / 1_024 ** 2);

const dir = mkdtempSync(join(tmpdir(), 'devmentor-memory-'));
const { database, state } = sqliteStores({ dir, clock: systemClock });
const runtime = createRuntime({ actors: [Light], state, maxResident: RESIDENT });
await runtime.start();

let highest = 0;
async function turn(from: number, to: number): Promise<void> {
  for (let next = from; next < to; next += AT_ONCE) {
    const calls = Array.from({ length: Math.min(AT_ONCE, to - next) }, (_, i) =>
      runtime.actor(Light, `a${next + i}`).tell({ type: 'turn' }),
    );
    await Promise.all(calls);
    highest = Math.max(highest, process.memoryUsage.rss());
  }
}

// The first thousand warm up and stay, so that what they brought with them is not counted.
await turn(0, 1_000);
const before = heapNow();
const measured = RESIDENT - 1_000;
await turn(1_000, RESIDENT);
const bytesPerActor = Math.round((heapNow() - before) / measured);
const residents = runtime.metrics.snapshot().types.light?.residents ?? 0;

await turn(RESIDENT, ADDRESSED);
const heapAfter = heapNow();
const rss = process.memoryUsage.rss();
const { residents: residentsAfter = 0, commits = 0, passivations = 0 } = runtime.metrics.snapshot().types.light ?? {};
await runtime.stop();
database.close();
rmSync(dir, { recursive: true });

const idle = bytesPerActor < GOAL_HEAP_BYTES ? 'met' : 'missed';
const all = highest < GOAL_PROCESS_BYTES ? 'met' : 'missed';
console.log(
  `an idle actor in memory: ${bytesPerActor} bytes of heap (of ${residents}); below ${GOAL_HEAP_BYTES}: ${idle}`,
);
console.log(
  `${commits} actors addressed, ${residentsAfter} in memory: ${mib(highest)} MiB of process memory at most, ${mib(rss)} after (heap ${mib(heapAfter)}); below ${mib(GOAL_PROCESS_BYTES)}: ${all}`,
);
writeResults('runtime/memory', {
  what: 'Idle actors in memory, records in SQLite',
  versions: { node: process.version, xstate: versionOf('xstate') },
  idleActor: { bytesOfHeap: bytesPerActor, residents, goal: `below ${GOAL_HEAP_BYTES} bytes`, verdict: idle },
  million: {
    addressed: commits,
    residents: residentsAfter,
    passivations,
    processMiBAtMost: mib(highest),
    processMiBAfter: mib(rss),
    heapMiBAfter: mib(heapAfter),
    goal: `below ${mib(GOAL_PROCESS_BYTES)} MiB`,
    verdict: all,
  },
});
if (idle === 'missed' || all === 'missed') process.exitCode = 1;
