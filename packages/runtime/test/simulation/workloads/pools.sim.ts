// Pools
//
// Guests on several nodes take seats, of which there are three, or read a book that one at a time may write in.
// What each sees of its own lease while it stays says from when to when it had its permits; together they are never
// more than there are, whatever breaks.
import { assert, type ClaimOptions, CoordinationError, type Lease } from '@devmentor/locks';
import { MemoryGuard } from '@devmentor/locks/guards';
import {
  type Check,
  defineSimulation,
  everyWaiterServed,
  exclusiveByFence,
  type Fault,
  type FaultKind,
  faultPlan,
  type Operation,
  type Seen,
  type SimNode,
  several,
  type Violation,
  type World,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';

/** Somebody comes, and what they do there. */
export interface Guest {
  readonly node: number;
  readonly wants: 'a seat' | 'seats' | 'all seats' | 'to read' | 'to write';
  /** Since the beginning, so that guests left out move no other. */
  readonly atMs: number;
  readonly waits: boolean;
  readonly ttlMs: number;
  readonly looks: number;
  readonly everyMs: number;
  /** What a reader or a writer does first. */
  readonly turns: 'stays' | 'other';
  readonly leaving: 'releases' | 'forgets';
}

const NODES = 3;
const SEATS = 3;
/** A writer has as many permits as there can be readers. */
const BOOK = 1_024;
const FAULTS_MS = 4_000;
const WAIT_MS = 120_000;
/** How often somebody who forgot a lease looks whether they have it yet. */
const FORGETFUL_MS = 150;
const HEALED_MS = 30_000;
const KINDS: readonly FaultKind[] = ['crash', 'stall', 'sleep', 'clock', 'drift', 'cut', 'call', 'slow', 'failover'];

const WEIGHTS = { 'a seat': 1, seats: 2, 'all seats': SEATS, 'to read': 1, 'to write': BOOK } as const;
const MOMENTS = [
  'several sat at once',
  'several read at once',
  'a writer waited for readers',
  'a writer became a reader',
  'a reader became the writer',
  'lapsed while others waited',
] as const;

type Input =
  | { readonly kind: 'enter'; readonly weight: number; readonly waits: boolean }
  | { readonly kind: 'turn' | 'leave'; readonly fence: string }
  | { readonly kind: 'look'; readonly fence: string; readonly weight: number };
type Output = { readonly kind: 'in'; readonly fence: string } | { readonly kind: 'refused' | 'valid' | 'over' };

const guest: fc.Arbitrary<Guest> = fc.record({
  node: fc.nat({ max: NODES - 1 }),
  wants: fc.constantFrom('a seat', 'to read', 'seats', 'to write', 'all seats', 'to read'),
  atMs: fc.nat({ max: FAULTS_MS }),
  waits: fc.constantFrom(true, true, true, false),
  ttlMs: fc.integer({ min: 1_000, max: 2_500 }),
  looks: fc.integer({ min: 1, max: 4 }),
  everyMs: fc.nat({ max: 400 }),
  turns: fc.constantFrom('stays', 'stays', 'other'),
  leaving: fc.constantFrom('releases', 'releases', 'forgets'),
});

/** Comes when all is whole, and is served. */
const LATE: Guest = {
  node: 0,
  wants: 'a seat',
  atMs: 2 * FAULTS_MS,
  waits: true,
  ttlMs: 1_000,
  looks: 1,
  everyMs: 0,
  turns: 'stays',
  leaving: 'releases',
};

class Visitor {
  readonly #world: World;
  readonly #book: MemoryGuard;
  readonly #guest: Guest;
  readonly #who: string;
  readonly #node: SimNode;
  readonly #pool: 'seats' | 'book';
  #weight: number;

  constructor(world: World, book: MemoryGuard, guest: Guest, number: number) {
    this.#world = world;
    this.#book = book;
    this.#guest = guest;
    this.#who = `g${number}`;
    this.#node = world.node(guest.node);
    this.#pool = guest.wants === 'to read' || guest.wants === 'to write' ? 'book' : 'seats';
    this.#weight = WEIGHTS[guest.wants];
  }

  async come(): Promise<void> {
    const { waits, looks, everyMs, turns, leaving } = this.#guest;
    const entered = (await this.#enter()) ?? (waits ? await this.#enter() : undefined);
    if (entered === undefined) return;
    const lease = turns === 'other' && this.#pool === 'book' ? await this.#turn(entered) : entered;
    for (let n = 1; n <= looks; n++) {
      if (!(await this.#look(lease))) return;
      await this.#pause(everyMs);
    }
    if (leaving === 'forgets') {
      lease.renewal('manual');
      while (await this.#look(lease)) await this.#pause(FORGETFUL_MS);
      return;
    }
    await this.#ask('leave', { kind: 'leave', fence: lease.fence }, async () => {
      const outcome = await lease.release();
      if (outcome.kind === 'unknown') throw outcome.cause;
      return { kind: 'over' };
    });
  }

  /** Nothing, where nobody could say. Who does not know asks again, once, by the same name. */
  async #enter(): Promise<Lease | undefined> {
    const { waits, ttlMs } = this.#guest;
    const options: ClaimOptions = {
      holder: { id: this.#who },
      requestId: this.#who,
      ttlMs,
      ...(waits ? { waitMs: WAIT_MS } : {}),
    };
    let lease: Lease | undefined;
    await this.#ask('enter', { kind: 'enter', weight: this.#weight, waits }, async ({ locks }) => {
      const outcome =
        this.#pool === 'seats'
          ? await locks.semaphore('seats', { permits: SEATS }).tryAcquire({ ...options, count: this.#weight })
          : await locks.readWrite('book')[this.#weight === 1 ? 'tryRead' : 'tryWrite'](options);
      if (outcome.kind === 'unavailable') throw outcome.cause;
      if (outcome.kind !== 'granted') return { kind: 'refused' };
      assert(outcome.lease.state !== 'lost', 'permits are handed out before they are over');
      lease = outcome.lease;
      return { kind: 'in', fence: lease.fence };
    });
    return lease;
  }

  /** A writer goes on as a reader, and the only reader as the writer. */
  async #turn(lease: Lease): Promise<Lease> {
    let next = lease;
    await this.#ask('turn', { kind: 'turn', fence: lease.fence }, async ({ locks }) => {
      const book = locks.readWrite('book');
      const isWriter = this.#weight === BOOK;
      // From here on it may be a reader only.
      this.#weight = 1;
      const outcome = isWriter ? await book.downgrade(lease) : await book.upgrade(lease);
      if (outcome.kind === 'unavailable') throw outcome.cause;
      if (outcome.kind === 'downgraded') this.#world.saw(this.#node, { kind: 'reached', label: MOMENTS[3] });
      if (outcome.kind !== 'granted') return { kind: 'refused' };
      this.#world.saw(this.#node, { kind: 'reached', label: MOMENTS[4] });
      this.#weight = BOOK;
      next = outcome.lease;
      return { kind: 'in', fence: next.fence };
    });
    return next;
  }

  /** Whether it still has its permits, as it sees it at this moment; a writer writes. */
  async #look(lease: Lease): Promise<boolean> {
    let isValid = false;
    const { fence } = lease;
    await this.#ask('look', { kind: 'look', fence, weight: this.#weight }, async () => {
      isValid = lease.valid;
      return { kind: isValid ? 'valid' : 'over' };
    });
    if (isValid && this.#weight === BOOK) await this.#write(fence);
    return isValid;
  }

  async #write(fence: string): Promise<void> {
    await this.#ask('write', { kind: 'turn', fence }, async ({ ports }) => {
      const admitted = await ports.at('write book', () => {
        const isAdmitted = this.#book.admit('book', fence).kind === 'admitted';
        this.#world.saw('world', { kind: 'guarded-write', key: 'book', by: this.#who, fence, admitted: isAdmitted });
        return isAdmitted;
      });
      if (!admitted) throw new CoordinationError('STALE_FENCE', 'a later holder has written', { applied: 'no' });
      return { kind: 'valid' };
    });
  }

  async #ask(op: string, input: Input, work: (node: SimNode) => Promise<Output>): Promise<void> {
    await this.#node.perform<Input, Output>({ op, key: this.#pool, input, process: this.#who }, work);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#node.ports.clock.after(ms, resolve));
  }
}

/** So many permits under a fence, for certain, from one look that found them valid to another. */
interface Stay {
  readonly key: string;
  readonly who: string;
  readonly fence: string;
  readonly weight: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

function staysOf(operations: readonly Operation<Input, Output>[], mistaken = NOBODY): readonly Stay[] {
  const stays = new Map<string, Stay>();
  for (const { key, node, process: who, input, outcome, returnedMs } of operations) {
    if (mistaken.has(node)) continue;
    if (input.kind !== 'look' || outcome.kind !== 'ok' || outcome.value.kind !== 'valid' || returnedMs === undefined)
      continue;
    const { fence, weight } = input;
    const name = `${key} ${fence} ${weight}`;
    const before = stays.get(name);
    const fromMs = Math.min(before?.fromMs ?? returnedMs, returnedMs);
    const untilMs = Math.max(before?.untilMs ?? returnedMs, returnedMs);
    stays.set(name, { key, who, fence, weight, fromMs, untilMs });
  }
  return [...stays.values()];
}

const NOBODY: ReadonlySet<string> = new Set();

const isOurs = (operation: Operation): operation is Operation<Input, Output> =>
  operation.key === 'seats' || operation.key === 'book';

/** Those who stayed at the moment at which this one was first sure of it, and with it for longer than the slack. */
function beside(one: Stay, stays: readonly Stay[], slackMs: number): readonly Stay[] {
  return stays.filter(
    ({ key, fromMs, untilMs }) =>
      key === one.key && fromMs <= one.fromMs && one.fromMs <= Math.min(untilMs, one.untilMs) - slackMs,
  );
}

/** Wall time that is set back hides the sleep of a machine: nothing else that Node reads would show it. */
function mistakenOf({ faults }: Seen): ReadonlySet<string> {
  const of = (is: (fault: Fault) => boolean): ReadonlySet<string> =>
    new Set(faults.flatMap(({ fault }) => ('node' in fault && is(fault) ? [`n${Number(fault.node) + 1}`] : [])));
  const setBack = of((fault) => fault.kind === 'clock' && fault.wallMs < 0);
  return new Set([...of(({ kind }) => kind === 'sleep')].filter((node) => setBack.has(node)));
}

/** The store's clock that is set ahead ends terms so much earlier than their holders know. */
function slackOf({ faults }: Seen): number {
  return faults.reduce(
    (sum, { fault }) => (fault.kind === 'clock' && fault.node === 'store' ? sum + Math.max(0, fault.wallMs) : sum),
    0,
  );
}

const neverOverdrawn: Check = {
  name: 'never overdrawn',
  inspect: (seen) => {
    const stays = staysOf(seen.history.operations().filter(isOurs), mistakenOf(seen));
    const slackMs = slackOf(seen);
    return stays.flatMap((one): Violation[] => {
      const together = [one, ...beside(one, stays, slackMs).filter((other) => other !== one)];
      const used = together.reduce((sum, { weight }) => sum + weight, 0);
      const permits = one.key === 'seats' ? SEATS : BOOK;
      if (used <= permits) return [];
      const who = together.map(({ who, weight }) => `${who} ${weight}`).join(', ');
      return [{ check: 'never overdrawn', message: `${one.key}, ${permits} permits, at ${one.fromMs} ms: ${who}` }];
    });
  },
};

/** Who entered after another was in has the greater fence. */
const inFenceOrder: Check = {
  name: 'pool fences rise',
  inspect: ({ history }) => {
    const entered = history
      .operations()
      .filter(isOurs)
      .flatMap(({ key, process, order, outcome }) =>
        outcome.kind === 'ok' && outcome.value.kind === 'in'
          ? [{ key, process, order, fence: outcome.value.fence }]
          : [],
      );
    return entered.flatMap((first) =>
      entered
        .filter(
          ({ key, process, order, fence }) =>
            key === first.key &&
            process !== first.process &&
            fence <= first.fence &&
            first.order.returned !== undefined &&
            order.invoked > first.order.returned,
        )
        .map(({ process }) => ({
          check: 'pool fences rise',
          message: `${process} entered ${first.key} after ${first.process}, under no greater fence`,
        })),
    );
  },
};

function momentsOf({ history }: World): readonly (typeof MOMENTS)[number][] {
  const operations = history.operations().filter(isOurs);
  const stays = staysOf(operations);
  const together = (key: string): boolean => stays.some((one) => one.key === key && beside(one, stays, 0).length > 1);
  const waited = operations.filter(
    ({ input, invokedMs, returnedMs, outcome }) =>
      input.kind === 'enter' && outcome.kind === 'ok' && returnedMs !== undefined && returnedMs - invokedMs > 100,
  );
  const left = new Set(operations.flatMap(({ input }) => (input.kind === 'leave' ? [input.fence] : [])));
  const writers = waited.filter(({ input }) => input.kind === 'enter' && input.weight === BOOK);
  return [
    ...(together('seats') ? [MOMENTS[0]] : []),
    ...(together('book') ? [MOMENTS[1]] : []),
    ...(writers.some(({ invokedMs, returnedMs }) =>
      stays.some(
        ({ key, weight, untilMs }) =>
          key === 'book' && weight === 1 && untilMs > invokedMs && untilMs < (returnedMs ?? 0),
      ),
    )
      ? [MOMENTS[2]]
      : []),
    ...(waited.some(({ key, invokedMs, returnedMs }) =>
      stays.some(
        (one) => one.key === key && !left.has(one.fence) && one.untilMs > invokedMs && one.untilMs < (returnedMs ?? 0),
      ),
    )
      ? [MOMENTS[5]]
      : []),
  ];
}

/** Seats and a book, and servers that forget nothing. */
export const pools = defineSimulation<Guest>({
  name: 'pools',
  nodes: NODES,
  sometimes: MOMENTS,
  steps: several(guest, { atLeast: 18, atMost: 26 }),
  faults: faultPlan({ nodes: NODES, withinMs: FAULTS_MS, atLeast: 4, atMost: 7, kinds: KINDS }),
  play: async (world, guests) => {
    const book = new MemoryGuard();
    const inTime = [...guests].sort((one, other) => one.atMs - other.atMs);
    for (const [number, guest] of inTime.entries()) {
      await world.advance(Math.max(0, guest.atMs - world.nowMs));
      void new Visitor(world, book, guest, number + 1).come();
    }
    await world.advance(2 * FAULTS_MS - world.nowMs);
    world.heal();
    for (let node = 0; node < NODES; node++)
      void new Visitor(world, book, { ...LATE, node }, guests.length + 1 + node).come();
    await world.advance(HEALED_MS);
    for (const label of momentsOf(world)) world.saw('world', { kind: 'reached', label });
  },
  checks: [
    neverOverdrawn,
    inFenceOrder,
    exclusiveByFence(),
    everyWaiterServed({
      withinMs: HEALED_MS - 1_000,
      waits: (operation) => isOurs(operation) && operation.input.kind === 'enter' && operation.input.waits,
    }),
  ],
});
