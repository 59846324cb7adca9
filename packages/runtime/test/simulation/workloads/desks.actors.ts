// Desks and tickers: actors that have something of everything the runtime promises. What they do outside of
// their records is seen by the `Outside` of the world that is played; there is one world at a time.
import { defineActor, durable, reply, returns, tell } from '@devmentor/runtime';
import type { World } from '@devmentor/runtime/simulation';
import { assign, raise, setup } from 'xstate';

export const DESKS = 3;
const TICK_MS = 250;
const ERRAND_MS = 200;

export const deskOf = (number: number): string => `k${number % DESKS}`;

/** Where a desk passes things on to. */
const nextTo = (desk: string): string => deskOf(Number(desk.slice(1)) + 1);

/** A state worth reaching. */
export const REPEATED = 'an errand was run again, and did nothing';

/** What is not in any record. */
class Outside {
  readonly #world: World;
  readonly #keys = new Set<string>();
  #ticks = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** A service that knows a repeated request by its key, and does nothing the second time. */
  async run(desk: string, id: string, idempotencyKey: string): Promise<void> {
    if (this.#keys.has(idempotencyKey)) this.#world.saw('world', { kind: 'reached', label: REPEATED });
    else this.#world.saw('world', { kind: 'effect', key: desk, id });
    this.#keys.add(idempotencyKey);
    // By the clock of any node: whoever asked has one of them.
    const waited = this.#world.nodes.map(
      ({ ports }) => new Promise<void>((resolve) => void ports.clock.after(ERRAND_MS, resolve)),
    );
    await Promise.race(waited);
  }

  tick(incarnation: number): void {
    this.#ticks += 1;
    const fence = String(incarnation).padStart(20, '0');
    this.#world.saw('world', { kind: 'effect', key: TICKER, id: `tick ${this.#ticks}`, fence });
  }
}

let outside: Outside | undefined;
let incarnations = 0;

/** From here on it is this world that actors act upon. */
export function actUpon(world: World): void {
  outside = new Outside(world);
}

export type DeskEvent =
  | { readonly type: 'set'; readonly value: string }
  /** Kept here. */
  | { readonly type: 'note'; readonly id: string }
  /** Kept by the next desk: at once, when a timer has rung, or when an errand is over. */
  | { readonly type: 'pass'; readonly id: string }
  | { readonly type: 'wind' | 'arm'; readonly id: string; readonly ms: number }
  | { readonly type: 'send out'; readonly id: string }
  | { readonly type: 'ring' };

interface DeskContext {
  readonly key: string;
  readonly value: string | null;
  readonly notes: readonly string[];
  readonly wound: { readonly id: string; readonly ms: number };
  readonly armed: { readonly id: string; readonly ms: number };
  readonly out: string;
}

const next = ({ context }: { readonly context: DeskContext }): string => nextTo(context.key);
const noted =
  (id: (context: DeskContext) => string) =>
  ({ context }: { readonly context: DeskContext }) => ({ type: 'note', id: id(context) });

const machine = setup({
  types: {} as { context: DeskContext; events: DeskEvent; input: { key: string } },
  delays: { wound: ({ context }) => context.wound.ms, armed: ({ context }) => context.armed.ms },
  actors: {
    errand: durable('errand', async ({ input, idempotencyKey }: ErrandRun) => {
      await outside?.run(input.desk, input.id, idempotencyKey);
    }),
  },
}).createMachine({
  context: ({ input }) => ({
    key: input.key,
    value: null,
    notes: [],
    wound: { id: '', ms: 0 },
    armed: { id: '', ms: 0 },
    out: '',
  }),
  type: 'parallel',
  on: {
    set: { actions: [assign({ value: ({ event }) => event.value }), reply(() => 'set')] },
    note: { actions: assign({ notes: ({ context, event }) => [...context.notes, event.id] }) },
    pass: {
      actions: tell('desk', next, ({ event }) => ({ type: 'note', id: event.id })),
    },
  },
  states: {
    /** Rings by `after`. */
    clock: {
      initial: 'still',
      states: {
        still: { on: { wind: { target: 'wound', actions: assign({ wound: ({ event }) => event }) } } },
        wound: {
          after: {
            wound: {
              target: 'still',
              actions: tell(
                'desk',
                next,
                noted(({ wound }) => wound.id),
              ),
            },
          },
        },
      },
    },
    /** Rings by an event that it has raised for later. */
    bell: {
      initial: 'still',
      states: {
        still: {
          on: {
            arm: {
              target: 'armed',
              actions: [
                assign({ armed: ({ event }) => event }),
                raise({ type: 'ring' }, { id: 'bell', delay: 'armed' }),
              ],
            },
          },
        },
        armed: {
          on: {
            ring: {
              target: 'still',
              actions: tell(
                'desk',
                next,
                noted(({ armed }) => armed.id),
              ),
            },
          },
        },
      },
    },
    /** Is away for something outside. */
    errand: {
      initial: 'in',
      states: {
        in: { on: { 'send out': { target: 'out', actions: assign({ out: ({ event }) => event.id }) } } },
        out: {
          invoke: {
            src: 'errand',
            input: ({ context }) => ({ desk: context.key, id: context.out }),
            onDone: {
              target: 'in',
              actions: tell(
                'desk',
                next,
                noted(({ out }) => out),
              ),
            },
          },
        },
      },
    },
  },
});

interface ErrandRun {
  readonly input: { readonly desk: string; readonly id: string };
  readonly idempotencyKey: string;
}

export const Desk = defineActor('desk', {
  machine,
  input: (key) => ({ key }),
  replies: { set: returns<string>() },
});

export const TICKER = 'the ticker';

/** Lives in memory alone; each of its lives has a number, greater than those before. */
export const Ticker = defineActor('ticker', {
  durable: false,
  resident: [TICKER],
  input: () => ({ incarnation: ++incarnations }),
  machine: setup({
    types: {} as { context: { incarnation: number }; input: { incarnation: number } },
    actions: { tick: ({ context }) => outside?.tick(context.incarnation) },
  }).createMachine({
    context: ({ input }) => input,
    initial: 'ticking',
    states: { ticking: { after: { [TICK_MS]: { target: 'ticking', reenter: true, actions: 'tick' } } } },
  }),
});
