// A machine is plain XState: the same one in a live actor, and in a runtime that is restarted now and then.
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import { ActorError, defineActor } from '../src/index.ts';
import { familyOf, type Shown, seen } from './family.fixture.ts';
import { solo } from './solo.fixture.ts';

const UNIT_MS = 1_000;
const family = familyOf(UNIT_MS);
const Family = defineActor('family', { machine: family, passivate: { idleMs: 20_000 } });

it('[CH2] a machine goes through the same states in a live actor of XState and as a durable actor, over restarts', async () => {
  // XState says so whenever an event finds its actor stopped, which is what happens here.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  let restarts = 0;
  let ticks = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'tick'), fc.nat(6)), { maxLength: 25, size: 'max' }),
      async (events) => {
        const clock = new SimulatedClock();
        const live = createActor(family, { clock });
        live.start();
        const node = await solo([Family], { maxResident: 10 });
        // Makes the record, and changes nothing.
        await node.run(node.runtime.actor(Family, 'a').tell({ type: 'born' }));
        live.send({ type: 'born' });
        let passedMs = 0;
        const startedMs = node.clock.nowMs();
        for (const [type, chance] of events) {
          if (type === 'tick') {
            // To the middle between two times at which something may be due.
            ticks++;
            const toMs = (Math.floor(passedMs / (5 * UNIT_MS)) + 1 + 5 * chance) * 5 * UNIT_MS + 2.5 * UNIT_MS;
            clock.increment(toMs - passedMs);
            passedMs = toMs;
            // One after the other, each as late as its commit is.
            while (node.clock.nowMs() - startedMs < toMs) await node.clock.advance(UNIT_MS / 4);
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
    { numRuns: 25 },
  );
  expect(restarts).toBeGreaterThan(20);
  expect(ticks).toBeGreaterThan(20);
}, 60_000);

/** What a reference in a context ended with is kept here, and nowhere in XState's own form. */
function withoutEnds(context: unknown): unknown {
  return JSON.parse(JSON.stringify(context), (key, value: unknown) => (key === 'ended' ? undefined : value)) as unknown;
}
