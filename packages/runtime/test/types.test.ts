// What the compiler knows of an actor type. Wrong calls are compile errors; this file is type-checked.

import { describe, expectTypeOf, it } from 'vitest';
import { assign, type OutputFrom, setup } from 'xstate';
import {
  type ActorRef,
  type ActorType,
  createRuntime,
  defineActor,
  type ReplyAddress,
  remoteAsk,
  reply,
  replyAddress,
  returns,
  tell,
} from '../src/index.ts';
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

  it('[TY8] a remote ask takes only events that are answered, with the rest of the event as input, and gives their reply', () => {
    const total = remoteAsk(Counter, 'total');
    expectTypeOf<OutputFrom<typeof total>>().toEqualTypeOf<{ total: number }>();
    const Shop = defineActor('shop', {
      machine: setup({ types: {} as { events: { type: 'price'; sku: string } } }).createMachine({}),
      replies: { price: returns<number>() },
      lint: { silence: ['reply-without-event', 'never-replies'] },
    });
    if (never()) {
      // @ts-expect-error nothing answers this event
      remoteAsk(Counter, 'add');
      const asking = setup({ actors: { total, price: remoteAsk(Shop, 'price') } });
      asking.createMachine({
        invoke: [
          { src: 'total', input: { key: 'a' }, onDone: { actions: ({ event }) => event.output.total.toFixed() } },
          { src: 'price', input: { key: 'a', event: { sku: 'x' } } },
        ],
      });
      // @ts-expect-error the key is missing
      asking.createMachine({ invoke: { src: 'total', input: {} } });
      // @ts-expect-error a part of the event is missing
      asking.createMachine({ invoke: { src: 'price', input: { key: 'a', event: {} } } });
      // @ts-expect-error the event is missing
      asking.createMachine({ invoke: { src: 'price', input: { key: 'a' } } });
    }
  });

  it('[TY9] a later answer goes to a reply address and to nothing else', () => {
    const waiting = setup({
      types: {} as { context: { to: ReplyAddress | null; name: string }; events: { type: 'ask' } | { type: 'answer' } },
    });
    waiting.createMachine({
      context: { to: null, name: 'a' },
      on: {
        ask: { actions: assign({ to: ({ event }) => replyAddress(event) }) },
        answer: { actions: reply({ to: ({ context }) => context.to, value: ({ context }) => context.name.length }) },
      },
    });
    if (never()) {
      waiting.createMachine({
        context: { to: null, name: 'a' },
        on: {
          // @ts-expect-error any text is no address
          answer: { actions: reply({ to: ({ context }) => context.name, value: 1 }) },
        },
      });
      // @ts-expect-error a warning of no such name
      defineActor('a', { machine: setup({}).createMachine({}), lint: { silence: ['everything'] } });
    }
  });
});
