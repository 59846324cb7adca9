// Three generations of machines: as many ways for one to speak to another as fit, to be driven by chance.
import {
  type ActorRefFrom,
  type AnyActorRef,
  assign,
  cancel,
  emit,
  enqueueActions,
  forwardTo,
  fromTransition,
  raise,
  sendParent,
  sendTo,
  setup,
  stopChild,
} from 'xstate';

export type Word = { type: 'a' | 'b' | 'c' | 'd' | 'e' };
/** Its delays are multiples of 5 units, none of which comes to the same time as another for long. */
export function familyOf(unitMs: number) {
  const grandchild = setup({
    types: { context: {} as { n: number }, events: {} as Word, output: {} as number },
    delays: { nap: 35 * unitMs, day: 90 * unitMs },
  }).createMachine({
    context: { n: 0 },
    initial: 'asleep',
    output: ({ context }) => context.n,
    states: {
      asleep: { after: { nap: 'awake' }, on: { a: 'awake' } },
      awake: {
        entry: [assign({ n: ({ context }) => context.n + 1 }), sendParent({ type: 'woke' })],
        after: { day: 'asleep' },
        on: { b: 'asleep', c: { guard: ({ context }) => context.n > 2, target: 'over' } },
      },
      over: { type: 'final' },
    },
  });

  const child = setup({
    types: {
      context: {} as { n: number; got: number[] },
      input: {} as { n: number },
      events: {} as Word | { type: 'woke' | 'tick' },
      children: {} as { grandchild: 'grandchild' },
    },
    actors: { grandchild },
  }).createMachine({
    context: ({ input }) => ({ n: input.n, got: [] }),
    initial: 'one',
    entry: sendParent({ type: 'born' }),
    on: { woke: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
    states: {
      one: {
        invoke: {
          src: 'grandchild',
          id: 'grandchild',
          onDone: { target: 'two', actions: assign({ got: ({ context, event }) => [...context.got, event.output] }) },
        },
        on: {
          a: { actions: forwardTo('grandchild') },
          b: { actions: [forwardTo('grandchild'), sendParent(({ context }) => ({ type: 'heard', n: context.n }))] },
          c: [{ guard: ({ context }) => context.n % 3 === 0, target: 'two' }, { actions: forwardTo('grandchild') }],
        },
      },
      two: {
        entry: raise({ type: 'tick' }, { id: 'tick', delay: 60 * unitMs }),
        exit: cancel('tick'),
        on: {
          tick: 'one',
          a: 'one',
          e: 'gone',
          d: { actions: sendTo(({ self }) => self, { type: 'a' }, { delay: 15 * unitMs }) },
        },
      },
      gone: { type: 'final' },
    },
  });

  const top = setup({
    types: {
      context: {} as {
        log: string[];
        ref: ActorRefFrom<typeof child> | null;
        sum: AnyActorRef | null;
        made: number;
      },
      events: {} as Word | { type: 'born' } | { type: 'heard'; n: number },
    },
    actors: { child, sum: fromTransition((n: number, event: { type: string }) => n + event.type.length, 0) },
    delays: { patience: 140 * unitMs },
    actions: {
      note: assign({ log: ({ context }, { word }: { word: string }) => [...context.log.slice(-5), word] }),
    },
  }).createMachine({
    context: ({ spawn }) => ({ log: [], ref: null, sum: spawn('sum', { id: 'sum' }), made: 0 }),
    initial: 'off',
    on: {
      born: { actions: { type: 'note', params: { word: 'born' } } },
      heard: {
        actions: [{ type: 'note', params: ({ event }) => ({ word: `heard ${event.n}` }) }, emit({ type: 'was heard' })],
      },
      d: {
        actions: enqueueActions(({ enqueue, context }) => {
          if (context.sum !== null) enqueue.sendTo(context.sum, { type: 'd' });
          if (context.ref !== null) enqueue.sendTo(context.ref as AnyActorRef, { type: 'd' });
        }),
      },
      e: [
        {
          guard: ({ context }) => context.ref === null,
          actions: assign({
            ref: ({ spawn, context }) => spawn('child', { id: `spawned ${context.made}`, input: { n: context.made } }),
            made: ({ context }) => context.made + 1,
          }),
        },
        {
          guard: ({ context }) => context.made % 2 === 0,
          actions: sendTo(({ context }) => context.ref ?? '', { type: 'e' }),
        },
        {
          actions: [
            stopChild(({ context }) => context.ref ?? ''),
            assign({ ref: null, made: ({ context }) => context.made + 1 }),
          ],
        },
      ],
    },
    states: {
      off: {
        on: {
          a: 'on',
          b: {
            actions: [
              cancel('x'),
              sendTo(({ context }) => context.sum ?? '', { type: 'bb' }, { id: 'x', delay: 25 * unitMs }),
            ],
          },
          c: { actions: cancel('x') },
        },
      },
      on: {
        invoke: {
          src: 'child',
          id: 'child',
          input: ({ context }) => ({ n: context.log.length }),
          onDone: { target: 'off', actions: { type: 'note', params: { word: 'done' } } },
        },
        after: { patience: 'off' },
        on: {
          a: { actions: forwardTo('child') },
          b: { actions: [forwardTo('child'), sendTo('child', { type: 'a' as const }, { delay: 30 * unitMs })] },
          c: { actions: forwardTo('child') },
        },
      },
    },
  });

  return top;
}

export interface Shown {
  readonly status: string;
  readonly value?: unknown;
  readonly context?: unknown;
  readonly output?: unknown;
  readonly children?: Readonly<Record<string, { getSnapshot(): unknown }>>;
}

/** What can be seen of a snapshot and all below it, with references as the ids they are. */
export function seen(snapshot: Shown): unknown {
  const children = Object.entries(snapshot.children ?? {}).map(([id, ref]) => [id, seen(ref.getSnapshot() as Shown)]);
  return {
    status: snapshot.status,
    value: snapshot.value,
    output: snapshot.output,
    context: JSON.parse(JSON.stringify(snapshot.context ?? null)) as unknown,
    // What lives below a machine that has ended is over, though XState still lists it.
    children: snapshot.status === 'active' ? Object.fromEntries(children) : {},
  };
}
