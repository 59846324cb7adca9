import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import { DriverHost } from './driver-host.fixture.ts';
import { familyOf, type Shown, seen } from './family.fixture.ts';

const top = familyOf(1);

describe('a tree of machines beside the live actors of XState', () => {
  it('[MD4] [MD11] [MD12] [MD13] states, contexts and timers of all three generations are those of the live actors, stored at any step', () => {
    // XState says so whenever an event finds its actor stopped, which is what happens here.
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const states = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'tick', 'tick'), fc.boolean()), {
          maxLength: 60,
          size: 'max',
        }),
        (events) => {
          const clock = new SimulatedClock();
          const live = createActor(top, { clock });
          const emitted: unknown[] = [];
          live.on('*', (event: unknown) => void emitted.push(event));
          live.start();
          let stores = false;
          const host = new DriverHost(top, () => stores);
          for (const [type, store] of events) {
            stores = store;
            if (type === 'tick') {
              const next = host.nextDue;
              if (next === undefined) continue;
              clock.increment(next - host.nowMs);
              host.advanceTo(next);
            } else {
              live.send({ type });
              host.send({ type });
            }
            const shown = seen(live.getSnapshot() as Shown);
            expect(seen((host.snapshot as object as { root: Shown }).root)).toEqual(shown);
            expect(host.emitted).toEqual(emitted);
            states.add(JSON.stringify(shown));
          }
          live.stop();
        },
      ),
      { numRuns: 150 },
    );
    expect(states.size).toBeGreaterThan(200);
  });
});
