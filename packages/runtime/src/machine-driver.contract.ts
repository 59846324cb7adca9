// The suite every MachineDriver passes. Machines are written with XState's own `setup`, so that it
// also tells whether another minor of XState still does what the runtime builds on.

import { describe, expect, it } from 'vitest';
import {
  type AnyStateMachine,
  assign,
  cancel,
  emit,
  enqueueActions,
  fromCallback,
  fromPromise,
  log,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
} from 'xstate';
import { durable } from './durable.ts';
import { type Effect, publish, reply, tell } from './effect.ts';
import { type MachineDriver, MachineFailed, MachineRefused, type MachineSnapshot } from './machine-driver.ts';

export interface MachineDriverHarness {
  readonly driverOf: (machine: AnyStateMachine) => MachineDriver;
}

export function machineDriverContract({ driverOf }: MachineDriverHarness): void {
  const throughJson = (driver: MachineDriver, snapshot: MachineSnapshot): MachineSnapshot =>
    driver.restore(JSON.parse(JSON.stringify(driver.persist(snapshot))));
  const never = new AbortController().signal;

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
      const machine = setup({
        types: { children: {} as { kid: 'kid' } },
        actors: { kid: child, feed: fromCallback(() => {}) },
        actions: { missing: (): void => {} },
      });
      const refused = thrown(() =>
        driverOf(
          machine.createMachine({
            initial: 'a',
            entry: sendParent({ type: 'hello' }),
            states: {
              a: { invoke: [{ src: 'kid', id: 'kid' }, { src: 'feed' }], after: { unset: 'b' } as Record<string, 'b'> },
              b: { entry: spawnChild('kid', { id: 'kid' }) },
            },
          }),
        ),
      );
      expect(refused).toBeInstanceOf(MachineRefused);
      const { problems } = refused as MachineRefused;
      expect(problems).toEqual([
        expect.stringMatching(/sendParent has nobody to send to; use tell/),
        expect.stringMatching(/delay 'unset' has no implementation; give it in setup/),
        expect.stringMatching(/invoke 'kid': child machines are not available yet; make it an actor type/),
        expect.stringMatching(/only promises can be invoked .* use durable/),
        expect.stringMatching(/spawnChild of 'kid': child machines/),
      ]);
    });

    it('[MD9] a spawn inside an assign, a send to a stranger and a broken delay fail the step', () => {
      const work = fromPromise(async () => 1);
      const driver = driverOf(
        setup({ actors: { work }, delays: { broken: () => Number.NaN } }).createMachine({
          on: {
            spawn: { actions: assign(({ spawn }) => ({ ref: spawn('work', { id: 'w' }) })) },
            send: { actions: sendTo('nobody', { type: 'x' }) },
            wait: { actions: raise({ type: 'x' }, { delay: 'broken' }) },
            name: { actions: enqueueActions(({ enqueue }) => enqueue({ type: 'unknown' } as never)) },
          },
        }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.step(snapshot, { type: 'spawn' })).toThrow(
        /spawn inside an assign cannot be stored; use invoke/,
      );
      expect(() => driver.step(snapshot, { type: 'send' })).toThrow(/nobody/);
      expect(() => driver.step(snapshot, { type: 'wait' })).toThrow(/delay of 'x' is NaN/);
      expect(() => driver.step(snapshot, { type: 'name' })).toThrow(/action 'unknown' has no implementation/);
    });
  });

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

  describe('MachineDriver contract: stored snapshots', () => {
    const player = setup({}).createMachine({
      initial: 'playing',
      states: {
        playing: {
          type: 'parallel',
          states: {
            track: {
              initial: 'one',
              states: { one: { on: { next: 'two' } }, two: { on: { next: 'one' } }, seen: { type: 'history' } },
            },
            sound: { initial: 'loud', states: { loud: { on: { mute: 'quiet' } }, quiet: { on: { mute: 'loud' } } } },
            seen: { type: 'history', history: 'deep' },
          },
          on: { pause: 'paused' },
        },
        paused: { on: { resume: 'playing.seen' } },
      },
    });

    it('[MD4] parallel states and history survive being stored', () => {
      const driver = driverOf(player);
      let { snapshot } = driver.create();
      for (const type of ['next', 'mute', 'pause'])
        snapshot = throughJson(driver, driver.step(snapshot, { type }).snapshot);
      expect(snapshot.value).toBe('paused');
      expect(driver.step(snapshot, { type: 'resume' }).snapshot.value).toEqual({
        playing: { track: 'two', sound: 'quiet' },
      });
    });

    it('[MD4] storing what was restored gives the same JSON', () => {
      const driver = driverOf(player);
      let { snapshot } = driver.create();
      for (const type of ['next', 'pause']) snapshot = driver.step(snapshot, { type }).snapshot;
      const stored = driver.persist(snapshot);
      expect(driver.persist(driver.restore(JSON.parse(JSON.stringify(stored))))).toEqual(stored);
    });

    it.each([
      ['Date', (): unknown => new Date(0), /context\.a\[1\]\.b is a Date; store toISOString/],
      ['Map', (): unknown => new Map(), /context\.a\[1\]\.b is a Map/],
      ['function', (): unknown => () => {}, /context\.a\[1\]\.b is a function/],
      ['bigint', (): unknown => 1n, /context\.a\[1\]\.b is a bigint/],
      [
        'cycle',
        (): unknown => {
          const o: Record<string, unknown> = {};
          o['o'] = o;
          return o;
        },
        /contains itself/,
      ],
    ])('[MD5] a context with a %s is refused with the path', (_what, make, message) => {
      const driver = driverOf(
        setup({ types: { context: {} as Record<string, unknown> } }).createMachine({
          context: () => ({ a: [1, { b: make() }] }),
        }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.persist(snapshot)).toThrow(message);
      expect(() => driver.persist(snapshot)).toThrow(MachineFailed);
    });

    it('[MD4] a state the machine no longer has fails the restore, and says what to do', () => {
      const before = driverOf(setup({}).createMachine({ initial: 'a', states: { a: {} } }));
      const stored = before.persist(before.create().snapshot);
      const gone = driverOf(setup({}).createMachine({ initial: 'b', states: { b: {} } }));
      const grown = driverOf(
        setup({}).createMachine({ initial: 'a', states: { a: { initial: 'x', states: { x: {} } } } }),
      );
      expect(() => gone.restore(stored)).toThrow(/migration/);
      expect(() => grown.restore(stored)).toThrow(/migration/);
      expect(() => gone.restore('nonsense')).toThrow(MachineFailed);
    });
  });

  describe('MachineDriver contract: invokes', () => {
    const fetching = setup({
      types: { context: {} as { got: number | null; problem: string | null } },
      actors: {
        fetch: fromPromise<number, { n: number }>(async ({ input }) => {
          if (input.n < 0) throw Object.assign(new RangeError('negative'), { code: 'NEGATIVE' });
          return input.n * 2;
        }),
        keyed: durable<{ n: number }, string>(
          'keyed',
          async ({ input, idempotencyKey }) => `${idempotencyKey}:${input.n}`,
        ),
        hanging: fromPromise(
          ({ signal }) =>
            new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
        ),
        odd: fromPromise(async () => new Date(0)),
      },
    }).createMachine({
      context: { got: null, problem: null },
      initial: 'idle',
      states: {
        idle: { on: { go: 'busy', stay: 'staying' } },
        busy: {
          invoke: {
            id: 'f',
            src: 'fetch',
            input: ({ event }) => ({ n: (event as { n?: number }).n ?? 0 }),
            onDone: { target: 'idle', actions: assign({ got: ({ event }) => event.output }) },
            onError: {
              target: 'idle',
              actions: assign({ problem: ({ event }) => (event.error as { code: string }).code }),
            },
          },
          on: { leave: 'idle', again: { target: 'busy', reenter: true } },
        },
        staying: {
          invoke: {
            id: 'f',
            src: 'fetch',
            input: { n: 4 },
            onDone: { actions: assign({ got: ({ event }) => event.output }) },
          },
        },
      },
    });

    it('[MD8] an invoke is asked for as data, named by the snapshot, and its result is fed back', async () => {
      const driver = driverOf(fetching);
      const { snapshot, effects } = driver.step(driver.create().snapshot, { type: 'go', n: 21 } as { type: string });
      const invoke = { kind: 'invoke', id: 'f', src: 'fetch', input: { n: 21 } } as const;
      expect(effects).toEqual([invoke]);
      const restored = throughJson(driver, snapshot);
      expect(driver.invokes(restored)).toEqual([invoke]);
      const outcome = await driver.run(invoke, { signal: never, idempotencyKey: 'k' });
      const done = driver.step(restored, driver.settled('f', outcome));
      expect([done.snapshot.value, done.snapshot.context]).toEqual(['idle', { got: 42, problem: null }]);
      expect([done.effects, driver.invokes(done.snapshot)]).toEqual([[], []]);
    });

    it('[MD8] a failure is fed back as plain data', async () => {
      const driver = driverOf(fetching);
      const { snapshot } = driver.step(driver.create().snapshot, { type: 'go', n: -1 } as { type: string });
      const [invoke] = driver.invokes(snapshot);
      if (invoke === undefined) throw new Error('no invoke');
      const end = driver.settled('f', await driver.run(invoke, { signal: never, idempotencyKey: 'k' }));
      expect(end.error).toEqual({ name: 'RangeError', message: 'negative', code: 'NEGATIVE' });
      expect(driver.step(snapshot, end).snapshot.context).toEqual({ got: null, problem: 'NEGATIVE' });
    });

    it('[MD8] an invoke that has settled is not started again by a restore, though its state stays', () => {
      const driver = driverOf(fetching);
      const { snapshot } = driver.step(driver.create().snapshot, { type: 'stay' });
      expect(driver.invokes(snapshot)).toHaveLength(1);
      const done = driver.step(snapshot, driver.settled('f', { kind: 'done', output: 8 }));
      expect([done.snapshot.value, done.snapshot.context]).toEqual(['staying', { got: 8, problem: null }]);
      expect(driver.invokes(throughJson(driver, done.snapshot))).toEqual([]);
    });

    it('[MD8] leaving the state stops its invoke, re-entering stops it and asks again', () => {
      const driver = driverOf(fetching);
      const { snapshot } = driver.step(driver.create().snapshot, { type: 'go', n: 1 } as { type: string });
      expect(driver.step(snapshot, { type: 'leave' }).effects).toEqual([{ kind: 'stop', id: 'f' }]);
      const again = driver.step(snapshot, { type: 'again', n: 2 } as { type: string });
      expect(again.effects).toEqual([
        { kind: 'stop', id: 'f' },
        { kind: 'invoke', id: 'f', src: 'fetch', input: { n: 2 } },
      ]);
      expect(driver.invokes(again.snapshot)).toEqual([{ kind: 'invoke', id: 'f', src: 'fetch', input: { n: 2 } }]);
    });

    it('[MD2] a failure that nobody handles ends the machine in error, and nothing else', () => {
      const driver = driverOf(fetching);
      const { snapshot } = driver.step(driver.create().snapshot, { type: 'stay' });
      const failed = driver.step(snapshot, driver.settled('f', { kind: 'failed', error: new Error('gone') }));
      expect([failed.handled, failed.snapshot.status, failed.snapshot.error]).toEqual([
        true,
        'error',
        { name: 'Error', message: 'gone' },
      ]);
      const restored = throughJson(driver, failed.snapshot);
      expect([restored.status, restored.error]).toEqual(['error', { name: 'Error', message: 'gone' }]);
    });

    it('[MD8] durable work is given the key of the invoke, an aborted run ends with the reason, and a result that is not JSON is a failure', async () => {
      const driver = driverOf(fetching);
      expect(
        await driver.run(
          { kind: 'invoke', id: 'k', src: 'keyed', input: { n: 1 } },
          { signal: never, idempotencyKey: 'a/b/1/0' },
        ),
      ).toEqual({ kind: 'done', output: 'keyed/a/b/1/0:1' });
      const stop = new AbortController();
      const running = driver.run(
        { kind: 'invoke', id: 'h', src: 'hanging' },
        { signal: stop.signal, idempotencyKey: 'x' },
      );
      const reason = new Error('drained');
      stop.abort(reason);
      expect(await running).toEqual({ kind: 'failed', error: reason });
      const odd = await driver.run({ kind: 'invoke', id: 'o', src: 'odd' }, { signal: never, idempotencyKey: 'x' });
      expect(odd).toMatchObject({
        kind: 'failed',
        error: new TypeError(
          "the result of 'o' is not JSON: output is a Date; store toISOString() or the epoch milliseconds",
        ),
      });
    });

    it('[MD8] inline promises and spawned promises are invokes like any other', () => {
      const driver = driverOf(
        setup({ actors: { named: fromPromise<number, number>(async ({ input }) => input) } }).createMachine({
          initial: 'a',
          states: {
            a: { invoke: { src: fromPromise(async () => 1), onDone: 'b' } },
            b: { on: { more: { actions: spawnChild('named', { id: 'n', input: 3 }) } } },
          },
        }),
      );
      const created = driver.create();
      const [inline] = driver.invokes(throughJson(driver, created.snapshot));
      if (inline === undefined) throw new Error('no invoke');
      const b = driver.step(created.snapshot, driver.settled(inline.id, { kind: 'done', output: 1 }));
      expect(b.snapshot.value).toBe('b');
      expect(driver.step(b.snapshot, { type: 'more' }).effects).toEqual([
        { kind: 'invoke', id: 'n', src: 'named', input: 3 },
      ]);
    });
  });
}

function thrown(work: () => unknown): MachineFailed | MachineRefused {
  try {
    work();
  } catch (error) {
    if (error instanceof MachineFailed || error instanceof MachineRefused) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
