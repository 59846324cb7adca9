import { describe, expect, it } from 'vitest';
import { assign, cancel, emit, enqueueActions, log, raise, sendTo, setup } from 'xstate';
import { type Effect, publish, reply, tell } from './effect.ts';
import { type MachineDriverHarness, throughJson } from './machine-driver.fixtures.ts';
import { MachineFailed } from './machine-driver.ts';

export function effectRules({ driverOf }: MachineDriverHarness): void {
  describe('MachineDriver contract: effects', () => {
    it('[EF1] effects come in the order asked for, computed from the context at that point', () => {
      const driver = driverOf(
        setup({ types: { context: {} as { n: number } } }).createMachine({
          context: { n: 1 },
          on: {
            go: {
              actions: [
                reply(({ context }) => context.n),
                assign({ n: 2 }),
                publish('changed', ({ context }) => ({ n: context.n })),
                tell('audit', ({ context }) => `k${context.n}`, { type: 'seen' }),
                emit(({ context }) => ({ type: 'now', n: context.n })),
                log(({ context }) => context.n, 'n'),
                assign({ n: 3 }),
              ],
            },
          },
        }),
      );
      expect(driver.step(driver.create().snapshot, { type: 'go' }).effects).toEqual([
        { kind: 'reply', value: 1 },
        { kind: 'publish', type: 'changed', data: { n: 2 } },
        { kind: 'tell', to: { type: 'audit', key: 'k2' }, event: { type: 'seen' } },
        { kind: 'emit', event: { type: 'now', n: 2 } },
        { kind: 'log', label: 'n', value: 2 },
      ]);
    });

    it('[EF2] a throw in the value of a reply, a tell or a publish fails the step, and nothing of it is left', () => {
      const boom = (): never => {
        throw new Error('boom');
      };
      const driver = driverOf(
        setup({ types: { context: {} as { n: number } } }).createMachine({
          context: { n: 1 },
          on: {
            reply: { actions: [assign({ n: 2 }), reply(boom)] },
            tell: { actions: [assign({ n: 2 }), tell('audit', 'all', boom)] },
            key: { actions: [assign({ n: 2 }), tell('audit', boom, { type: 'seen' })] },
            publish: { actions: [assign({ n: 2 }), publish('changed', boom)] },
          },
        }),
      );
      const { snapshot } = driver.create();
      for (const type of ['reply', 'tell', 'key', 'publish'])
        expect(() => driver.step(snapshot, { type })).toThrow(MachineFailed);
      expect(snapshot.context).toEqual({ n: 1 });
    });

    it('[EF3] a value that JSON would change fails the step and is named with its path', () => {
      const driver = driverOf(
        setup({}).createMachine({
          on: {
            date: { actions: reply(() => ({ at: { deep: [new Date(0)] } })) },
            map: { actions: publish('x', () => ({ all: new Map() })) },
            nan: { actions: emit({ type: 'x', n: Number.NaN } as { type: string }) },
            fine: { actions: reply(() => ({ missing: undefined, nothing: null })) },
          },
        }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.step(snapshot, { type: 'date' })).toThrow(
        /the reply must be JSON: value\.at\.deep\[0\] is a Date; store toISOString/,
      );
      expect(() => driver.step(snapshot, { type: 'map' })).toThrow(/the data of 'x' must be JSON: value\.all is a Map/);
      expect(() => driver.step(snapshot, { type: 'nan' })).toThrow(/the emitted event must be JSON: value\.n is NaN/);
      expect(driver.step(snapshot, { type: 'fine' }).handled).toBe(true);
    });

    it("[EF3] a tell without a key, or of an event that is XState's own, fails the step", () => {
      const driver = driverOf(
        setup({}).createMachine({
          on: {
            keyless: { actions: tell('audit', () => '', { type: 'seen' }) },
            forged: { actions: tell('audit', 'all', { type: 'xstate.done.actor.payment' }) },
          },
        }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.step(snapshot, { type: 'keyless' })).toThrow(/its key is ""/);
      expect(() => driver.step(snapshot, { type: 'forged' })).toThrow(/cannot be told/);
    });

    it("[MD1] an author's action is handed out as data and runs only when asked", () => {
      const ran: unknown[] = [];
      const driver = driverOf(
        setup({
          actions: { note: ({ context }, params: { word: string }) => void ran.push([context, params]) },
        }).createMachine({
          context: { n: 7 },
          on: { go: { actions: [{ type: 'note', params: { word: 'hi' } }, assign({ n: 8 })] } },
        }),
      );
      const { effects } = driver.step(driver.create().snapshot, { type: 'go' });
      expect(ran).toEqual([]);
      const [action] = effects;
      expect(action).toMatchObject({ kind: 'action', type: 'note', params: { word: 'hi' } });
      if (action?.kind === 'action') action.run();
      expect(ran).toEqual([[{ n: 7 }, { word: 'hi' }]]);
    });

    it("[MD9] an author's action that sends through self is told what to use instead", () => {
      const driver = driverOf(
        setup({ actions: { later: ({ self }) => self.send({ type: 'more' }) } }).createMachine({
          on: { go: { actions: 'later' } },
        }),
      );
      const [action] = driver.step(driver.create().snapshot, { type: 'go' }).effects;
      if (action?.kind !== 'action') throw new Error('no action');
      expect(action.run).toThrow(/self.send reaches nobody here; use raise/);
    });

    it('[EF1] effects of enqueueActions, entry, exit and always keep their order', () => {
      const say = (type: string) => emit({ type });
      const driver = driverOf(
        setup({}).createMachine({
          initial: 'a',
          states: {
            a: {
              exit: say('exit a'),
              on: {
                go: {
                  target: 'b',
                  actions: enqueueActions(({ enqueue, check }) => {
                    if (check(() => true)) enqueue(say('enqueued'));
                    enqueue.emit({ type: 'too' });
                  }),
                },
              },
            },
            b: { entry: say('enter b'), always: { target: 'c', actions: say('always') } },
            c: { entry: say('enter c') },
          },
        }),
      );
      const { effects } = driver.step(driver.create().snapshot, { type: 'go' });
      expect(effects.map((effect) => (effect.kind === 'emit' ? effect.event.type : effect.kind))).toEqual([
        'exit a',
        'enqueued',
        'too',
        'enter b',
        'always',
        'enter c',
      ]);
    });
  });

  describe('MachineDriver contract: time', () => {
    const blinking = setup({ delays: { slow: ({ context }) => (context as { slowMs: number }).slowMs } }).createMachine(
      {
        context: { slowMs: 500 },
        initial: 'on',
        states: {
          on: { after: { 100: 'off' }, on: { again: { target: 'on', reenter: true } } },
          off: { after: { slow: 'on' }, on: { stop: 'still' } },
          still: {
            entry: raise({ type: 'x' }, { id: 'mine', delay: 20 }),
            on: {
              forget: { actions: cancel('mine') },
              nudge: {
                actions: [
                  raise({ type: 'y' }, { delay: 5 }),
                  sendTo(({ self }) => self, { type: 'z' }, { delay: 6, id: 'z' }),
                ],
              },
            },
          },
        },
      },
    );
    const scheduled = (effects: readonly Effect[]): Extract<Effect, { kind: 'schedule' }> => {
      const found = effects.find((effect) => effect.kind === 'schedule');
      if (found?.kind !== 'schedule') throw new Error('nothing is scheduled');
      return found;
    };

    it('[MD7] after is a schedule, leaving the state cancels it, and feeding its event back takes the transition', () => {
      const driver = driverOf(blinking);
      const created = driver.create();
      const timer = scheduled(created.effects);
      expect(timer.delayMs).toBe(100);
      const fired = driver.step(throughJson(driver, created.snapshot), timer.event);
      expect([fired.handled, fired.snapshot.value]).toEqual([true, 'off']);
      expect(fired.effects).toContainEqual({ kind: 'cancel', id: timer.id });
      expect(scheduled(fired.effects).delayMs).toBe(500);
      expect(driver.step(fired.snapshot, scheduled(fired.effects).event).snapshot.value).toBe('on');
    });

    it('[MD7] re-entering a state cancels its timer before it starts the new one', () => {
      const driver = driverOf(blinking);
      const created = driver.create();
      const again = driver.step(created.snapshot, { type: 'again' });
      expect(again.effects.map(({ kind }) => kind)).toEqual(['cancel', 'schedule']);
      expect(again.effects).toEqual([
        { kind: 'cancel', id: scheduled(created.effects).id },
        scheduled(created.effects),
      ]);
    });

    it('[MD7] a timer that fires after its state was left is not handled', () => {
      const driver = driverOf(blinking);
      const created = driver.create();
      const off = driver.step(created.snapshot, scheduled(created.effects).event);
      expect(driver.step(off.snapshot, scheduled(created.effects).event).handled).toBe(false);
    });

    it('[MD7] delayed raises and sends to itself are schedules, with the id they were given', () => {
      const driver = driverOf(blinking);
      const created = driver.create();
      const off = driver.step(created.snapshot, scheduled(created.effects).event);
      const still = driver.step(off.snapshot, { type: 'stop' });
      expect(still.effects).toContainEqual({ kind: 'schedule', id: 'mine', delayMs: 20, event: { type: 'x' } });
      expect(driver.step(still.snapshot, { type: 'forget' }).effects).toEqual([{ kind: 'cancel', id: 'mine' }]);
      expect(driver.step(still.snapshot, { type: 'nudge' }).effects).toEqual([
        { kind: 'schedule', delayMs: 5, event: { type: 'y' } },
        { kind: 'schedule', id: 'z', delayMs: 6, event: { type: 'z' } },
      ]);
    });
  });
}
