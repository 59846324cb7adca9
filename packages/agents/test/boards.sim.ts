// Boards
//
// Knowledge sources work on boards on three nodes while nodes fail, stand still and are cut off, while people open
// boards, bring new texts of files, remark, pause and watch. Whatever happened, each source has acted upon each
// change once, and a board says in the end what it would have said had nothing happened.
import {
  defineSimulation,
  everyWaiterServed,
  type Fault,
  type FaultKind,
  faultPlan,
  type SimNode,
  type Simulation,
  several,
  type World,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { isOpen } from '../src/board-status.ts';
import { promises } from './boards.checks.ts';
import { MILESTONES } from './boards.line.ts';
import {
  type Answered,
  type Asked,
  BOARDS,
  FAULTS_MS,
  NODES,
  Person,
  type Visit,
  viewed,
  visit,
} from './boards.people.ts';
import { type Placing, Site, serveBoards } from './boards.site.ts';

/** After the last fault: leases lapse, what was lost is noticed and done again, everybody comes to rest. */
const HEALED_MS = 60_000;
/** Boards are served on every node that nothing has befallen. */
const SERVED_MS = 50;
const STEP_MS = 1_000;
/** Whoever watches hears of the end without a hint. */
const REST_MS = 3_000;
/** Some faults last longer than any lease. */
const LONGER = 3;

const KINDS: readonly FaultKind[] = [
  'crash',
  'stall',
  'sleep',
  'clock',
  'drift',
  'cut',
  'message',
  'call',
  'slow',
  'failover',
];

const planned = faultPlan({ nodes: NODES, withinMs: FAULTS_MS, withinCounts: 120, atLeast: 4, kinds: KINDS });
const faults: fc.Arbitrary<readonly Fault[]> = fc.noBias(planned).map((plan) => plan.map(longer));

function longer(fault: Fault): Fault {
  switch (fault.kind) {
    case 'stall':
    case 'sleep':
    case 'cut':
      return { ...fault, forMs: fault.forMs * LONGER };
    default:
      return fault;
  }
}

/** Each board is opened by somebody. */
const openings = Array.from({ length: BOARDS }, (_, board) => several(opening(board), { atLeast: 1, atMost: 2 }));
const others = several(visit, { atLeast: 14, atMost: 20 });
const visits: fc.Arbitrary<readonly Visit[]> = fc.noBias(fc.tuple(...openings, others)).map((parts) => parts.flat());

function opening(board: number): fc.Arbitrary<Visit> {
  return visit.map((visit) => ({ ...visit, do: 'open', board, atMs: Math.floor(visit.atMs / 8) }));
}

async function play(world: World, visits: readonly Visit[], placing: Placing): Promise<void> {
  const site = Site.open(world, placing);
  await world.advance(SERVED_MS);
  const inTime = [...visits.entries()].sort(([, one], [, other]) => one.atMs - other.atMs);
  for (const [number, visit] of inTime) {
    await world.advance(Math.max(0, visit.atMs - world.nowMs));
    void new Person(world, site, visit, number + 1).come();
  }
  await world.advance(2 * FAULTS_MS - world.nowMs);
  world.heal();
  await comeToRest(world, site);
  for (const [number, node] of world.nodes.entries())
    for (const { id } of await site.heads()) await look(node, site, id, `visitor ${number}`);
}

/** What there is in the end is what everybody sees. */
async function look(node: SimNode, site: Site, board: string, process: string): Promise<void> {
  const asked = { op: 'look', key: board, input: { kind: 'look' }, process } as const;
  await node.perform<Asked, Answered>(asked, async () => viewed(await site.boards(node).board(board)));
}

/** Until every board has come to rest, or should have. */
async function comeToRest(world: World, site: Site): Promise<void> {
  const sinceMs = world.nowMs;
  for (let restMs = 0; restMs < REST_MS && world.nowMs < sinceMs + HEALED_MS; ) {
    await world.advance(STEP_MS);
    const heads = await site.heads();
    restMs = heads.some(({ status }) => isOpen(status)) ? 0 : restMs + STEP_MS;
    for (const { id, status } of heads) if (status === 'paused') await resume(world, site, id);
  }
}

async function resume(world: World, site: Site, board: string): Promise<void> {
  const asked = { op: 'resume', key: board, input: { kind: 'resume' } } as const;
  await world.node(0).perform<Asked, Answered>(asked, async (node) => viewed(await site.boards(node).resume(board)));
}

function boardsPlacedBy(placing: Placing, name: string): Simulation<Visit> {
  return defineSimulation<Visit>({
    name,
    nodes: NODES,
    program: serveBoards,
    steps: visits,
    faults,
    play: (world, visits) => play(world, visits, placing),
    sometimes: MILESTONES,
    checks: [
      ...promises,
      everyWaiterServed({ withinMs: HEALED_MS, waits: ({ input }) => (input as { kind: string }).kind === 'wait' }),
    ],
    atLeast: { acknowledged: 6 },
  });
}

/** Whoever has the lease on a board leads it. */
export const boards = boardsPlacedBy('leases', 'boards');
/** The same where actors of the runtime lead boards. */
export const placedBoards = boardsPlacedBy('runtime', 'boards placed by a runtime');
