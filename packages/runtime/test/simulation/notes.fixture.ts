// Notes told to actors that remember them, some by way of another actor: what was acknowledged is kept once.
import fc from 'fast-check';
import { formatActorId } from '../../src/actor-id.ts';
import type { Fault } from '../../src/simulation/fault.ts';
import { faultPlan, several } from '../../src/simulation/fault-plan.ts';
import type { Check, Seen } from '../../src/simulation/seen.ts';
import type { SimNode } from '../../src/simulation/sim-node.ts';
import { defineSimulation, type Simulation } from '../../src/simulation/simulation.ts';
import type { ActorRecord } from '../../src/state-store.ts';
import { Ledger } from '../ledger.fixture.ts';

export interface NoteStep {
  /** One that leaves comes back. */
  readonly do: 'note' | 'pass' | 'leave';
  readonly node: number;
  readonly key: number;
  readonly pauseMs: number;
}

type NoteEvent =
  | { readonly type: 'note'; readonly id: string }
  | { readonly type: 'pass'; readonly id: string; readonly to: string };

const KEYS = 3;
const keyOf = (n: number): string => `k${n % KEYS}`;

const notesOf = (record: ActorRecord | undefined): readonly string[] => {
  const snapshot = record?.snapshot as
    | { readonly machine?: { readonly context?: { readonly notes?: string[] } } }
    | undefined;
  return snapshot?.machine?.context?.notes ?? [];
};

async function kept(seen: Seen): Promise<readonly string[]> {
  const records = await Promise.all(
    Array.from({ length: KEYS }, (_, n) => seen.state.peek(formatActorId('ledger', keyOf(n)))),
  );
  return records.flatMap(notesOf);
}

const once: Check = {
  name: 'acknowledged once',
  inspect: async (seen) => {
    const notes = await kept(seen);
    const object = (message: string) => ({ check: 'acknowledged once', message });
    const objections = notes
      .filter((note, at) => notes.indexOf(note) !== at)
      .map((note) => object(`${note} is kept twice`));
    for (const { outcome, input } of seen.history.operations()) {
      const note = String(input);
      if (outcome.kind === 'ok' && !notes.includes(note))
        objections.push(object(`${note} was acknowledged and is not kept`));
      if (outcome.kind === 'failed' && notes.includes(note))
        objections.push(object(`${note} certainly failed and is kept`));
    }
    return objections;
  },
};

export const notes = (faults: fc.Arbitrary<readonly Fault[]> = faultPlan({ withinMs: 3_000 })): Simulation<NoteStep> =>
  defineSimulation<NoteStep>({
    name: 'notes',
    actors: [Ledger],
    faults,
    steps: several(
      fc.record({
        do: fc.constantFrom('note', 'pass', 'note', 'pass', 'note', 'pass', 'note', 'leave'),
        node: fc.nat({ max: 2 }),
        key: fc.nat({ max: KEYS - 1 }),
        pauseMs: fc.nat({ max: 100 }),
      }),
      { atLeast: 30, atMost: 40 },
    ),
    checks: [once],
    play: async (world, steps) => {
      const asked: Promise<unknown>[] = [];
      const ask = (node: SimNode, key: string, event: NoteEvent, deadlineMs: number) =>
        node.perform({ op: event.type, key, input: event.id }, async ({ runtime }) => {
          await runtime.actor(Ledger, key).tell(event, { deadlineMs });
        });
      const moveOn = async (node: SimNode): Promise<void> => {
        await node.leave();
        await world.advance(300);
        node.restart();
      };
      for (const [number, { do: act, node, key, pauseMs }] of steps.entries()) {
        const id = `${number}`;
        if (act === 'leave') {
          asked.push(moveOn(world.node(node)));
          continue;
        }
        const event: NoteEvent = act === 'note' ? { type: 'note', id } : { type: 'pass', id, to: keyOf(key + 1) };
        asked.push(ask(world.node(node), keyOf(key), event, 8_000));
        await world.advance(pauseMs);
      }
      await world.advance(3_000);
      world.heal();
      await Promise.all(asked);
      await world.advance(10_000);
      // Everybody serves and is served again, and what was owed is relayed.
      const last = world.nodes.map((node, n) => ask(node, keyOf(n), { type: 'note', id: `last ${n}` }, 20_000));
      for (const { kind } of await Promise.all(last)) if (kind !== 'ok') throw new Error('a node is not served again');
      await world.advance(5_000);
    },
  });
