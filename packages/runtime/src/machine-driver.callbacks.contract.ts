// The part of the MachineDriver suite about callbacks and observables.
import { describe, expect, it } from 'vitest';
import { assign, forwardTo, fromCallback, fromEventObservable, fromObservable, setup } from 'xstate';
import type { EventData } from './effect.ts';
import { type MachineDriverHarness, under, Walk } from './machine-driver.fixtures.ts';

export function callbackRules({ driverOf }: MachineDriverHarness): void {
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
