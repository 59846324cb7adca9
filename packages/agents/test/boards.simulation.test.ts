// Boards under faults; `pnpm sim packages/agents/test/boards.sim.ts` plays as many runs as are asked for.
import { explore, type Fault, type Simulation, sometimes } from '@devmentor/runtime/simulation';
import { describe, expect, it } from 'vitest';
import type { Visit } from './boards.people.ts';
import { boards, placedBoards } from './boards.sim.ts';

/** A board on which nothing goes wrong has come to rest by then. */
const REST_MS = 5_000;
/** In one run of a hundred; the long form is to reach them. */
const RARE: readonly string[] = ['a former leader was turned away', 'a former run was turned away'];
const opened: Visit = { do: 'open', node: 0, board: 0, atMs: 0, file: 0, text: 0 };

/** Crashes the node at each of its moments, until the board had come to rest before; answers how many there were. */
async function crashAtEach(simulation: Simulation<Visit>, node: number): Promise<number> {
  for (let crossing = 1; ; crossing++) {
    const crash: Fault = { kind: 'crash', node, at: { crossing }, restartAfterMs: 500 };
    const { seen } = await simulation.play({ seed: 1, steps: [opened], faults: [crash] });
    const crashed = seen.trace.find((entry) => entry.kind === 'fault' && entry.label.endsWith('crashes'));
    if (crashed === undefined || crashed.atMs > REST_MS) return crossing;
  }
}

describe('boards on nodes that fail', () => {
  it('[SIM1] each source acts upon each change once, and what is said in the end is what would have been said', {
    timeout: 240_000,
  }, async () => {
    const explored = await explore(boards, { seeds: 400 });
    for (const { failure } of explored.failures) throw failure;
    expect(explored.operations.ok).toBeGreaterThan(8_000);
    expect(explored.faults.struck).toBeGreaterThan(1_500);
    expect(
      sometimes(
        boards.sometimes.filter((label) => !RARE.includes(label)),
        new Map(Object.entries(explored.sometimes)),
      ),
    ).toEqual([]);
  });

  it('[SIM1] so it is where a runtime places the controllers', { timeout: 120_000 }, async () => {
    const explored = await explore(placedBoards, { seeds: 80 });
    for (const { failure } of explored.failures) throw failure;
    expect(explored.operations.ok).toBeGreaterThan(1_500);
  });

  it('[SIM1] a crash comes at whichever await of a leader and of a worker', { timeout: 120_000 }, async () => {
    for (const node of [0, 1, 2]) expect(await crashAtEach(boards, node)).toBeGreaterThan(50);
  });
});
