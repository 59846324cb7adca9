import { SimulatedClock, seededEntropy } from '@devmentor/locks/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActorId } from '../src/index.ts';
import { Timers } from '../src/timers.ts';

describe('timers of a node', () => {
  it('[TI1] each actor is woken at the last time set for it, in order, never before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.nat(6), atMs: fc.oneof(fc.nat(500), fc.constant(undefined)) }), {
          maxLength: 120,
        }),
        async (sets) => {
          const clock = new SimulatedClock();
          const woken: { id: ActorId; atMs: number }[] = [];
          const timers = new Timers(clock, seededEntropy(1), (id) => woken.push({ id, atMs: clock.nowMs() }));
          const expected = new Map<ActorId, number>();
          for (const { key, atMs } of sets) {
            timers.set(`t:${key}`, atMs);
            if (atMs === undefined) expected.delete(`t:${key}`);
            else expected.set(`t:${key}`, atMs);
          }
          await clock.advance(1_000);
          expect(new Map(woken.map(({ id, atMs }) => [id, atMs]))).toEqual(expected);
          expect(woken).toHaveLength(expected.size);
          expect(woken.map(({ atMs }) => atMs)).toEqual(woken.map(({ atMs }) => atMs).sort((a, b) => a - b));
        },
      ),
    );
  });

  it('[TI2] nothing is armed while nothing is set', async () => {
    const clock = new SimulatedClock();
    const timers = new Timers(clock, seededEntropy(1), () => {});
    timers.set('t:1', 100);
    timers.set('t:2', 50);
    expect(clock.pending).toBe(1);
    timers.set('t:1', undefined);
    timers.set('t:2', undefined);
    expect(clock.pending).toBe(0);
  });
});
