// What the compiler knows of an actor type. Wrong calls are compile errors; this file is type-checked.

import { describe, expectTypeOf, it } from 'vitest';
import { setup } from 'xstate';
import { type ActorRef, type ActorType, createRuntime, defineActor, returns, tell } from '../src/index.ts';
import { Counter } from './counter.fixture.ts';

const counter = createRuntime({ actors: [Counter] }).actor(Counter, 'a');
const never = (): boolean => false;

describe('types', () => {
  it('[TY1] events are those of the machine', () => {
    if (never()) {
      void counter.tell({ type: 'add', by: 1 });
      // @ts-expect-error an event the machine does not know
      void counter.tell({ type: 'subtract', by: 1 });
      // @ts-expect-error a part of the event is missing
      void counter.tell({ type: 'add' });
      // @ts-expect-error a part of the event is of another type
      counter.send({ type: 'add', by: '1' });
    }
  });

  it('[TY2] an ask takes only events with a declared reply, and gives that reply', () => {
    if (never()) {
      expectTypeOf(counter.ask({ type: 'total' })).resolves.toEqualTypeOf<{ total: number }>();
      // @ts-expect-error nothing answers this event
      void counter.ask({ type: 'add', by: 1 });
    }
  });

  it('[TY3] views, outputs and emitted events are typed', () => {
    if (never()) {
      expectTypeOf(counter.done()).resolves.toEqualTypeOf<number>();
      expectTypeOf(counter.read()).resolves.toHaveProperty('context').toHaveProperty('total').toEqualTypeOf<number>();
      expectTypeOf(counter.read()).resolves.toHaveProperty('value').toEqualTypeOf<'open' | 'armed' | 'closed'>();
      counter.on('counted', (event) => expectTypeOf(event.total).toEqualTypeOf<number>());
    }
  });

  it('[TY4] replies are declared for events of the machine alone, and required input is required', () => {
    const machine = setup({
      types: {} as { context: { key: string }; input: { key: string }; events: { type: 'go' } },
    }).createMachine({ context: ({ input }) => input });
    expectTypeOf(defineActor('a', { machine, input: (key) => ({ key }) })).toExtend<ActorType<'a'>>();
    if (never()) {
      // @ts-expect-error the machine needs input
      defineActor('a', { machine });
      // @ts-expect-error the machine has no such event
      defineActor('a', { machine, input: (key) => ({ key }), replies: { stop: returns<number>() } });
    }
  });

  it('[TY5] a machine tells another type only its events', () => {
    if (never()) {
      tell(Counter, 'b', { type: 'add', by: 1 });
      // @ts-expect-error the counter knows no such event
      tell(Counter, 'b', { type: 'subtract', by: 1 });
    }
  });

  it('[TY6] a reference to one actor type is none to another', () => {
    expectTypeOf<typeof counter>().not.toExtend<
      ActorRef<{
        event: { type: 'go' };
        context: { key: string };
        value: unknown;
        output: unknown;
        emitted: never;
        replies: object;
      }>
    >();
  });
});
