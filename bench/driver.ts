// A step of the machine driver beside `send` to a live XState actor: the same machine, the same
// events, alternating in one process; medians of the rounds.
import { assign, createActor, setup } from 'xstate';
import { xstateDriver } from '../packages/runtime/src/machine-driver.xstate5.ts';

const machine = setup({
  types: { context: {} as { n: number }, events: {} as { type: 'turn' } },
}).createMachine({
  context: { n: 0 },
  initial: 'a',
  states: {
    a: { after: { 60000: 'b' }, on: { turn: { target: 'b', actions: assign({ n: ({ context }) => context.n + 1 }) } } },
    b: { on: { turn: { target: 'a', actions: assign({ n: ({ context }) => context.n + 1 }) } } },
  },
});

const eventsPerRound = 50_000;
const rounds = 7;
const driver = xstateDriver(machine);
const live = createActor(machine).start();
let { snapshot } = driver.create();
const turn = { type: 'turn' } as const;

const works: Record<string, () => void> = {
  'live actor.send': () => live.send(turn),
  'driver.step': () => {
    snapshot = driver.step(snapshot, turn).snapshot;
  },
  'driver.step + persist + JSON': () => {
    snapshot = driver.step(snapshot, turn).snapshot;
    JSON.stringify(driver.persist(snapshot));
  },
  'restore + step + persist + JSON': () => {
    snapshot = driver.step(driver.restore(JSON.parse(JSON.stringify(driver.persist(snapshot)))), turn).snapshot;
  },
};

const rates = new Map<string, number[]>(Object.keys(works).map((name) => [name, []]));
for (let round = 0; round <= rounds; round++) {
  for (const [name, work] of Object.entries(works)) {
    const startedMs = performance.now();
    for (let i = 0; i < eventsPerRound; i++) work();
    // The first round warms up.
    if (round > 0) rates.get(name)?.push((eventsPerRound / (performance.now() - startedMs)) * 1_000);
  }
}
live.stop();

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const bare = median(rates.get('live actor.send') ?? []);
for (const [name, values] of rates) {
  const rate = median(values);
  console.log(
    `${name.padEnd(34)} ${Math.round(rate).toLocaleString('en').padStart(9)} events/s   ${(rate / bare).toFixed(2)} x a live actor`,
  );
}
