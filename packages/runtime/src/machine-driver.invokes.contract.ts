import { describe, expect, it } from 'vitest';
import { assign, fromPromise, setup, spawnChild } from 'xstate';
import { durable } from './durable.ts';
import { type MachineDriverHarness, throughJson, under } from './machine-driver.fixtures.ts';

export function invokeRules({ driverOf }: MachineDriverHarness): void {
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
      const outcome = await driver.run(invoke, under('k'));
      const done = driver.step(restored, driver.settled('f', outcome));
      expect([done.snapshot.value, done.snapshot.context]).toEqual(['idle', { got: 42, problem: null }]);
      expect([done.effects, driver.invokes(done.snapshot)]).toEqual([[], []]);
    });

    it('[MD8] a failure is fed back as plain data', async () => {
      const driver = driverOf(fetching);
      const { snapshot } = driver.step(driver.create().snapshot, { type: 'go', n: -1 } as { type: string });
      const [invoke] = driver.invokes(snapshot);
      if (invoke === undefined) throw new Error('no invoke');
      const end = driver.settled('f', await driver.run(invoke, under('k')));
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
      expect(await driver.run({ kind: 'invoke', id: 'k', src: 'keyed', input: { n: 1 } }, under('a/b/1/0'))).toEqual({
        kind: 'done',
        output: 'keyed/a/b/1/0:1',
      });
      const stop = new AbortController();
      const running = driver.run({ kind: 'invoke', id: 'h', src: 'hanging' }, under('x', { signal: stop.signal }));
      const reason = new Error('drained');
      stop.abort(reason);
      expect(await running).toEqual({ kind: 'failed', error: reason });
      const odd = await driver.run({ kind: 'invoke', id: 'o', src: 'odd' }, under('x'));
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
