// Desks
//
// Actors on three nodes that are asked, told, wound up and sent on errands while nodes fail: what is set is
// read by everybody, what was acknowledged is kept once and in its order, timers ring once, errands are run
// once, and what lives in memory alone has one owner.
import { formatActorId } from '@devmentor/runtime';
import {
  type Check,
  defineSimulation,
  effectivelyOnce,
  type FaultKind,
  faultPlan,
  linearizableRegisters,
  noAcknowledgedLoss,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  type Seen,
  type SimNode,
  several,
  type World,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { actUpon, DESKS, Desk, type DeskEvent, deskOf, REPEATED, TICKER, Ticker } from './desks.actors.ts';

/** Something that is asked of a desk. */
export interface Errand {
  readonly do: 'set' | 'read' | 'read fresh' | 'peek' | Told | 'insist';
  readonly node: number;
  readonly desk: number;
  /** Since the beginning, so that what is left out moves nothing else. */
  readonly atMs: number;
  /** After so long a timer rings. */
  readonly ms: number;
}

const TOLD = ['note', 'pass', 'wind', 'arm', 'send out'] as const;
type Told = (typeof TOLD)[number];

/** Contributes a note to the desk that is the key. */
interface NoteInput {
  readonly kind: 'note';
  readonly id: string;
  /** On its way: notes of one way stay in the order in which they were acknowledged. */
  readonly way: string;
}

const NODES = 3;
const FAULTS_MS = 4_000;
const HEALED_MS = 22_000;
const DEADLINE_MS = 8_000;

const SAID_AGAIN = 'said again elsewhere, and kept once';

const errand: fc.Arbitrary<Errand> = fc.record({
  do: fc.constantFrom(
    'read',
    'set',
    'note',
    'pass',
    'read',
    'set',
    'read fresh',
    'peek',
    'wind',
    'arm',
    'send out',
    'insist',
  ),
  node: fc.nat({ max: NODES - 1 }),
  desk: fc.nat({ max: DESKS - 1 }),
  atMs: fc.nat({ max: FAULTS_MS }),
  ms: fc.nat({ max: 1_500 }),
});

class Client {
  readonly #world: World;
  readonly #errand: Errand;
  readonly #id: string;
  readonly #desk: string;

  constructor(world: World, errand: Errand, number: number) {
    this.#world = world;
    this.#errand = errand;
    this.#id = `${number}`;
    this.#desk = deskOf(errand.desk);
  }

  async come(): Promise<void> {
    const { do: act, ms } = this.#errand;
    switch (act) {
      case 'set':
        return await this.#set(`v${this.#id}`);
      case 'read':
      case 'read fresh':
        return await this.#read(act === 'read fresh');
      case 'peek':
        return await this.#peek();
      case 'note':
      case 'pass':
      case 'send out':
        return void (await this.#tell({ type: act, id: this.#id }));
      case 'wind':
      case 'arm':
        return void (await this.#tell({ type: act, id: this.#id, ms }));
      case 'insist': {
        // Who does not know says it again elsewhere, by the same name.
        const event = { type: 'note', id: this.#id } as const;
        if ((await this.#tell(event, this.#id)) !== 'unknown') return;
        if ((await this.#tell(event, this.#id, 1)) === 'ok')
          this.#world.saw('world', { kind: 'reached', label: SAID_AGAIN });
      }
    }
  }

  async #set(value: string): Promise<void> {
    await this.#node().perform<RegisterInput, RegisterOutput>(
      { op: 'set', key: this.#value, input: { kind: 'write', value } },
      async ({ runtime }) => {
        await runtime.actor(Desk, this.#desk).ask({ type: 'set', value }, { deadlineMs: DEADLINE_MS });
        return { kind: 'written' };
      },
    );
  }

  async #read(fresh: boolean): Promise<void> {
    await this.#node().perform<RegisterInput, RegisterOutput>(
      { op: fresh ? 'read fresh' : 'read', key: this.#value, input: { kind: 'read' } },
      async ({ runtime }) => {
        const view = await runtime.actor(Desk, this.#desk).read({ fresh, deadlineMs: DEADLINE_MS });
        return { kind: 'value', value: view.context.value };
      },
    );
  }

  async #peek(): Promise<void> {
    await this.#node().perform({ op: 'peek', key: this.#desk, input: { kind: 'peek' } }, async ({ runtime }) => {
      const view = await runtime.actor(Desk, this.#desk).peek();
      return { version: view?.version ?? 0 };
    });
  }

  async #tell(event: Exclude<DeskEvent, { type: 'set' | 'ring' }>, dedup?: string, shift = 0): Promise<string> {
    const kept = event.type === 'note' ? this.#desk : deskOf(this.#errand.desk + 1);
    // Timers ring and errands end when they do.
    const way =
      event.type === 'note' ? 'told' : event.type === 'pass' ? `by ${this.#desk}` : `${event.type} ${event.id}`;
    const input: NoteInput = { kind: 'note', id: event.id, way };
    const { kind } = await this.#node(shift).perform({ op: event.type, key: kept, input }, async ({ runtime }) => {
      await runtime
        .actor(Desk, this.#desk)
        .tell(event, { deadlineMs: DEADLINE_MS, ...(dedup === undefined ? {} : { dedup }) });
    });
    return kind;
  }

  get #value(): string {
    return `value of ${this.#desk}`;
  }

  #node(shift = 0): SimNode {
    return this.#world.node((this.#errand.node + shift) % NODES);
  }
}

function noteOf({ input }: Operation): NoteInput | undefined {
  return typeof input === 'object' && input !== null && 'way' in input ? (input as NoteInput) : undefined;
}

async function keptBy(seen: Seen, desk: string): Promise<readonly string[]> {
  const record = await seen.state.peek(formatActorId('desk', desk));
  const snapshot = record?.snapshot as
    | { readonly machine?: { readonly context?: { readonly notes?: string[] } } }
    | undefined;
  return snapshot?.machine?.context?.notes ?? [];
}

const notes = noAcknowledgedLoss<Seen>({
  kept: async (seen) => {
    const desks = Array.from({ length: DESKS }, (_, n) => deskOf(n));
    return new Map(await Promise.all(desks.map(async (desk) => [desk, await keptBy(seen, desk)] as const)));
  },
  item: (operation) => noteOf(operation)?.id,
  author: (operation) => noteOf(operation)?.way ?? '',
});

const errands = effectivelyOnce({
  owed: ({ history }) =>
    history.operations().flatMap((operation) => {
      const note = noteOf(operation);
      if (note?.way.startsWith('send out') !== true || operation.outcome.kind !== 'ok') return [];
      // It is kept by the next desk, and run by the one before.
      return [{ key: deskOf(Number(operation.key.slice(1)) + DESKS - 1), id: note.id }];
    }),
});

/** What is stored goes on and not back; a peek may be late, as its answer may, and no more than that. */
const peeks: Check = {
  name: 'peeks go forward',
  inspect: ({ history }) => {
    const seen = history.operations().flatMap(({ key, input, order, outcome }) => {
      const isPeek = (input as { readonly kind: string }).kind === 'peek' && outcome.kind === 'ok';
      return isPeek ? [{ key, order, version: (outcome.value as { readonly version: number }).version }] : [];
    });
    return seen.flatMap((later) =>
      seen
        .filter(
          ({ key, order, version }) =>
            key === later.key && (order.returned ?? Infinity) < later.order.invoked && version > later.version,
        )
        .map(({ version }) => ({
          check: 'peeks go forward',
          message: `${later.key} was at version ${version}, and later at ${later.version}`,
        })),
    );
  },
};

/** An owner that lost its place knows it by then: a beat of its lease, and what a call takes. */
const KNOWS_MS = 600;
/** Who stood still has what fell due meanwhile before it; a machine that slept asks the store first. */
const AWAKE_MS = 2_500;

/** There may be two of an actor without a record for a moment; not for longer. */
const oneTicker: Check = {
  name: 'one ticker',
  inspect: ({ history, trace }) => {
    const awakeMs = trace.flatMap((entry) =>
      entry.kind === 'note' && entry.label.endsWith(' goes on') ? [entry.atMs] : [],
    );
    const isWaking = (atMs: number): boolean => awakeMs.some((ms) => ms <= atMs && atMs <= ms + AWAKE_MS);
    let latest = { fence: '', sinceMs: 0 };
    const late: { readonly check: string; readonly message: string }[] = [];
    for (const sighting of history.sightings()) {
      if (sighting.kind !== 'effect' || sighting.key !== TICKER || sighting.fence === undefined) continue;
      const { fence, atMs } = sighting;
      if (fence > latest.fence) latest = { fence, sinceMs: atMs };
      else if (fence < latest.fence && atMs > latest.sinceMs + KNOWS_MS && !isWaking(atMs))
        late.push({
          check: 'one ticker',
          message: `at ${atMs} ms an earlier one ticks, and since ${latest.sinceMs} ms there is a later one`,
        });
    }
    return late.slice(0, 1);
  },
};

/** Without wall clocks that are set back by as much as a machine slept, and servers whose time jumps: no read of a lease's holder is safe there. */
const KINDS: readonly FaultKind[] = ['crash', 'stall', 'sleep', 'drift', 'cut', 'message', 'call', 'slow', 'failover'];

export const desks = defineSimulation<Errand>({
  name: 'desks',
  nodes: NODES,
  shards: 4,
  actors: [Desk, Ticker],
  steps: several(errand, { atLeast: 30, atMost: 40 }),
  faults: faultPlan({ nodes: NODES, withinMs: FAULTS_MS, withinCounts: 120, atLeast: 3, kinds: KINDS }),
  sometimes: [SAID_AGAIN, REPEATED],
  play: async (world, errands) => {
    actUpon(world);
    const inTime = [...errands.entries()].sort(([, one], [, other]) => one.atMs - other.atMs);
    for (const [number, errand] of inTime) {
      await world.advance(Math.max(0, errand.atMs - world.nowMs));
      void new Client(world, errand, number + 1).come();
    }
    await world.advance(2 * FAULTS_MS - world.nowMs);
    world.heal();
    // Whoever asked is answered, and what is owed is relayed.
    await world.advance(HEALED_MS);
  },
  checks: [linearizableRegisters(), notes, errands, peeks, oneTicker],
});
