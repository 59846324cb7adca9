// Concurrent bookings in a world of three nodes. Copy this file, and put your own code where `book` is called.
import {
  defineSimulation,
  everyWaiterServed,
  faultPlan,
  linearizableBy,
  type Operation,
  type SequentialModel,
  type SimNode,
  type Simulation,
  several,
  type World,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import {
  book,
  type Calendar,
  fencedCalendar,
  halfFencedCalendar,
  type Row,
  type Slots,
  type Statement,
  trustingCalendar,
} from '../src/booking.ts';

/** What a client does: the steps of a case. They are JSON, and fast-check makes them fewer and smaller. */
interface Step {
  readonly node: number;
  readonly project: number;
  readonly slot: number;
  /** Since the beginning, so that a step left out moves no other. */
  readonly atMs: number;
  readonly confirmsMs: number;
}

const NODES = 3;

const step: fc.Arbitrary<Step> = fc.record({
  node: fc.nat({ max: NODES - 1 }),
  project: fc.nat({ max: 1 }),
  slot: fc.nat({ max: 2 }),
  atMs: fc.nat({ max: 3_000 }),
  confirmsMs: fc.nat({ max: 1_000 }),
});

/** What was asked and answered, and what it means to be right: one thing at a time, on a map. */
type Asked = { readonly kind: 'book'; readonly slot: string; readonly who: string } | { readonly kind: 'list' };
type Answer = 'booked' | 'taken' | Slots;

const inOrder = (slots: Slots): string => JSON.stringify(Object.entries(slots).sort());

const calendarModel: SequentialModel<Slots, Asked, Answer> = {
  name: 'calendar',
  initial: () => ({}),
  step(slots, { input, outcome }) {
    const answer = outcome.kind === 'ok' ? outcome.value : undefined;
    if (input.kind === 'list')
      return answer === undefined || inOrder(answer as Slots) === inOrder(slots) ? [slots] : [];
    const isTaken = slots[input.slot] !== undefined;
    if (answer === 'taken') return isTaken ? [slots] : [];
    return isTaken ? [] : [{ ...slots, [input.slot]: input.who }];
  },
  fingerprint: inOrder,
  observes: ({ input }) => input.kind === 'list',
  describe: ({ input, outcome }) =>
    `${input.kind === 'book' ? `book ${input.slot} for ${input.who}` : 'list'} → ${outcome.kind === 'ok' ? JSON.stringify(outcome.value) : outcome.kind}`,
};
const isBooking = (operation: Operation): operation is Operation<Asked, Answer> => operation.key.startsWith('p');

/** The app's database, reached over the node's line: what leaves may come late, twice unanswered, or never. */
class Database {
  readonly #rows = new Map<string, Row>();

  reachedFrom({ ports }: SimNode): Statement {
    return (project, change) =>
      ports.at(`row of ${project}`, () => {
        const { row, answer } = change(this.#rows.get(project) ?? { slots: {}, fence: '' });
        this.#rows.set(project, row);
        return answer;
      });
  }
}

function play(calendarOf: (statement: Statement) => Calendar) {
  return async (world: World, steps: readonly Step[]): Promise<void> => {
    const database = new Database();
    const calendarOn = (node: SimNode): Calendar => calendarOf(database.reachedFrom(node));
    const asked: Promise<unknown>[] = [];
    const inTime = [...steps.entries()].sort(([, a], [, b]) => a.atMs - b.atMs);
    for (const [number, { node, project, slot, atMs, confirmsMs }] of inTime) {
      await world.advance(Math.max(0, atMs - world.nowMs));
      const booking = { project: `p${project}`, slot: `s${slot}`, who: `c${number}` };
      const input: Asked = { kind: 'book', slot: booking.slot, who: booking.who };
      asked.push(
        world.node(node).perform<Asked, Answer>({ op: 'book', key: booking.project, input }, async (on) => {
          const confirm = (): Promise<void> => new Promise((resolve) => void on.ports.clock.after(confirmsMs, resolve));
          return await book({ locks: on.locks, calendar: calendarOn(on) }, booking, confirm);
        }),
      );
    }
    await world.advance(8_000);
    world.heal();
    await Promise.all(asked);
    for (const project of ['p0', 'p1'])
      await world
        .node(0)
        .perform<Asked, Answer>({ op: 'list', key: project, input: { kind: 'list' } }, (on) =>
          database.reachedFrom(on)(project, (row) => ({ row, answer: row.slots })),
        );
  };
}

const bookings = (name: string, calendarOf: (statement: Statement) => Calendar): Simulation<Step> =>
  defineSimulation<Step>({
    name,
    nodes: NODES,
    steps: several(step, { atLeast: 10, atMost: 20 }),
    faults: faultPlan({
      nodes: NODES,
      withinMs: 3_000,
      // Nodes make few calls here: one that is to go wrong is among the first.
      withinCounts: 10,
      kinds: ['crash', 'stall', 'sleep', 'clock', 'cut', 'call', 'slow'],
    }),
    play: play(calendarOf),
    checks: [
      linearizableBy(calendarModel, isBooking),
      everyWaiterServed({ withinMs: 60_000, waits: ({ input }) => (input as Asked).kind === 'book' }),
    ],
  });

export const trusting = bookings('trusting', trustingCalendar);
export const halfFenced = bookings('half-fenced', halfFencedCalendar);
export const fenced = bookings('fenced', fencedCalendar);
