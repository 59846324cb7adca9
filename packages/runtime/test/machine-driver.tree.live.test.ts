import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import type { Effect, ScheduleEffect } from '../src/effect.ts';
import { isBoundFor, type MachineSnapshot } from '../src/machine-driver.ts';
import { xstateDriver } from '../src/machine-driver.xstate5.ts';
import { familyOf, type Shown, seen } from './family.fixture.ts';

const top = familyOf(1);

/** Runs a driver as the runtime does: timers in a table; the snapshot is stored between the steps if `stores`. */
class Host {
  readonly driver = xstateDriver(top);
  readonly emitted: unknown[] = [];
  readonly #stores: () => boolean;
  #timers = new Map<string, { due: number; order: number; event: ScheduleEffect['event'] }>();
  #order = 0;
  nowMs = 0;
  snapshot: MachineSnapshot;

  constructor(stores: () => boolean) {
    this.#stores = stores;
    const { snapshot, effects } = this.driver.create();
    this.snapshot = snapshot;
    this.#apply(effects);
  }

  send(event: { readonly type: string }): void {
    const accepts = this.driver.accepts(this.snapshot, event);
    const before = this.#stores() ? JSON.stringify(this.driver.persist(this.snapshot)) : undefined;
    const given = this.snapshot;
    const step = this.driver.step(given, event);
    expect(step.handled).toBe(accepts);
    if (before !== undefined) {
      expect(JSON.stringify(this.driver.persist(given))).toBe(before);
      const stored: unknown = JSON.parse(JSON.stringify(this.driver.persist(step.snapshot)));
      this.snapshot = this.driver.restore(stored as never);
      expect(this.driver.persist(this.snapshot)).toEqual(stored);
    } else {
      this.snapshot = step.snapshot;
    }
    this.#apply(step.effects);
  }

  get root(): Shown {
    return (this.snapshot as object as { root: Shown }).root;
  }

  get nextDue(): number | undefined {
    const dues = [...this.#timers.values()].map(({ due }) => due);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  advanceTo(ms: number): void {
    this.nowMs = ms;
    const due = [...this.#timers]
      .filter(([, timer]) => timer.due <= ms)
      .sort(([, a], [, b]) => a.due - b.due || a.order - b.order);
    for (const [id, timer] of due) {
      if (this.#timers.get(id) !== timer) continue;
      this.#timers.delete(id);
      this.send(timer.event);
    }
  }

  #apply(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'emit') this.emitted.push(effect.event);
      else if (effect.kind === 'cancel') this.#timers.delete(effect.id);
      else if (effect.kind === 'forget') {
        for (const [id, { event }] of [...this.#timers])
          if (id.startsWith(effect.within) || isBoundFor(event, effect.to)) this.#timers.delete(id);
      } else if (effect.kind === 'schedule')
        this.#timers.set(effect.id ?? `${effect.within ?? ''}~${this.#order}`, {
          due: this.nowMs + effect.delayMs,
          order: this.#order++,
          event: effect.event,
        });
      else throw new Error(`unexpected ${effect.kind}`);
    }
  }
}

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
          const host = new Host(() => stores);
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
            expect(seen(host.root)).toEqual(shown);
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
