// A step of the machine driver beside `send` to a live XState actor: the same machine, the same
// events, alternating in one process. Counted in CPU time of this process, so that what else runs
// on the machine does not decide; each round compares neighbours, and the median round counts.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assign, createActor, forwardTo, sendParent, setup } from 'xstate';
import type { MachineDriver, MachineSnapshot } from '../../packages/runtime/src/machine-driver.ts';
import { xstateDriver } from '../../packages/runtime/src/machine-driver.xstate5.ts';
import { progress } from '../measure/progress.ts';
import { versionOf, writeResults } from '../measure/results.ts';

type Turn = { type: 'turn' };
const light = setup({ types: { context: {} as { n: number }, events: {} as Turn } }).createMachine({
  context: { n: 0 },
  initial: 'a',
  states: {
    a: { after: { 60000: 'b' }, on: { turn: { target: 'b', actions: assign({ n: ({ context }) => context.n + 1 }) } } },
    b: { on: { turn: { target: 'a', actions: assign({ n: ({ context }) => context.n + 1 }) } } },
  },
});
/** With a machine below it, which is turned by each event and answers it. */
const family = setup({
  types: { context: {} as { n: number }, events: {} as Turn | { type: 'turned' } },
  actors: {
    light: setup({ types: { context: {} as { n: number }, events: {} as Turn } }).createMachine({
      context: { n: 0 },
      on: { turn: { actions: [assign({ n: ({ context }) => context.n + 1 }), sendParent({ type: 'turned' })] } },
    }),
  },
}).createMachine({
  context: { n: 0 },
  invoke: { src: 'light', id: 'light' },
  on: { turn: { actions: forwardTo('light') }, turned: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
});

const many = 10_000;
const rounds = 15;
const turn = { type: 'turn' } as const;

/** A way to take one event; called for all actors in turn. */
type Work = (i: number) => void;

interface Case {
  readonly name: string;
  readonly goal?: number;
  readonly events: number;
  readonly live: Work;
  readonly driver: Work;
}

function steps(driver: MachineDriver, actors: number): Work {
  const snapshots: MachineSnapshot[] = Array.from({ length: actors }, () => driver.create().snapshot);
  return (i) => {
    const at = i % actors;
    const before = snapshots[at];
    if (before !== undefined) snapshots[at] = driver.step(before, turn).snapshot;
  };
}

function sends(machine: typeof light | typeof family, actors: number): Work {
  const live = Array.from({ length: actors }, () => createActor(machine as typeof light).start());
  return (i) => live[i % actors]?.send(turn);
}

const cases: readonly Case[] = [
  {
    name: 'one actor',
    goal: 0.95,
    events: 30_000,
    live: sends(light, 1),
    driver: steps(xstateDriver(light), 1),
  },
  {
    name: '10,000 actors',
    goal: 1.1,
    events: 30_000,
    live: sends(light, many),
    driver: steps(xstateDriver(light), many),
  },
  {
    name: 'with a machine below it',
    events: 10_000,
    live: sends(family, 1),
    driver: steps(xstateDriver(family), 1),
  },
];

const cpuMicros = (events: number, work: Work): number => {
  const before = process.cpuUsage();
  for (let i = 0; i < events; i++) work(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / events;
};
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const round = (value: number): number => Math.round(value * 100) / 100;

let met = true;
const steppings: object[] = [];
for (const { name, goal, events, live, driver } of cases) {
  progress(`driver: ${name}`);
  const measured: { live: number; driver: number }[] = [];
  for (let round = 0; round < rounds + 3; round++) {
    // Who goes first changes, since the collector comes when it comes.
    const first = round % 2 === 0;
    const early = cpuMicros(events, first ? live : driver);
    const late = cpuMicros(events, first ? driver : live);
    // The first rounds warm up.
    if (round >= 3) measured.push(first ? { live: early, driver: late } : { live: late, driver: early });
  }
  const ratio = median(measured.map((round) => round.live / round.driver));
  const verdict = goal === undefined ? '' : ratio >= goal ? `goal ${goal}: met` : `goal ${goal}: MISSED`;
  const [liveUs, driverUs] = [median(measured.map((m) => m.live)), median(measured.map((m) => m.driver))];
  steppings.push({
    name,
    liveUs: round(liveUs),
    driverUs: round(driverUs),
    ratio: round(ratio),
    ...(goal === undefined ? {} : { goal: `at least ${goal}`, verdict: ratio >= goal ? 'met' : 'missed' }),
  });
  met &&= goal === undefined || ratio >= goal;
  console.log(
    `${name.padEnd(24)} live actor.send ${liveUs.toFixed(2)} us   driver.step ${driverUs.toFixed(2)} us   ${ratio.toFixed(2)} x as fast   ${verdict}`,
  );
}

// What an idle actor weighs, as the driver holds it between its events.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapNow = (): number => {
  for (let i = 0; i < 5; i++) collect();
  return process.memoryUsage().heapUsed;
};
const weights: object[] = [];
for (const [name, machine] of [
  ['light', light],
  ['with a machine below it', family],
] as const) {
  const driver = xstateDriver(machine);
  const stored = JSON.stringify(driver.persist(driver.create().snapshot));
  const kept: MachineSnapshot[] = [];
  const before = heapNow();
  for (let i = 0; i < many; i++) kept.push(driver.restore(JSON.parse(stored)));
  const bytes = (heapNow() - before) / kept.length;
  weights.push({ name, bytesPerSnapshot: Math.round(bytes) });
  console.log(`${name.padEnd(24)} ${Math.round(bytes)} bytes of heap per snapshot`);
}
writeResults('runtime/driver', {
  what: 'CPU time of one event, in microseconds: a live actor, and a step of the driver',
  versions: { node: process.version, xstate: versionOf('xstate') },
  results: steppings,
  heap: weights,
});
if (!met) process.exitCode = 1;
// Live actors keep their timers.
process.exit();
