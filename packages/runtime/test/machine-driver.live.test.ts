import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, cancel, createActor, emit, enqueueActions, raise, SimulatedClock, sendTo, setup } from 'xstate';
import { DriverHost } from './driver-host.fixture.ts';

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
          const host = new DriverHost(machine);
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
