// The part of the MachineDriver suite about children that are spawned, and references to them.
import { describe, expect, it } from 'vitest';
import {
  type ActorRefFrom,
  assign,
  enqueueActions,
  forwardTo,
  fromPromise,
  fromTransition,
  raise,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import { tell } from './effect.ts';
import { counter } from './machine-driver.child.fixtures.ts';
import { type MachineDriverHarness, Walk } from './machine-driver.fixtures.ts';

export function spawnedRules({ driverOf }: MachineDriverHarness): void {
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
}
