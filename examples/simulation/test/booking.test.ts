import { explore, replay, simulate } from '@devmentor/runtime/simulation';
import { describe, expect, it } from 'vitest';
import { book, fencedCalendar, type Row } from '../src/booking.ts';
import { fenced, halfFenced, trusting } from './booking.sim.ts';

const SEEDS = 300;

describe('bookings by nodes that fail', () => {
  it('are never lost and never double when the fence goes with every statement', async () => {
    const explored = await explore(fenced, { seeds: SEEDS });
    // The failure is the story: seed, faults and steps after shrinking, and what happened.
    for (const { failure } of explored.failures) throw failure;
    expect(explored.histories).toBe(SEEDS);
    expect(explored.operations.ok).toBeGreaterThan(5 * SEEDS);
    expect(explored.faults.struck).toBeGreaterThan(2 * SEEDS);
  }, 120_000);

  it.each([
    ['nobody looks at the fence', trusting],
    ['only writes carry it', halfFenced],
  ])(
    'are lost when %s, and two bookings are enough to show it',
    async (_, simulation) => {
      const [found] = (await explore(simulation, { seeds: SEEDS })).failures;
      expect(found?.failure.violations.map(({ check }) => check)).toEqual(['linearizable calendar']);
      expect(found?.case.steps).toHaveLength(2);
      expect(found?.case.faults.length).toBeLessThanOrEqual(2);
      // The case is data: it fails again, here and wherever it is sent to.
      await expect(replay(simulation, found?.case ?? 0)).rejects.toThrow('no order explains');
    },
    120_000,
  );
});

describe('one scenario, by hand', () => {
  it('of two who want one slot, one has it', async () => {
    await simulate({ seed: 1, nodes: 2 }, async (world) => {
      let row: Row = { slots: {}, fence: '' };
      const booked = await Promise.all(
        world.nodes.map(({ locks, ports, name }) => {
          const calendar = fencedCalendar((_, change) =>
            ports.at('row', () => {
              const changed = change(row);
              row = changed.row;
              return changed.answer;
            }),
          );
          return book({ locks, calendar }, { project: 'p', slot: 'monday', who: name }, () => Promise.resolve());
        }),
      );
      expect(booked.sort()).toEqual(['booked', 'taken']);
    });
  });
});
