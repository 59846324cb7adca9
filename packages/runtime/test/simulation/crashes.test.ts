// One small run, and a crash at every moment of it, one after the other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/simulation/fault.ts';
import { type NoteStep, notes } from './notes.fixture.ts';

const steps: readonly NoteStep[] = Array.from({ length: 6 }, (_, n) => ({
  do: n % 2 === 0 ? 'note' : 'pass',
  node: n % 3,
  key: n,
  pauseMs: 3,
}));

describe('a crash at any moment', () => {
  it('[SM6] whichever await of a node it meets, what was acknowledged is kept once', async () => {
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
  }, 60_000);
});
