import { describe, expect, it } from 'vitest';
import {
  and,
  assign,
  createMachine,
  emit,
  enqueueActions,
  fromPromise,
  log,
  not,
  or,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stateIn,
} from 'xstate';
import { reply } from './effect.ts';
import { type MachineDriverHarness, throughJson, thrown } from './machine-driver.fixtures.ts';
import { MachineFailed, MachineRefused } from './machine-driver.ts';

export function stepRules({ driverOf }: MachineDriverHarness): void {
  describe('MachineDriver contract: steps', () => {
    const light = setup({
      types: {
        context: {} as { turns: number },
        events: {} as { type: 'turn'; allowed: boolean } | { type: 'never' },
        input: {} as { turns: number },
      },
      guards: { allowed: ({ event }) => event.type === 'turn' && event.allowed },
    }).createMachine({
      context: ({ input }) => ({ turns: input.turns }),
      initial: 'off',
      states: {
        off: {
          tags: ['dark'],
          on: {
            turn: { guard: 'allowed', target: 'on', actions: assign({ turns: ({ context }) => context.turns + 1 }) },
          },
        },
        on: { on: { turn: 'off' } },
      },
    });

    it('[MD1] a step leaves the snapshot it was given usable and unchanged', () => {
      const driver = driverOf(light);
      const { snapshot: off } = driver.create({ turns: 5 });
      const first = driver.step(off, { type: 'turn', allowed: true } as { type: string });
      const second = driver.step(off, { type: 'turn', allowed: true } as { type: string });
      expect([off.value, off.context, off.tags.has('dark')]).toEqual(['off', { turns: 5 }, true]);
      expect([first.snapshot.value, first.snapshot.context]).toEqual(['on', { turns: 6 }]);
      expect(second.snapshot.context).toEqual({ turns: 6 });
    });

    it('[MD1] one driver serves any number of actors and steps, each apart from the others', () => {
      const driver = driverOf(light);
      let one = driver.create({ turns: 0 }).snapshot;
      let other = driver.create({ turns: 1_000_000 }).snapshot;
      for (let i = 0; i < 4_000; i++) {
        one = driver.step(one, { type: 'turn', allowed: true } as { type: string }).snapshot;
        if (i % 2 === 0) other = driver.step(other, { type: 'turn', allowed: true } as { type: string }).snapshot;
      }
      expect([one.context, other.context]).toEqual([{ turns: 2_000 }, { turns: 1_001_000 }]);
    });

    it('[MD3] an event that no transition takes is not handled, and the snapshot is the one given', () => {
      const driver = driverOf(light);
      const { snapshot } = driver.create({ turns: 0 });
      for (const event of [{ type: 'never' }, { type: 'unheard of' }, { type: 'turn', allowed: false }]) {
        const step = driver.step(snapshot, event);
        expect([step.handled, step.snapshot === snapshot, step.effects]).toEqual([false, true, []]);
        expect(driver.accepts(snapshot, event)).toBe(false);
      }
      expect(driver.accepts(snapshot, { type: 'turn', allowed: true } as { type: string })).toBe(true);
    });

    it('[MD3] a transition that forbids an event does not handle it, one with actions alone does', () => {
      const driver = driverOf(
        setup({}).createMachine({ on: { a: { actions: log('a') }, b: {} }, initial: 's', states: { s: {} } }),
      );
      const { snapshot } = driver.create();
      expect(driver.step(snapshot, { type: 'a' }).handled).toBe(true);
      expect(driver.step(snapshot, { type: 'b' }).handled).toBe(false);
    });

    it('[MD10] a machine that has ended handles nothing, and tells its output', () => {
      const driver = driverOf(
        setup({}).createMachine({
          initial: 'a',
          output: { ok: true },
          states: { a: { on: { end: 'z' } }, z: { type: 'final' } },
          on: { more: { actions: log('x') } },
        }),
      );
      const { snapshot } = driver.step(driver.create().snapshot, { type: 'end' });
      expect([snapshot.status, snapshot.output]).toEqual(['done', { ok: true }]);
      expect(driver.step(snapshot, { type: 'more' }).handled).toBe(false);
      expect(driver.accepts(snapshot, { type: 'more' })).toBe(false);
      const again = throughJson(driver, snapshot);
      expect([again.status, again.output]).toEqual(['done', { ok: true }]);
    });

    it('[MD6] raised events and events sent to itself are processed within the step', () => {
      const driver = driverOf(
        setup({}).createMachine({
          initial: 'a',
          states: {
            a: { on: { go: { target: 'b', actions: raise({ type: 'next' }) } } },
            b: { on: { next: { target: 'c', actions: sendTo(({ self }) => self, { type: 'last' }) } } },
            c: { on: { last: 'd' } },
            d: {},
          },
        }),
      );
      const step = driver.step(driver.create().snapshot, { type: 'go' });
      expect([step.snapshot.value, step.effects]).toEqual(['d', []]);
    });

    it('[MD9] a machine that turns in circles fails its step instead of hanging the node', () => {
      const driver = driverOf(
        setup({}).createMachine({
          initial: 'a',
          states: { a: { on: { go: 'b' } }, b: { always: 'c' }, c: { always: 'b' } },
        }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.step(snapshot, { type: 'go' })).toThrow(/microsteps/);
    });
  });

  describe('MachineDriver contract: failures', () => {
    const fragile = setup({
      types: { context: {} as { n: number } },
      guards: {
        broken: () => {
          throw new RangeError('guard');
        },
      },
    }).createMachine({
      context: { n: 0 },
      on: {
        guard: { guard: 'broken', actions: assign({ n: 1 }) },
        assign: {
          actions: [
            assign({ n: 1 }),
            emit({ type: 'half' }),
            assign(() => {
              throw new RangeError('assign');
            }),
          ],
        },
        reply: {
          actions: [
            assign({ n: 1 }),
            reply(() => {
              throw new RangeError('reply');
            }),
          ],
        },
        add: { actions: assign({ n: ({ context }) => context.n + 1 }) },
      },
    });

    it.each(['guard', 'assign', 'reply'])(
      '[MD2] a throw in a %s is a MachineFailed that carries it, and leaves nothing behind',
      (type) => {
        const driver = driverOf(fragile);
        const { snapshot } = driver.create();
        const failure = thrown(() => driver.step(snapshot, { type }));
        expect(failure).toBeInstanceOf(MachineFailed);
        expect([failure.code, failure.applied]).toEqual(['MACHINE_FAILED', 'no']);
        // XState rewrites what a guard throws; the message stays in it.
        expect((failure.cause as Error).message).toContain(type);
        const next = driver.step(snapshot, { type: 'add' });
        expect([next.snapshot.context, next.effects]).toEqual([{ n: 1 }, []]);
      },
    );

    it('[MD2] a throw while the first snapshot is made is a MachineFailed too', () => {
      const driver = driverOf(
        setup({ types: { input: {} as { name: string } | undefined } }).createMachine({
          context: ({ input }) => ({ name: (input as { name: string }).name.trim() }),
        }),
      );
      expect(() => driver.create(undefined)).toThrow(MachineFailed);
      expect(driver.create({ name: ' ada ' }).snapshot.context).toEqual({ name: 'ada' });
    });

    it('[MD9] what cannot be honoured is refused when the driver is made, all of it at once, each with its fix', () => {
      const child = setup({}).createMachine({});
      const refused = thrown(() =>
        driverOf(
          createMachine({
            initial: 'a',
            entry: sendParent({ type: 'hello' }),
            states: {
              a: { invoke: { src: child, id: 'kid' }, after: { unset: 'b' } as Record<string, 'b'> },
              b: { entry: spawnChild(child, { id: 'kid' }), invoke: { src: {} as typeof child, id: 'odd' } },
            },
          }),
        ),
      );
      expect(refused).toBeInstanceOf(MachineRefused);
      const { problems } = refused as MachineRefused;
      expect(problems).toEqual([
        expect.stringMatching(/sendParent has nobody to send to; use tell/),
        expect.stringMatching(/delay 'unset' has no implementation; give it in setup/),
        expect.stringMatching(/invoke 'kid': a child that lives in the record needs a name to be restored by; name it/),
        expect.stringMatching(/spawnChild of an inline logic cannot be stored; name it/),
        expect.stringMatching(/invoke 'odd': its logic is none of XState/),
      ]);
    });

    it('[MD9] missing guards, onSnapshot of a promise and a nameless spawn are refused, combined guards are read through', () => {
      const work = fromPromise(async () => 1);
      const refused = thrown(() =>
        driverOf(
          setup({ actors: { work } }).createMachine({
            initial: 'a',
            states: {
              a: {
                invoke: { src: 'work', id: 'w', onSnapshot: {} },
                on: {
                  go: { guard: and([() => true, not({ type: 'unknown' } as never)]), actions: spawnChild('work') },
                },
              },
            },
          }),
        ),
      );
      expect((refused as MachineRefused).problems).toEqual([
        expect.stringMatching(/spawnChild needs an id/),
        expect.stringMatching(/guard 'unknown' has no implementation/),
        expect.stringMatching(/onSnapshot is not available/),
      ]);
    });

    it('[MD3] combined guards and stateIn decide as in XState', () => {
      const driver = driverOf(
        setup({ guards: { yes: () => true, no: () => false } }).createMachine({
          type: 'parallel',
          states: { l: { initial: 'a', states: { a: { on: { swap: 'b' } }, b: {} } }, r: {} },
          on: {
            all: { guard: and(['yes', not('no')]), actions: log('x') },
            none: { guard: or(['no', not('yes')]), actions: log('x') },
            there: { guard: stateIn({ l: 'b' }), actions: log('x') },
          },
        }),
      );
      const { snapshot } = driver.create();
      const handled = (at: typeof snapshot, type: string): boolean => driver.step(at, { type }).handled;
      expect(['all', 'none', 'there'].map((type) => handled(snapshot, type))).toEqual([true, false, false]);
      expect(handled(throughJson(driver, driver.step(snapshot, { type: 'swap' }).snapshot), 'there')).toBe(true);
    });

    it('[MD12] a step tells what the named guards said, whether or not it went anywhere', () => {
      const driver = driverOf(
        setup({
          guards: { yes: () => true, no: () => false, other: 'no', both: and(['yes', 'no']) } as never,
        }).createMachine({
          initial: 'a',
          states: {
            a: {
              on: {
                go: [
                  { guard: 'other' as never, target: 'c' },
                  { guard: 'both' as never, target: 'c' },
                  { guard: not('no' as never), target: 'b' },
                ],
                stay: { guard: ({ event }) => event.type !== 'stay', target: 'c' },
              },
            },
            b: { always: { guard: 'yes' as never, target: 'c' } },
            c: { on: { back: { guard: 'no' as never, target: 'a' } } },
          },
        }),
      );
      const start = driver.create();
      expect(start.guards).toEqual([]);
      const said = (guards: readonly { readonly guard: string; readonly passed: boolean }[]): string =>
        guards.map(({ guard, passed }) => `${guard} ${passed}`).join(', ');
      const gone = driver.step(start.snapshot, { type: 'go' });
      expect(gone.snapshot.value).toBe('c');
      expect(said(gone.guards)).toBe('no false, yes true, no false, both false, no false, yes true');
      const refused = driver.step(throughJson(driver, gone.snapshot), { type: 'back' });
      expect([refused.handled, said(refused.guards)]).toEqual([false, 'no false']);
      expect(driver.step(start.snapshot, { type: 'stay' })).toMatchObject({ handled: false, guards: [] });
    });

    it('[MD9] a spawn without an id, a send to a stranger and a broken delay fail the step', () => {
      const work = fromPromise(async () => 1);
      const driver = driverOf(
        setup({ actors: { work }, delays: { broken: () => Number.NaN } }).createMachine({
          on: {
            spawn: { actions: assign(({ spawn }) => ({ ref: spawn('work') })) },
            send: { actions: sendTo('nobody', { type: 'x' }) },
            wait: { actions: raise({ type: 'x' }, { delay: 'broken' }) },
            name: { actions: enqueueActions(({ enqueue }) => enqueue({ type: 'unknown' } as never)) },
          },
        }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.step(snapshot, { type: 'spawn' })).toThrow(
        /'work' is spawned without an id, by which it could be restored; give it \{ id \}/,
      );
      expect(() => driver.step(snapshot, { type: 'send' })).toThrow(/nobody/);
      expect(() => driver.step(snapshot, { type: 'wait' })).toThrow(/delay of 'x' is NaN/);
      expect(() => driver.step(snapshot, { type: 'name' })).toThrow(/action 'unknown' has no implementation/);
    });
  });
}
