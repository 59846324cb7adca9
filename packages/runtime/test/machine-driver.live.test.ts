import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, cancel, createActor, emit, enqueueActions, raise, SimulatedClock, sendTo, setup } from 'xstate';
import type { Effect, ScheduleEffect } from '../src/effect.ts';
import type { MachineSnapshot } from '../src/machine-driver.ts';
import { xstateDriver } from '../src/machine-driver.xstate5.ts';

// A machine with as many features as fit, to be driven by chance.
const machine = setup({
  types: {
    context: {} as { n: number; log: string[] },
    events: {} as { type: 'a' | 'b' | 'c' | 'd' | 'echo' | 'self' | 'late' },
  },
  guards: { even: ({ context }) => context.n % 2 === 0, big: ({ context }) => context.n > 12 },
  delays: { growing: ({ context }) => 40 + context.n },
  actions: {
    count: assign({ n: ({ context }) => context.n + 1 }),
    note: assign({ log: ({ context }, { word }: { word: string }) => [...context.log.slice(-6), word] }),
  },
}).createMachine({
  context: { n: 0, log: [] },
  type: 'parallel',
  states: {
    left: {
      initial: 'one',
      on: { d: { target: '.memory' } },
      states: {
        one: { entry: 'count', after: { 30: 'two' }, on: { a: 'two', b: { guard: 'even', target: 'deep' } } },
        two: {
          exit: { type: 'note', params: { word: 'left two' } },
          after: { growing: { target: 'one', actions: emit(({ context }) => ({ type: 'grown', n: context.n })) } },
          on: {
            a: { target: 'two', reenter: true, actions: 'count' },
            c: { actions: [raise({ type: 'echo' }), 'count'] },
          },
        },
        deep: {
          initial: 'x',
          states: {
            x: { on: { c: 'y' } },
            y: { always: { guard: 'even', target: 'x', actions: 'count' }, on: { c: 'x' } },
          },
          on: { a: 'one' },
        },
        memory: { type: 'history', history: 'deep', target: 'deep' },
      },
    },
    right: {
      initial: 'idle',
      states: {
        idle: {
          on: {
            b: { target: 'armed', actions: raise({ type: 'late' }, { id: 'late', delay: 55 }) },
            echo: { actions: [{ type: 'note', params: { word: 'echo' } }, emit({ type: 'echoed' })] },
            c: { actions: sendTo(({ self }) => self, { type: 'self' }) },
          },
        },
        armed: {
          on: {
            late: { target: 'idle', actions: 'count' },
            c: { target: 'idle', actions: cancel('late') },
            self: {
              actions: enqueueActions(({ enqueue, check }) => {
                if (check('even')) enqueue('count');
                enqueue.emit({ type: 'was self' });
              }),
            },
          },
        },
      },
    },
    end: { initial: 'open', states: { open: { always: { guard: 'big', target: 'shut' } }, shut: { type: 'final' } } },
  },
});

/** Runs a driver as the runtime does: its timers in a table, its snapshot stored between the steps. */
class Host {
  readonly driver = xstateDriver(machine);
  readonly emitted: unknown[] = [];
  #timers = new Map<string, { due: number; order: number; event: ScheduleEffect['event'] }>();
  #order = 0;
  nowMs = 0;
  snapshot: MachineSnapshot;

  constructor() {
    const { snapshot, effects } = this.driver.create();
    this.snapshot = snapshot;
    this.#apply(effects);
  }

  send(event: { readonly type: string }): boolean {
    const accepts = this.driver.accepts(this.snapshot, event);
    const step = this.driver.step(this.snapshot, event);
    expect(step.handled).toBe(accepts);
    this.snapshot = this.driver.restore(JSON.parse(JSON.stringify(this.driver.persist(step.snapshot))));
    this.#apply(step.effects);
    return step.handled;
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
      else if (effect.kind === 'schedule')
        this.#timers.set(effect.id ?? `?${this.#order}`, {
          due: this.nowMs + effect.delayMs,
          order: this.#order++,
          event: effect.event,
        });
      else throw new Error(`unexpected ${effect.kind}`);
    }
    if (this.snapshot.status !== 'active') this.#timers.clear();
  }
}

describe('MachineDriver beside a live XState actor', () => {
  it('[MD4] [MD7] steps, timers and stored snapshots give the states, contexts and emitted events of the live actor', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'tick', 'unknown'), { maxLength: 60, size: 'max' }),
        (events) => {
          const clock = new SimulatedClock();
          const live = createActor(machine, { clock });
          const emitted: unknown[] = [];
          live.on('*', (event: unknown) => void emitted.push(event));
          live.start();
          const host = new Host();
          for (const type of events) {
            if (type === 'tick') {
              const next = host.nextDue;
              if (next === undefined) continue;
              clock.increment(next - host.nowMs);
              host.advanceTo(next);
            } else {
              live.send({ type: type as 'a' });
              host.send({ type });
            }
            const { value, context, status } = live.getSnapshot();
            expect([host.snapshot.value, host.snapshot.context, host.snapshot.status]).toEqual([
              value,
              context,
              status,
            ]);
            expect(host.emitted).toEqual(emitted);
            seen.add(JSON.stringify(value));
          }
          live.stop();
        },
      ),
      { numRuns: 100 },
    );
    expect(seen.size).toBeGreaterThan(10);
  });
});
