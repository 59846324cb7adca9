// The runtime in a world: any plan of faults, and a crash at every moment of a small run.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explore } from '../../src/simulation/explore.ts';
import type { Fault } from '../../src/simulation/fault.ts';
import { type NoteStep, notes } from './notes.fixture.ts';

describe('actors under faults', () => {
  it('[RT4] what was acknowledged is kept exactly once, and once all is whole everybody is served', async () => {
    const explored = await explore(notes(), { seeds: 100 });
    for (const { failure } of explored.failures) throw failure;
    expect(explored.histories).toBe(100);
    expect(explored.operations.ok).toBeGreaterThan(1_500);
    expect(explored.faults.struck).toBeGreaterThan(300);
  }, 120_000);

  it('[SM6] a crash comes at whichever await of a node, and what was acknowledged is kept exactly once', async () => {
    const steps: readonly NoteStep[] = Array.from({ length: 6 }, (_, n) => ({
      do: n % 2 === 0 ? 'note' : 'pass',
      node: n % 3,
      key: n,
      pauseMs: 3,
    }));
    const simulation = notes(fc.constant([]));
    for (const node of [0, 1, 2]) {
      let crossing = 0;
      for (let struck = true; struck; ) {
        const fault: Fault = { kind: 'crash', node, at: { crossing: ++crossing }, restartAfterMs: 500 };
        const { seen } = await simulation.play({ seed: 11, steps, faults: [fault] });
        struck = seen.faults[0]?.struck === true;
      }
      // The last was beyond the end of the run.
      expect(crossing).toBeGreaterThan(40);
    }
  }, 120_000);
});
