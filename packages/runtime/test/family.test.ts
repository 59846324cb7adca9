// A machine is plain XState: the same one in a live actor, and in a runtime that is restarted now and then.
import { SimulatedClock } from '@devmentor/locks/testing';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { createActor } from 'xstate';
import { ActorError, defineActor } from '../src/index.ts';
import { familyOf, type Shown, seen } from './family.fixture.ts';
import { solo } from './solo.fixture.ts';

const UNIT_MS = 1_000;
/** Of which every delay of the family is a multiple. */
const STEP_MS = 5 * UNIT_MS;
const MOST_EVENTS = 25;
const family = familyOf(UNIT_MS);
const Family = defineActor('family', { machine: family, passivate: { idleMs: 20_000 } });

it('[CH2] a machine goes through the same states in a live actor of XState and as a durable actor, over restarts', async () => {
  // XState says so whenever an event finds its actor stopped, which is what happens here.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  let restarts = 0;
  let ticks = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'tick'), fc.nat(6)), {
        maxLength: MOST_EVENTS,
        size: 'max',
      }),
      async (events) => {
        const clock = new SimulatedClock();
        const live = createActor(family, { clock: liveClock(clock) });
        live.start();
        const node = await solo([Family], { maxResident: 10 });
        // Makes the record, and changes nothing.
        await node.run(node.runtime.actor(Family, 'a').tell({ type: 'born' }));
        live.send({ type: 'born' });
        let passedMs = 0;
        let place = 0;
        const startedMs = node.clock.nowMs();
        for (const [type, chance] of events) {
          if (type === 'tick') {
            // Whatever a tick sets is due whole steps after it. Each tick has its own place between two steps,
            // so nothing is ever due at a tick, however late the commits before it were.
            ticks++;
            place += STEP_MS / (MOST_EVENTS + 1);
            const toMs = (Math.floor(passedMs / STEP_MS) + 1 + 5 * chance) * STEP_MS + place;
            await clock.advance(toMs - passedMs);
            passedMs = toMs;
            // One after the other, each as late as its commit is.
            for (;;) {
              const leftMs = startedMs + toMs - node.clock.nowMs();
              if (leftMs <= 0) break;
              await node.clock.advance(Math.min(leftMs, UNIT_MS / 4));
            }
          } else {
            live.send({ type });
            await node.run(
              node.runtime
                .actor(Family, 'a')
                .tell({ type })
                .catch((refused: unknown) => {
                  if (!(refused instanceof ActorError) || refused.code !== 'UNHANDLED_EVENT') throw refused;
                }),
            );
          }
          if (chance === 0) {
            restarts++;
            await node.restart();
          }
          const { value, context, status } = await node.run(node.runtime.actor(Family, 'a').read());
          const shown = seen(live.getSnapshot() as Shown) as Record<string, unknown>;
          expect([value, status, withoutEnds(context)]).toEqual([shown.value, shown.status, shown.context]);
        }
        live.stop();
        await node.run(node.runtime.stop());
      },
    ),
    { numRuns: 100 },
  );
  expect(restarts).toBeGreaterThan(20);
  expect(ticks).toBeGreaterThan(20);
}, 60_000);

/** Unlike XState's own, one in which what is set when a timer fires is set at that timer's time. */
function liveClock(clock: SimulatedClock) {
  return {
    setTimeout: (fire: () => void, ms: number) => clock.after(ms, fire),
    clearTimeout: (cancel: (() => void) | undefined) => cancel?.(),
  };
}

/** What a reference in a context ended with is kept here, and nowhere in XState's own form. */
function withoutEnds(context: unknown): unknown {
  return JSON.parse(JSON.stringify(context), (key, value: unknown) => (key === 'ended' ? undefined : value)) as unknown;
}
