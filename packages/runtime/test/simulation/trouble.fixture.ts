// Simulations that are trouble for whoever plays them.
import { defineSimulation, type Simulation, type World } from '@devmentor/runtime/simulation';
import fc from 'fast-check';

function trouble(
  name: string,
  play: (world: World) => void | Promise<void>,
  sometimes: readonly string[] = [],
): Simulation {
  const steps = fc.constant(['the only step']);
  return defineSimulation({
    name,
    nodes: 1,
    steps,
    faults: fc.constant([]),
    play: (world) => asked(world, play),
    sometimes,
  });
}

/** Something is acknowledged in each, so that none is vacuous. */
async function asked(world: World, play: (world: World) => void | Promise<void>): Promise<void> {
  await world.run(world.node(0).perform({ op: 'look', key: 'page', input: 0 }, async () => 'seen'));
  await play(world);
}

export const dies = trouble('dies', ({ seed }) => {
  if (seed !== 3) return;
  process.stderr.write('the last words\n');
  process.exit(7);
});

export const hangs = trouble('hangs', ({ seed }) => {
  while (seed === 3);
});

export const lingers = trouble('lingers', async (world) => {
  // Time enough for a signal: a second of the host's, whatever the world says.
  await world.outside(new Promise<void>((resolve) => void setTimeout(resolve, 1_000)));
});

let played = 0;
export const remembers = trouble('remembers', () => {
  played += 1;
  if (played > 2) throw new Error(`played ${played} times`);
});

export const coy = trouble('coy', (world) => world.saw('world', { kind: 'reached', label: 'began' }), [
  'began',
  'two holders at once',
]);
