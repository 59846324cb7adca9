// What the simulator found in the product, as tests of their own: docs/track-record.md.
import { describe, expect, it } from 'vitest';
import { formatActorId } from '../../src/actor-id.ts';
import { simulate } from '../../src/simulation/index.ts';
import { actUpon, Desk, deskOf } from './workloads/desks.actors.ts';
import { desks } from './workloads/desks.sim.ts';

describe('what was found', () => {
  it('[IV1] an invoke under way goes on under the next owner, though nobody tells its actor anything', async () => {
    const { seen } = await simulate({ seed: 1, nodes: 2, actors: [Desk] }, async (world) => {
      actUpon(world);
      for (const key of ['k0', 'k1', 'k2'])
        await world
          .node(0)
          .runtime.actor(Desk, key)
          .tell({ type: 'send out', id: `of ${key}` });
      for (const node of [0, 1]) world.inflict({ kind: 'crash', node, at: { ms: 50 }, restartAfterMs: 1_000 });
      await world.advance(20_000);
    });
    for (const [number, key] of ['k0', 'k1', 'k2'].entries()) {
      const record = await seen.state.peek(formatActorId('desk', deskOf(number + 1)));
      expect(record?.snapshot).toMatchObject({ machine: { context: { notes: [`of ${key}`] } } });
    }
  });

  it('[IV1] nor where the shard is handed over', async () => {
    await desks.play({
      seed: 189,
      steps: [
        { do: 'send out', node: 0, desk: 0, atMs: 3_625, ms: 0 },
        { do: 'read', node: 1, desk: 0, atMs: 0, ms: 0 },
      ],
      faults: [{ kind: 'crash', node: 1, at: { crossing: 1 }, restartAfterMs: 3_813 }],
    });
  });
});
