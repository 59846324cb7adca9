// The part of the MachineDriver suite about machines that a machine invokes.
import { describe, expect, it } from 'vitest';
import { assign, emit, forwardTo, fromPromise, sendParent, sendTo, setup } from 'xstate';
import type { EventData } from './effect.ts';
import { counter, parent } from './machine-driver.child.fixtures.ts';
import { type MachineDriverHarness, Walk } from './machine-driver.fixtures.ts';
import { MachineFailed } from './machine-driver.ts';

export function childRules({ driverOf }: MachineDriverHarness): void {
  describe('MachineDriver contract: machines below a machine', () => {
    it('[MD11] an invoked machine is stepped in the step of its parent, both ways, and survives being stored', () => {
      const walk = new Walk(driverOf(parent)).send({ type: 'start' });
      expect(walk.effects.map(({ kind }) => kind)).toEqual(['schedule']);
      walk.send({ type: 'add' });
      expect(walk.snapshot.context).toMatchObject({ counted: [11, 12] });
      walk.send({ type: 'finish' });
      expect([walk.snapshot.value, walk.snapshot.context]).toEqual([
        'idle',
        { counted: [11, 12], output: 12, problem: null },
      ]);
      expect(walk.effects).toContainEqual({ kind: 'forget', within: '>kid>', to: 'kid' });
    });

    it("[MD12] the timers of a machine below are rows of the actor's, named apart, and end with it", () => {
      const walk = new Walk(driverOf(parent)).send({ type: 'start' });
      const [timer] = walk.timers;
      expect(timer).toMatchObject({ within: '>kid>', delayMs: 50 });
      expect(timer?.id?.startsWith('>kid>')).toBe(true);
      const left = new Walk(driverOf(parent)).send({ type: 'start' }).send({ type: 'leave' });
      expect(left.effects).toEqual([{ kind: 'forget', within: '>kid>', to: 'kid' }]);
      expect(left.driver.step(left.snapshot, timer?.event ?? { type: '' }).handled).toBe(false);
      walk.send({ ...timer?.event, lateBy: 3 } as EventData);
      expect([walk.handled, walk.snapshot.value]).toEqual([true, 'resting']);
    });

    it('[MD12] a delayed event for a child is a row of the sender, and ends with the child it was for', () => {
      const walk = new Walk(driverOf(parent)).send({ type: 'start' }).send({ type: 'later' });
      const [timer] = walk.timers;
      expect(timer).toMatchObject({ id: 'late', delayMs: 20, event: { to: 'kid', event: { type: 'add' } } });
      walk.send(timer?.event ?? { type: '' });
      expect(walk.snapshot.context).toMatchObject({ counted: [11] });
      walk.send({ type: 'later' }).send({ type: 'leave' });
      expect(walk.effects).toEqual([{ kind: 'forget', within: '>kid>', to: 'kid' }]);
    });

    it('[MD11] a throw below is the error of that child where its parent answers to it', () => {
      const walk = new Walk(driverOf(parent)).send({ type: 'start' }).send({ type: 'boom' });
      expect([walk.snapshot.value, walk.snapshot.context]).toMatchObject(['idle', { problem: 'boom' }]);
    });

    it('[MD2] a throw below that nobody answers to fails the step, and nothing of it is left', () => {
      const driver = driverOf(
        setup({ actors: { counter } }).createMachine({
          invoke: { src: 'counter', id: 'kid', input: { from: 0 } },
          on: { boom: { actions: [emit({ type: 'half' }), forwardTo('kid')] }, add: { actions: forwardTo('kid') } },
        }),
      );
      const { snapshot } = driver.create();
      const before = driver.persist(snapshot);
      expect(() => driver.step(snapshot, { type: 'boom' })).toThrow(MachineFailed);
      expect(driver.persist(snapshot)).toEqual(before);
      expect(driver.step(snapshot, { type: 'add' }).effects).toEqual([]);
    });

    it('[MD1] a step of a tree leaves the snapshot it was given usable, that of the children too', () => {
      const driver = driverOf(parent);
      const busy = driver.step(driver.create().snapshot, { type: 'start' }).snapshot;
      const stored = JSON.stringify(driver.persist(busy));
      const one = driver.step(busy, { type: 'add' }).snapshot;
      const ended = driver.step(busy, { type: 'finish' }).snapshot;
      const other = driver.step(busy, { type: 'add' }).snapshot;
      expect(JSON.stringify(driver.persist(busy))).toBe(stored);
      expect(one.context).toMatchObject({ counted: [11, 12] });
      expect(other.context).toEqual(one.context);
      expect(ended.value).toBe('idle');
    });

    it('[MD3] an event that the actor takes no more is not handled, whatever is below it', () => {
      const driver = driverOf(parent);
      const busy = driver.step(driver.create().snapshot, { type: 'start' }).snapshot;
      const step = driver.step(busy, { type: 'start' });
      expect([step.handled, step.snapshot === busy, step.effects, driver.accepts(busy, { type: 'start' })]).toEqual([
        false,
        true,
        [],
        false,
      ]);
    });

    it('[MD5] what a child keeps must be JSON too, and is named from the actor down', () => {
      const driver = driverOf(
        setup({
          actors: {
            bad: setup({ types: { context: {} as { at: unknown } } }).createMachine({ context: { at: [new Date(0)] } }),
          },
        }).createMachine({ invoke: { src: 'bad', id: 'kid' } }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.persist(snapshot)).toThrow(/children\.kid\.context\.at\[0\] is a Date; store toISOString/);
    });

    it('[MD11] machines nest: grandchildren, their timers, history and invokes are stored and found again', () => {
      const leaf = setup({ actors: { work: fromPromise<number>(async () => 1) } }).createMachine({
        initial: 'p',
        states: {
          p: {
            type: 'parallel',
            states: {
              l: { initial: 'a', states: { a: { after: { 10: 'b' } }, b: {} } },
              r: {
                initial: 'x',
                states: { x: { on: { next: 'y' } }, y: { invoke: { src: 'work', id: 'w', onDone: 'z' } }, z: {} },
              },
              memory: { type: 'history', history: 'deep' },
            },
            on: { away: 'gone' },
          },
          gone: { on: { back: 'p.memory', end: 'over' } },
          over: { type: 'final' },
        },
      });
      const middle = setup({ types: { children: {} as { leaf: 'leaf' } }, actors: { leaf } }).createMachine({
        invoke: { src: 'leaf', id: 'leaf', onDone: { actions: sendParent({ type: 'ended' }) } },
        on: { '*': { actions: forwardTo('leaf') } },
      });
      const top = setup({ types: { children: {} as { 'a>b': 'middle' } }, actors: { middle } }).createMachine({
        initial: 'on',
        states: {
          on: {
            invoke: { src: 'middle', id: 'a>b' },
            on: { ended: 'off', '*': { actions: forwardTo('a>b') } },
          },
          off: {},
        },
      });
      const walk = new Walk(driverOf(top));
      const [timer] = walk.timers;
      expect(timer?.within).toBe('>a%3Eb>leaf>');
      walk.send({ type: 'next' }).send(timer?.event ?? { type: '' });
      expect(walk.invoked).toEqual(['>a%3Eb>leaf>w']);
      walk.send({ type: 'away' });
      expect([walk.effects.some(({ kind }) => kind === 'stop'), walk.invoked]).toEqual([true, []]);
      walk.send({ type: 'back' });
      expect(walk.invoked).toEqual(['>a%3Eb>leaf>w']);
      walk.send(walk.driver.settled('>a%3Eb>leaf>w', { kind: 'done', output: 1 }) as { type: string });
      expect([walk.handled, walk.invoked]).toEqual([true, []]);
      expect(JSON.stringify(walk.driver.persist(walk.snapshot))).toContain('"l":"b","r":"z"');
      walk.send({ type: 'away' }).send({ type: 'end' });
      expect(walk.snapshot.value).toBe('off');
    });

    it('[MD11] onSnapshot shows the parent each state of a child machine, and systemId finds one within the actor', () => {
      const walk = new Walk(
        driverOf(
          setup({
            types: { context: {} as { seen: readonly number[] } },
            actors: { counter: counter.provide({}) },
          }).createMachine({
            context: { seen: [] },
            invoke: {
              src: 'counter',
              id: 'kid',
              systemId: 'the counter',
              input: { from: 0 },
              onSnapshot: {
                actions: assign({ seen: ({ context, event }) => [...context.seen, event.snapshot.context.n] }),
              },
            },
            on: { add: { actions: sendTo(({ system }) => system.get('the counter'), { type: 'add' }) }, counted: {} },
          }),
        ),
      );
      walk.send({ type: 'add' }).send({ type: 'add' });
      expect(walk.snapshot.context).toEqual({ seen: [0, 1, 2] });
    });
  });
}
