// Any interleaving of calls, crashes, stalls, lost replies and lost commits: what was acknowledged
// is in the state exactly once, what was not at most once. fast-check shrinks a failure to the
// shortest plan; the seed it prints replays it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Commit, StateStore } from '../src/index.ts';
import { Cluster } from '../src/testing-cluster.ts';
import { type CommitFault, type RequestFault, withCommitFaults, withRequestFaults } from '../src/testing-faults.ts';
import { Ledger } from './ledger.fixture.ts';

type Command =
  | { readonly do: 'note' | 'pass'; readonly node: number; readonly key: number }
  | { readonly do: 'kill' | 'stall' | 'resume' | 'drain' | 'cut' | 'mend'; readonly node: number }
  | { readonly do: 'wait'; readonly ms: number };

const node = fc.integer({ min: 0, max: 2 });
const key = fc.integer({ min: 0, max: 3 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom('note' as const, 'pass' as const), node, key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'kill' as const,
        'stall' as const,
        'resume' as const,
        'drain' as const,
        'cut' as const,
        'mend' as const,
      ),
      node,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 50, 700, 3_000) }) },
);
/** What befalls the commits and the requests, one after the other, over and over. */
const commitPlan = fc.array(fc.constantFrom<CommitFault>('none', 'none', 'none', 'lost-reply', 'not-applied', 'late'), {
  minLength: 1,
  maxLength: 12,
});
const requestPlan = fc.array(
  fc.constantFrom<RequestFault>('none', 'none', 'none', 'lost-request', 'lost-reply', 'duplicate'),
  { minLength: 1, maxLength: 12 },
);

/** The epochs under which each shard was ever committed, by which node: no two nodes under one. */
class Watch {
  readonly #nodeOf = new Map<string, number>();
  commits = 0;
  closed = 0;

  see(node: number, commits: readonly Commit[]): void {
    for (const { commitId, id, closes = [] } of commits) {
      this.commits++;
      this.closed += closes.length;
      const epoch = `${id} ${commitId.split(':')[0]}`;
      const before = this.#nodeOf.get(epoch) ?? node;
      expect(before).toBe(node);
      this.#nodeOf.set(epoch, before);
    }
  }
}

async function play(
  commands: readonly Command[],
  commitFaults: readonly CommitFault[],
  requestFaults: readonly RequestFault[],
  actorLanes: number,
): Promise<{ acknowledged: number; commits: number; closed: number }> {
  const watch = new Watch();
  let commits = 0;
  let requests = 0;
  let opened = 0;
  let calm = false;
  const late: (() => Promise<unknown>)[] = [];
  const state = (store: StateStore): StateStore => {
    const self = opened++;
    const decide = (given: readonly Commit[]): CommitFault => {
      watch.see(self, given);
      return calm ? 'none' : (commitFaults[commits++ % commitFaults.length] ?? 'none');
    };
    return withCommitFaults(store, decide, (arrive) => late.push(arrive));
  };
  const cluster = await Cluster.start({
    actors: [Ledger],
    nodes: 3,
    shards: 4,
    limits: { actorLanes },
    state,
    transport: (transport) =>
      withRequestFaults(transport, (subject) =>
        !calm && subject.includes('.s.') ? (requestFaults[requests++ % requestFaults.length] ?? 'none') : 'none',
      ),
  });
  const acknowledged = new Set<string>();
  const attempted = new Set<string>();
  const gone = new Set<number>();
  const calls: Promise<void>[] = [];
  for (const [i, step] of commands.entries()) {
    if (step.do === 'wait') {
      await cluster.advance(step.ms);
      await Promise.all(late.splice(0).map((arrive) => arrive()));
      continue;
    }
    const at = cluster.nodes[step.node];
    if (at === undefined || gone.has(step.node)) continue;
    switch (step.do) {
      case 'note':
      case 'pass': {
        const id = `${i}`;
        attempted.add(id);
        const event =
          step.do === 'note'
            ? ({ type: 'note', id } as const)
            : ({ type: 'pass', id, to: `k${(step.key + 1) % 4}` } as const);
        const call = at.runtime.actor(Ledger, `k${step.key}`).tell(event, { deadlineMs: 8_000 });
        calls.push(
          call.then(
            () => void acknowledged.add(id),
            () => {},
          ),
        );
        await cluster.advance(0.1);
        break;
      }
      case 'kill':
      case 'drain': {
        // The last one stays, so that there is somebody to ask in the end.
        if (gone.size === 2) break;
        gone.add(step.node);
        if (step.do === 'kill') await at.kill();
        else void at.runtime.drain();
        break;
      }
      case 'stall':
        at.stall();
        break;
      case 'resume':
        at.resume();
        break;
      case 'cut':
        at.link.disconnect();
        break;
      case 'mend':
        at.link.reconnect();
        break;
    }
  }
  for (const [i, left] of cluster.nodes.entries()) {
    if (gone.has(i)) continue;
    left.resume();
    left.link.reconnect();
  }
  calm = true;
  await cluster.advance(3_000);
  await Promise.all(late.splice(0).map((arrive) => arrive()));
  await cluster.advance(30_000);
  const survivor = cluster.nodes.find((_, i) => !gone.has(i));
  if (survivor === undefined) throw new Error('one node survives');
  const views = await cluster.run(
    Promise.all(
      [0, 1, 2, 3].map((k) => survivor.runtime.actor(Ledger, `k${k}`).read({ fresh: true, deadlineMs: 20_000 })),
    ),
  );
  const notes = views.flatMap(({ context }) => context.notes);
  expect(notes).toHaveLength(new Set(notes).size);
  for (const id of acknowledged) expect(notes).toContain(id);
  for (const id of notes) expect(attempted).toContain(id);
  await cluster.stop();
  return { acknowledged: acknowledged.size, commits: watch.commits, closed: watch.closed };
}

describe('a cluster under faults', () => {
  it('[RT4] [OB7] what was acknowledged is in the state exactly once, and no two nodes commit under one epoch', async () => {
    let acknowledged = 0;
    let commits = 0;
    let closed = 0;
    const commands = fc.array(command, { minLength: 5, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(commands, commitPlan, requestPlan, fc.constantFrom(0, 1, 1_000), async (...plan) => {
        const done = await play(...plan);
        acknowledged += done.acknowledged;
        commits += done.commits;
        closed += done.closed;
      }),
      { numRuns: 60, interruptAfterTimeLimit: 60_000 },
    );
    // Something happened.
    expect(acknowledged).toBeGreaterThan(100);
    expect(commits).toBeGreaterThan(100);
    expect(closed).toBeGreaterThan(20);
  }, 90_000);
});
