// Lanes
//
// Many actors tell one that keeps hardly any of their lanes, while nodes fail: lanes are closed, opened again and
// numbered anew all the time, and still each message is kept once and in its sender's order, and nothing stays owed.
import { MemoryLeaseStore } from '@devmentor/locks/memory';
import { defineActor, formatActorId, memoryStores, tell } from '@devmentor/runtime';
import {
  type Check,
  defineSimulation,
  type FaultKind,
  faultPlan,
  noAcknowledgedLoss,
  type Operation,
  type Seen,
  type Servers,
  several,
  type World,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { assign, setup } from 'xstate';

type BookEvent = { readonly type: 'note' | 'pass'; readonly id: string };

interface Pass {
  readonly node: number;
  readonly teller: number;
  /** Since the beginning, so that what is left out moves nothing else. */
  readonly atMs: number;
}

const BOOK = 'book';
const NODES = 3;
const TELLERS = 3;
const FAULTS_MS = 3_000;
/** What is down has started by then. */
const SETTLED_MS = 6_000;
const HEALED_MS = 16_000;
const DEADLINE_MS = 8_000;

/** Keeps notes, or passes them on to the book. */
const Book = defineActor('book', {
  machine: setup({ types: {} as { context: { notes: readonly string[] }; events: BookEvent } }).createMachine({
    context: { notes: [] },
    on: {
      note: { actions: assign({ notes: ({ context, event }) => [...context.notes, event.id] }) },
      pass: { actions: tell('book', BOOK, ({ event }) => ({ type: 'note', id: event.id })) },
    },
  }),
});

/** One lane is kept; every other is to be closed. */
const servers: Servers = {
  state: ({ clock, shards }) => memoryStores({ clock, shards, limits: { actorLanes: 1 } }),
  locks: ({ clock }) => {
    const leases = new MemoryLeaseStore({ clock, buckets: 1 });
    return { leases, permits: leases.permits };
  },
};

const tellers = Array.from({ length: TELLERS }, (_, n) => `teller${n}`);

const pass: fc.Arbitrary<Pass> = fc.record({
  node: fc.nat({ max: NODES - 1 }),
  teller: fc.nat({ max: TELLERS - 1 }),
  // In bursts: what comes while a commit is under way is the next group.
  atMs: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 30 })).map(([burst, ms]) => burst * 700 + ms),
});

function passBy(world: World, node: number, teller: string, id: string): void {
  void world.node(node).perform({ op: 'pass', key: BOOK, input: { id, teller } }, async ({ runtime }) => {
    await runtime.actor(Book, teller).tell({ type: 'pass', id }, { deadlineMs: DEADLINE_MS });
  });
}

function passOf({ input }: Operation): { readonly id: string; readonly teller: string } | undefined {
  return typeof input === 'object' && input !== null && 'teller' in input
    ? (input as { readonly id: string; readonly teller: string })
    : undefined;
}

async function notesOf(seen: Seen): Promise<readonly string[]> {
  const record = await seen.state.peek(formatActorId('book', BOOK));
  const snapshot = record?.snapshot as
    | { readonly machine?: { readonly context?: { readonly notes?: string[] } } }
    | undefined;
  return snapshot?.machine?.context?.notes ?? [];
}

const notes = noAcknowledgedLoss<Seen>({
  kept: async (seen) => new Map([[BOOK, await notesOf(seen)]]),
  item: (operation) => passOf(operation)?.id,
  author: (operation) => passOf(operation)?.teller ?? '',
});

const paid: Check = {
  name: 'nothing stays owed',
  inspect: async ({ state }) => {
    const owing = await Promise.all(
      tellers.map(async (key) => ({ key, rows: (await state.peek(formatActorId('book', key)))?.outbox ?? [] })),
    );
    return owing
      .filter(({ rows }) => rows.length > 0)
      .map(({ key, rows }) => ({ check: 'nothing stays owed', message: `${key} owes ${JSON.stringify(rows)}` }));
  },
};

const KINDS: readonly FaultKind[] = ['crash', 'crash', 'stall', 'cut', 'message', 'call', 'slow'];

export const lanes = defineSimulation<Pass>({
  name: 'lanes',
  nodes: NODES,
  shards: 4,
  actors: [Book],
  services: servers,
  steps: several(pass, { atLeast: 30, atMost: 50 }),
  faults: faultPlan({ nodes: NODES, withinMs: FAULTS_MS, withinCounts: 120, atLeast: 3, kinds: KINDS }),
  play: async (world, passes) => {
    const inTime = [...passes.entries()].sort(([, one], [, other]) => one.atMs - other.atMs);
    for (const [number, { node, teller, atMs }] of inTime) {
      await world.advance(Math.max(0, atMs - world.nowMs));
      passBy(world, node, `teller${teller}`, `${number}`);
    }
    await world.advance(2 * FAULTS_MS - world.nowMs);
    world.heal();
    await world.advance(SETTLED_MS);
    for (const key of tellers) passBy(world, 0, key, `last of ${key}`);
    await world.advance(HEALED_MS);
  },
  checks: [notes, paid],
});
