// A page that trusts whoever once was granted it: the bug that fences are there for, as a user would plant it.
import { defineSimulation, exclusiveByFence, faultPlan, type World } from '@devmentor/runtime/simulation';
import fc from 'fast-check';

interface Edit {
  readonly node: number;
  readonly thinksMs: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({ node: fc.nat({ max: 1 }), thinksMs: fc.nat({ max: 400 }) });

async function play(world: World, edits: readonly Edit[]): Promise<void> {
  const asked = edits.map(({ node, thinksMs }, number) =>
    world
      .node(node)
      .perform({ op: 'edit', key: 'page', input: { by: `p${number}` } }, async ({ locks, ports, name }) => {
        const claimed = await locks.tryAcquire('page', { holder: { id: `p${number}` }, ttlMs: 1_000, waitMs: 20_000 });
        if (claimed.kind !== 'granted') return claimed.kind;
        await new Promise<void>((resolve) => void ports.clock.after(thinksMs, resolve));
        // Here it should ask the page to admit its fence.
        world.saw(world.node(node), {
          kind: 'guarded-write',
          key: 'page',
          by: `${name} p${number}`,
          fence: claimed.lease.fence,
          admitted: true,
        });
        await claimed.lease.release();
        return 'written';
      }),
  );
  await world.advance(8_000);
  world.heal();
  await world.run(Promise.all(asked));
}

export default defineSimulation<Edit>({
  name: 'planted',
  nodes: 2,
  steps: fc.array(edit, { minLength: 4, maxLength: 12, size: 'max' }),
  faults: faultPlan({ nodes: 2, withinMs: 2_000 }),
  play,
  checks: [exclusiveByFence()],
});
