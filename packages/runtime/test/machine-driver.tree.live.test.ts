import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  type ActorRefFrom,
  type AnyActorRef,
  assign,
  cancel,
  createActor,
  emit,
  enqueueActions,
  forwardTo,
  fromTransition,
  raise,
  SimulatedClock,
  sendParent,
  sendTo,
  setup,
  stopChild,
} from 'xstate';
import type { Effect, ScheduleEffect } from '../src/effect.ts';
import { isBoundFor, type MachineSnapshot } from '../src/machine-driver.ts';
import { xstateDriver } from '../src/machine-driver.xstate5.ts';

// Three generations: as many ways for one to speak to another as fit, to be driven by chance.
type Word = { type: 'a' | 'b' | 'c' | 'd' | 'e' };
const grandchild = setup({
  types: { context: {} as { n: number }, events: {} as Word, output: {} as number },
}).createMachine({
  context: { n: 0 },
  initial: 'asleep',
  output: ({ context }) => context.n,
  states: {
    asleep: { after: { 35: 'awake' }, on: { a: 'awake' } },
    awake: {
      entry: [assign({ n: ({ context }) => context.n + 1 }), sendParent({ type: 'woke' })],
      after: { 90: 'asleep' },
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
      entry: raise({ type: 'tick' }, { id: 'tick', delay: 60 }),
      exit: cancel('tick'),
      on: {
        tick: 'one',
        a: 'one',
        e: 'gone',
        d: { actions: sendTo(({ self }) => self, { type: 'a' }, { delay: 15 }) },
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
          actions: [cancel('x'), sendTo(({ context }) => context.sum ?? '', { type: 'bb' }, { id: 'x', delay: 25 })],
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
      after: { 140: 'off' },
      on: {
        a: { actions: forwardTo('child') },
        b: { actions: [forwardTo('child'), sendTo('child', { type: 'a' as const }, { delay: 30 })] },
        c: { actions: forwardTo('child') },
      },
    },
  },
});

interface Shown {
  readonly status: string;
  readonly value?: unknown;
  readonly context?: unknown;
  readonly output?: unknown;
  readonly children?: Readonly<Record<string, { getSnapshot(): unknown }>>;
}

/** What can be seen of a snapshot and all below it, with references as the ids they are. */
function seen(snapshot: Shown): unknown {
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

/** Runs a driver as the runtime does: timers in a table; the snapshot is stored between the steps if `stores`. */
class Host {
  readonly driver = xstateDriver(top);
  readonly emitted: unknown[] = [];
  readonly #stores: () => boolean;
  #timers = new Map<string, { due: number; order: number; event: ScheduleEffect['event'] }>();
  #order = 0;
  nowMs = 0;
  snapshot: MachineSnapshot;

  constructor(stores: () => boolean) {
    this.#stores = stores;
    const { snapshot, effects } = this.driver.create();
    this.snapshot = snapshot;
    this.#apply(effects);
  }

  send(event: { readonly type: string }): void {
    const accepts = this.driver.accepts(this.snapshot, event);
    const before = this.#stores() ? JSON.stringify(this.driver.persist(this.snapshot)) : undefined;
    const given = this.snapshot;
    const step = this.driver.step(given, event);
    expect(step.handled).toBe(accepts);
    if (before !== undefined) {
      expect(JSON.stringify(this.driver.persist(given))).toBe(before);
      const stored: unknown = JSON.parse(JSON.stringify(this.driver.persist(step.snapshot)));
      this.snapshot = this.driver.restore(stored as never);
      expect(this.driver.persist(this.snapshot)).toEqual(stored);
    } else {
      this.snapshot = step.snapshot;
    }
    this.#apply(step.effects);
  }

  get root(): Shown {
    return (this.snapshot as object as { root: Shown }).root;
  }

  get nextDue(): number | undefined {
    const dues = [...this.#timers.values()].map(({ due }) => due);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  advanceTo(ms: number): void {
    this.nowMs = ms;
    const due = [...this.#timers]
      .filter(([, timer]) => timer.due <= ms)
      .sort(([, a], [, b]) => a.due - b.due || a.order - b.order);
    for (const [id, timer] of due) {
      if (this.#timers.get(id) !== timer) continue;
      this.#timers.delete(id);
      this.send(timer.event);
    }
  }

  #apply(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'emit') this.emitted.push(effect.event);
      else if (effect.kind === 'cancel') this.#timers.delete(effect.id);
      else if (effect.kind === 'forget') {
        for (const [id, { event }] of [...this.#timers])
          if (id.startsWith(effect.within) || isBoundFor(event, effect.to)) this.#timers.delete(id);
      } else if (effect.kind === 'schedule')
        this.#timers.set(effect.id ?? `${effect.within ?? ''}~${this.#order}`, {
          due: this.nowMs + effect.delayMs,
          order: this.#order++,
          event: effect.event,
        });
      else throw new Error(`unexpected ${effect.kind}`);
    }
  }
}

describe('a tree of machines beside the live actors of XState', () => {
  it('[MD4] [MD11] [MD12] [MD13] states, contexts and timers of all three generations are those of the live actors, stored at any step', () => {
    // XState says so whenever an event finds its actor stopped, which is what happens here.
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const states = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'tick', 'tick'), fc.boolean()), {
          maxLength: 60,
          size: 'max',
        }),
        (events) => {
          const clock = new SimulatedClock();
          const live = createActor(top, { clock });
          const emitted: unknown[] = [];
          live.on('*', (event: unknown) => void emitted.push(event));
          live.start();
          let stores = false;
          const host = new Host(() => stores);
          for (const [type, store] of events) {
            stores = store;
            if (type === 'tick') {
              const next = host.nextDue;
              if (next === undefined) continue;
              clock.increment(next - host.nowMs);
              host.advanceTo(next);
            } else {
              live.send({ type });
              host.send({ type });
            }
            const shown = seen(live.getSnapshot() as Shown);
            expect(seen(host.root)).toEqual(shown);
            expect(host.emitted).toEqual(emitted);
            states.add(JSON.stringify(shown));
          }
          live.stop();
        },
      ),
      { numRuns: 150 },
    );
    expect(states.size).toBeGreaterThan(200);
  });
});
