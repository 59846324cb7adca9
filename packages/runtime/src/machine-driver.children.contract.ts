// What lives below a machine: machines, callbacks, observables, and what is said between them.
import { describe, expect, it } from 'vitest';
import {
  type ActorRefFrom,
  assign,
  emit,
  enqueueActions,
  forwardTo,
  fromCallback,
  fromEventObservable,
  fromObservable,
  fromPromise,
  fromTransition,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import type { Effect, EventData, ScheduleEffect } from './effect.ts';
import { tell } from './effect.ts';
import { type MachineDriverHarness, throughJson, under } from './machine-driver.fixtures.ts';
import { type MachineDriver, MachineFailed, type MachineSnapshot } from './machine-driver.ts';

/** Steps through JSON, as a node that passivates after each step would. */
class Walk {
  readonly driver: MachineDriver;
  snapshot: MachineSnapshot;
  effects: readonly Effect[];
  handled = true;

  constructor(driver: MachineDriver, input?: unknown) {
    this.driver = driver;
    const { snapshot, effects } = driver.create(input);
    this.snapshot = throughJson(driver, snapshot);
    this.effects = effects;
  }

  send(event: { readonly type: string; readonly [key: string]: unknown }): this {
    const { snapshot, effects, handled } = this.driver.step(this.snapshot, event);
    this.snapshot = throughJson(this.driver, snapshot);
    Object.assign(this, { effects, handled });
    return this;
  }

  get timers(): readonly ScheduleEffect[] {
    return this.effects.filter((effect) => effect.kind === 'schedule');
  }

  get invoked(): readonly string[] {
    return this.driver.invokes(this.snapshot).map(({ id }) => id);
  }
}

export function childRules({ driverOf }: MachineDriverHarness): void {
  const counter = setup({
    types: {
      context: {} as { n: number },
      input: {} as { from: number },
      events: {} as { type: 'add' } | { type: 'finish' } | { type: 'boom' },
      output: {} as number,
    },
    actions: {
      explode: assign(() => {
        throw new RangeError('boom');
      }),
    },
  }).createMachine({
    context: ({ input }) => ({ n: input.from }),
    initial: 'on',
    output: ({ context }) => context.n,
    states: {
      on: {
        after: { 50: { target: 'tired', actions: sendParent({ type: 'tired' }) } },
        on: {
          add: {
            actions: [
              assign({ n: ({ context }) => context.n + 1 }),
              sendParent(({ context }) => ({ type: 'counted', n: context.n })),
            ],
          },
          finish: 'end',
          boom: { actions: 'explode' },
        },
      },
      tired: { on: { finish: 'end' } },
      end: { type: 'final' },
    },
  });

  const parent = setup({
    types: {
      context: {} as { counted: readonly number[]; output: number | null; problem: string | null },
      events: {} as
        | { type: 'start' | 'add' | 'finish' | 'boom' | 'leave' | 'later' | 'tired' }
        | { type: 'counted'; n: number },
      children: {} as { kid: 'counter' },
    },
    actors: { counter },
  }).createMachine({
    context: { counted: [], output: null, problem: null },
    initial: 'idle',
    on: { counted: { actions: assign({ counted: ({ context, event }) => [...context.counted, event.n] }) } },
    states: {
      idle: { on: { start: 'busy' } },
      busy: {
        invoke: {
          id: 'kid',
          src: 'counter',
          input: { from: 10 },
          onDone: { target: 'idle', actions: assign({ output: ({ event }) => event.output }) },
          onError: { target: 'idle', actions: assign({ problem: ({ event }) => (event.error as Error).message }) },
        },
        on: {
          add: { actions: [forwardTo('kid'), sendTo('kid', { type: 'add' })] },
          later: { actions: sendTo('kid', { type: 'add' }, { id: 'late', delay: 20 }) },
          finish: { actions: sendTo('kid', { type: 'finish' }) },
          boom: { actions: forwardTo('kid') },
          tired: 'resting',
          leave: 'idle',
        },
      },
      resting: {},
    },
  });

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

  describe('MachineDriver contract: spawned children', () => {
    const spawning = setup({
      types: {
        context: {} as { ref: ActorRefFrom<typeof counter> | null; all: readonly string[]; n: number },
        events: {} as
          | { type: 'spawn' | 'more' | 'add' | 'stop' | 'finish' | 'look' | 'late' }
          | { type: 'counted'; n: number },
      },
      actors: { counter, work: fromPromise<number>(async () => 7) },
    }).createMachine({
      context: { ref: null, all: [], n: 0 },
      on: {
        spawn: { actions: assign({ ref: ({ spawn }) => spawn('counter', { id: 'one', input: { from: 0 } }) }) },
        more: {
          actions: [
            spawnChild('counter', { id: ({ context }) => `n${context.all.length}`, input: { from: 100 } }),
            assign({ all: ({ context }) => [...context.all, `n${context.all.length}`] }),
          ],
        },
        add: {
          actions: enqueueActions(({ enqueue, context }) => {
            if (context.ref !== null) enqueue.sendTo(context.ref, { type: 'add' });
            for (const id of context.all) enqueue.sendTo(id, { type: 'add' });
          }),
        },
        late: { actions: sendTo(({ context }) => context.ref ?? '', { type: 'add' }, { delay: 5 }) },
        counted: { actions: assign({ n: ({ context, event }) => context.n + event.n }) },
        finish: { actions: sendTo(({ context }) => context.ref ?? '', { type: 'finish' }) },
        look: { actions: assign({ n: ({ context }) => context.ref?.getSnapshot().output ?? -1 }) },
        stop: { actions: stopChild(({ context }) => context.ref ?? 'one') },
      },
    });

    it('[MD13] a reference in the context survives being stored, and sends reach the same child', () => {
      const walk = new Walk(driverOf(spawning))
        .send({ type: 'spawn' })
        .send({ type: 'add' })
        .send({ type: 'more' })
        .send({ type: 'add' });
      expect(walk.snapshot.context).toMatchObject({ n: 1 + 2 + 101 });
      const stored = walk.driver.persist(walk.snapshot);
      expect(stored).toMatchObject({ context: { ref: { xstate$$type: 1, id: 'one' } } });
      walk.send({ type: 'late' });
      expect(walk.timers).toMatchObject([{ delayMs: 5, event: { to: 'one' } }]);
    });

    it('[MD13] a child that has ended shows its output through a reference; one that was stopped hears nothing', () => {
      const walk = new Walk(driverOf(spawning))
        .send({ type: 'spawn' })
        .send({ type: 'add' })
        .send({ type: 'finish' })
        .send({ type: 'look' });
      expect(walk.snapshot.context).toMatchObject({ n: 1 });
      walk.send({ type: 'add' });
      expect(walk.snapshot.context).toMatchObject({ n: 1 });
      const stopped = new Walk(driverOf(spawning)).send({ type: 'spawn' }).send({ type: 'stop' });
      expect(stopped.effects).toContainEqual({ kind: 'forget', within: '>one>', to: 'one' });
      expect(stopped.driver.persist(stopped.snapshot)).toMatchObject({
        context: { ref: { id: 'one', ended: { status: 'stopped' } } },
      });
      stopped.send({ type: 'add' }).send({ type: 'look' });
      expect(stopped.snapshot.context).toMatchObject({ n: -1 });
    });

    it('[MD13] spawn in an assign works where nothing but promises is defined, too', () => {
      const walk = new Walk(
        driverOf(
          setup({
            types: { context: {} as { ref: unknown; got: number } },
            actors: { work: fromPromise<number>(async () => 7) },
          }).createMachine({
            context: { ref: null, got: 0 },
            on: {
              go: { actions: assign({ ref: ({ spawn }) => spawn('work', { id: 'w' }) }) },
              'xstate.done.actor.w': { actions: assign({ got: ({ event }) => event.output as number }) },
            },
          }),
        ),
      );
      walk.send({ type: 'go' });
      expect(walk.effects).toEqual([{ kind: 'invoke', id: 'w', src: 'work' }]);
      expect(walk.invoked).toEqual(['w']);
      walk.send(walk.driver.settled('w', { kind: 'done', output: 7 }) as { type: string });
      expect([walk.snapshot.context, walk.invoked]).toMatchObject([{ got: 7 }, []]);
    });

    it('[MD13] a reference to an actor that is no child, like self, is refused with its path when it is to be stored', () => {
      const driver = driverOf(
        setup({ types: { context: {} as { me: unknown } }, actors: { counter } }).createMachine({
          context: ({ self }) => ({ me: self }),
        }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.persist(snapshot)).toThrow(
        /context\.me is a reference to an actor that is no child of this machine; keep its id/,
      );
    });

    it('[MD11] a transition function is a child like a machine', () => {
      const walk = new Walk(
        driverOf(
          setup({
            types: { context: {} as { ref: unknown; n: number } },
            actors: { sum: fromTransition((n: number, event: { type: 'plus'; by: number }) => n + event.by, 5) },
          }).createMachine({
            context: ({ spawn }) => ({ ref: spawn('sum', { id: 'sum' }), n: 0 }),
            on: {
              plus: { actions: forwardTo('sum') },
              look: {
                actions: assign({
                  n: ({ context }) =>
                    (
                      context.ref as ActorRefFrom<
                        ReturnType<typeof fromTransition<number, { type: 'plus'; by: number }, never, never>>
                      >
                    ).getSnapshot().context,
                }),
              },
            },
          }),
        ),
      );
      walk.send({ type: 'plus', by: 2 }).send({ type: 'plus', by: 3 }).send({ type: 'look' });
      expect(walk.snapshot.context).toMatchObject({ n: 10 });
    });

    it('[EF1] effects of a machine below are effects of the actor', () => {
      const chatty = setup({}).createMachine({
        on: { hi: { actions: [tell('audit', 'a', { type: 'hi' }), raise({ type: 'x' }, { delay: 7 })] } },
      });
      const walk = new Walk(
        driverOf(
          setup({ actors: { chatty } }).createMachine({
            invoke: { src: 'chatty', id: 'kid' },
            on: { hi: { actions: forwardTo('kid') } },
          }),
        ),
      );
      walk.send({ type: 'hi' });
      expect(walk.effects).toEqual([
        { kind: 'tell', to: { type: 'audit', key: 'a' }, event: { type: 'hi' } },
        {
          kind: 'schedule',
          within: '>kid>',
          delayMs: 7,
          event: { type: 'xstate.to', to: 'kid', event: { type: 'x' } },
        },
      ]);
    });
  });

  describe('MachineDriver contract: callbacks and observables', () => {
    interface Observer<T> {
      next?: (value: T) => void;
      error?: (error: unknown) => void;
      complete?: () => void;
    }
    /** What an observable library gives: a subscription that can be ended. */
    const observable = <T>(start: (observer: Observer<T>) => () => void) => ({
      subscribe: (observer: Observer<T> | ((value: T) => void)) => ({
        unsubscribe: start(typeof observer === 'function' ? { next: observer } : observer),
      }),
    });
    const log: string[] = [];
    const feeding = setup({
      types: {
        context: {} as { heard: readonly unknown[]; values: readonly unknown[]; problem: unknown },
        events: {} as { type: 'listen' | 'watch' | 'flow' | 'leave' | 'ping' } | { type: 'fed'; n: number },
      },
      actors: {
        feed: fromCallback<{ type: 'ping' }, { n: number }>(({ input, sendBack, receive }) => {
          log.push(`start ${input.n}`);
          receive((event) => sendBack({ type: 'fed', n: event.type.length + input.n }));
          sendBack({ type: 'fed', n: input.n });
          return () => log.push('cleanup');
        }),
        values: fromObservable(() =>
          observable<number>((observer) => {
            for (const n of [1, 2, 3]) observer.next?.(n);
            observer.complete?.();
            return () => log.push('unsubscribed');
          }),
        ),
        events: fromEventObservable(() =>
          observable<{ type: 'fed'; n: number }>((observer) => {
            observer.next?.({ type: 'fed', n: 9 });
            return () => log.push('unsubscribed');
          }),
        ),
      },
    }).createMachine({
      context: { heard: [], values: [], problem: null },
      initial: 'idle',
      on: { fed: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) } },
      states: {
        idle: { on: { listen: 'listening', watch: 'watching', flow: 'flowing' } },
        listening: {
          invoke: {
            src: 'feed',
            id: 'feed',
            input: { n: 5 },
            onError: { actions: assign({ problem: ({ event }) => event.error }) },
          },
          on: { ping: { actions: forwardTo('feed') }, leave: 'idle' },
        },
        watching: {
          invoke: {
            src: 'values',
            id: 'values',
            onSnapshot: {
              actions: assign({ values: ({ context, event }) => [...context.values, event.snapshot.context] }),
            },
            onDone: 'idle',
          },
        },
        flowing: { invoke: { src: 'events', id: 'events' }, on: { leave: 'idle' } },
      },
    });

    const runningOf = (walk: Walk) => {
      const [invoke] = walk.driver.invokes(walk.snapshot);
      if (invoke === undefined) throw new Error('nothing is invoked');
      const said: EventData[] = [];
      const controller = new AbortController();
      let receive: (event: EventData) => void = () => {};
      const outcome = walk.driver.run(
        invoke,
        under('k', {
          signal: controller.signal,
          say: (event) => void said.push(walk.driver.said(invoke.id, event)),
          see: (value) => void said.push(walk.driver.seen(invoke.id, value)),
          hear: (listener) => {
            receive = listener;
          },
        }),
      );
      return { invoke, said, controller, outcome, receive: (event: EventData) => receive(event) };
    };

    it('[MD14] a callback runs as work: what it sends comes back as events, what is sent to it is an effect, and its cleanup runs at its end', async () => {
      log.length = 0;
      const walk = new Walk(driverOf(feeding)).send({ type: 'listen' });
      expect(walk.effects).toEqual([{ kind: 'invoke', id: 'feed', src: 'feed', input: { n: 5 } }]);
      const running = runningOf(walk);
      walk.send({ type: 'ping' });
      expect(walk.effects).toEqual([{ kind: 'send', id: 'feed', event: { type: 'ping' } }]);
      running.receive({ type: 'ping' });
      for (const event of running.said) walk.send(event);
      expect(walk.snapshot.context).toMatchObject({ heard: [5, 9] });
      walk.send({ type: 'leave' });
      expect(walk.effects).toContainEqual({ kind: 'stop', id: 'feed' });
      running.controller.abort(new Error('left'));
      expect(await running.outcome).toMatchObject({ kind: 'failed' });
      expect(log).toEqual(['start 5', 'cleanup']);
    });

    it('[MD14] the values of an observable come back in order, then its end', async () => {
      const walk = new Walk(driverOf(feeding)).send({ type: 'watch' });
      expect(walk.effects).toEqual([{ kind: 'invoke', id: 'values', src: 'values', snapshots: true }]);
      const running = runningOf(walk);
      const outcome = await running.outcome;
      for (const event of running.said) walk.send(event);
      walk.send(walk.driver.settled('values', outcome) as { type: string });
      expect([walk.snapshot.value, walk.snapshot.context]).toMatchObject(['idle', { values: [1, 2, 3] }]);
    });

    it('[MD14] an event observable sends its events, and is unsubscribed at its end', async () => {
      log.length = 0;
      const walk = new Walk(driverOf(feeding)).send({ type: 'flow' });
      const running = runningOf(walk);
      for (const event of running.said) walk.send(event);
      expect(walk.snapshot.context).toMatchObject({ heard: [9] });
      running.controller.abort(new Error('left'));
      await running.outcome;
      expect(log).toEqual(['unsubscribed']);
    });

    it('[MD14] a callback that throws, or sends what is not JSON or is not its to send, has failed', async () => {
      const failing = (work: Parameters<typeof fromCallback>[0]): Promise<unknown> => {
        const driver = driverOf(
          setup({ actors: { work: fromCallback(work) } }).createMachine({ invoke: { src: 'work', id: 'w' } }),
        );
        return runningOf(new Walk(driver)).outcome;
      };
      expect(
        await failing(() => {
          throw new RangeError('no');
        }),
      ).toEqual({ kind: 'failed', error: new RangeError('no') });
      expect(
        await failing(({ sendBack }) => sendBack({ type: 'x', at: new Date(0) } as { type: string })),
      ).toMatchObject({
        error: new TypeError(
          "the event 'x' of 'w' is not JSON: value.at is a Date; store toISOString() or the epoch milliseconds",
        ),
      });
      expect(await failing(({ sendBack }) => sendBack({ type: 'xstate.done.actor.w' }))).toMatchObject({
        error: new TypeError("'w' sent 'xstate.done.actor.w', which only XState may send"),
      });
    });

    it('[MD8] an observable that has ended is not run again by a restore, while its state stays', () => {
      const driver = driverOf(
        setup({ actors: { values: fromObservable(() => observable<number>(() => () => {})) } }).createMachine({
          invoke: { src: 'values', id: 'v' },
        }),
      );
      const walk = new Walk(driver);
      expect(walk.invoked).toEqual(['v']);
      walk.send(driver.settled('v', { kind: 'done', output: undefined }) as { type: string });
      expect([walk.handled, walk.invoked]).toEqual([true, []]);
    });
  });
}
