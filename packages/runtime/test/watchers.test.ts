// Actors that are told of the end of others.
import { afterEach, describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { type Directive, defineActor, type Terminated, unwatch, watch } from '../src/index.ts';
import { Cluster } from '../src/testing-cluster.ts';
import { noWatchers, terminated, withoutWatcher, withWatcher } from '../src/watchers.ts';
import { type Solo, solo } from './solo.fixture.ts';

type WorkerEvent = { type: 'end'; with: string } | { type: 'fail' } | { type: 'touch' };

const worker = (directive: Directive) =>
  defineActor('worker', {
    machine: setup({
      types: {} as { context: { result: string }; events: WorkerEvent; output: string },
    }).createMachine({
      context: { result: '' },
      initial: 'busy',
      output: ({ context }) => context.result,
      states: {
        busy: {
          on: {
            touch: { actions: assign({}) },
            end: { target: 'over', actions: assign({ result: ({ event }) => event.with }) },
            fail: {
              actions: assign(() => {
                throw new Error('out of sorts');
              }),
            },
          },
        },
        over: { type: 'final' },
      },
    }),
    supervise: { retries: 0, directive },
  });

type BossEvent = { type: 'hire' | 'dismiss'; who: string } | Terminated;

const Boss = defineActor('boss', {
  machine: setup({ types: {} as { context: { heard: readonly Terminated[] }; events: BossEvent } }).createMachine({
    context: { heard: [] },
    on: {
      hire: { actions: watch('worker', ({ event }) => event.who) },
      dismiss: { actions: unwatch('worker', ({ event }) => event.who) },
      terminated: { actions: assign({ heard: ({ context, event }) => [...context.heard, event] }) },
    },
  }),
});

async function firm(directive: Directive = 'suspend') {
  const Worker = worker(directive);
  const node = await solo([Worker, Boss]);
  return {
    node,
    boss: () => node.runtime.actor(Boss, 'b'),
    hand: (key: string) => node.runtime.actor(Worker, key),
    heard: async () => await heardBy(node),
  };
}

async function heardBy({ run, runtime, clock }: Solo): Promise<readonly Terminated[]> {
  await clock.advance(2_000);
  return (await run(runtime.actor(Boss, 'b').read())).context.heard;
}

let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

describe('watching', () => {
  it('[WT1] who watches an actor is told once that it is done, with its output', async () => {
    const { node, boss, hand, heard } = await firm();
    await node.run(hand('w').tell({ type: 'touch' }));
    for (const _ of ['once', 'twice']) await node.run(boss().tell({ type: 'hire', who: 'w' }));
    expect(await heard()).toEqual([]);
    await node.run(hand('w').tell({ type: 'end', with: 'a chair' }));
    expect(await heard()).toEqual([{ type: 'terminated', actor: 'worker:w', how: 'done', output: 'a chair' }]);
    await node.restart();
    expect(await heard()).toHaveLength(1);
  });

  it('[WT1] one that has ended already tells so at once', async () => {
    const { node, boss, hand, heard } = await firm('stop');
    await node.run(hand('w').tell({ type: 'end', with: 'a chair' }));
    await expect(node.run(hand('ill').tell({ type: 'fail' }))).rejects.toMatchObject({ code: 'ACTOR_FAILED' });
    for (const who of ['w', 'ill']) await node.run(boss().tell({ type: 'hire', who }));
    expect(await heard()).toMatchObject([
      { actor: 'worker:w', how: 'done' },
      { actor: 'worker:ill', how: 'failed', why: expect.stringContaining('out of sorts') },
    ]);
  });

  it('[WT1] who watches no more is told nothing', async () => {
    const { node, boss, hand, heard } = await firm();
    await node.run(boss().tell({ type: 'hire', who: 'w' }));
    await node.run(boss().tell({ type: 'dismiss', who: 'w' }));
    await node.clock.advance(1_000);
    await node.run(hand('w').tell({ type: 'end', with: 'a chair' }));
    expect(await heard()).toEqual([]);
  });

  it('[WT2] one without a record, and one that stands suspended, are watched like any other', async () => {
    const { node, boss, hand, heard } = await firm();
    await node.run(boss().tell({ type: 'hire', who: 'new' }));
    await node.run(hand('halted').tell({ type: 'touch' }));
    await node.run(node.runtime.admin.suspend(hand('halted'), 'by hand'));
    await node.run(boss().tell({ type: 'hire', who: 'halted' }));
    await node.clock.advance(1_000);
    expect((await node.state.peek('boss:b'))?.outbox).toEqual([]);
    await node.run(node.runtime.admin.resume(hand('halted')));
    for (const key of ['new', 'halted']) await node.run(hand(key).tell({ type: 'end', with: key }));
    expect((await heard()).map(({ output }) => output)).toEqual(['new', 'halted']);
  });

  it('[WT2] a list of watchers is bounded', () => {
    let watchers = noWatchers;
    for (let i = 0; i < 1_000; i++) watchers = withWatcher(watchers, `boss:${i}`) ?? [];
    expect(watchers).toHaveLength(1_000);
    expect(withWatcher(watchers, 'boss:one-more')).toBeUndefined();
    expect(withWatcher(watchers, 'boss:7')).toBe(watchers);
    expect(withoutWatcher(watchers, 'boss:7')).toHaveLength(999);
  });

  it('[WT1] an output that is too large to be sent is left to be read', () => {
    const end = { status: 'done', error: undefined, output: 'x'.repeat(70_000) } as const;
    expect(terminated('worker:w', end, undefined)).toEqual({ type: 'terminated', actor: 'worker:w', how: 'done' });
    const ill = { status: 'error', error: new Error('no'), output: undefined } as const;
    expect(terminated('worker:w', ill, undefined)).toMatchObject({ how: 'failed', why: 'no' });
  });

  it('[WT1] it is told over nodes, whichever of them dies in between', async () => {
    const Worker = worker('suspend');
    const at = await Cluster.start({ actors: [Worker, Boss] });
    cluster = at;
    const asked = at.nodes.find((node) => node !== at.ownerOf({ id: 'worker:w' }));
    if (asked === undefined) throw new Error('of three nodes at most one owns the worker');
    await at.run(asked.runtime.actor(Boss, 'b').tell({ type: 'hire', who: 'w' }));
    await at.advance(1_000);
    await at.ownerOf({ id: 'worker:w' })?.kill();
    await at.run(asked.runtime.actor(Worker, 'w').tell({ type: 'end', with: 'a chair' }));
    await at.advance(2_000);
    const { context } = await at.run(asked.runtime.actor(Boss, 'b').read());
    expect(context.heard).toEqual([{ type: 'terminated', actor: 'worker:w', how: 'done', output: 'a chair' }]);
  });
});

describe('escalation', () => {
  it('[SV5] `escalate` stops the actor and leaves it to those who watch it', async () => {
    const { node, boss, hand, heard } = await firm('escalate');
    await node.run(boss().tell({ type: 'hire', who: 'w' }));
    await node.clock.advance(1_000);
    await expect(node.run(hand('w').tell({ type: 'fail' }))).rejects.toMatchObject({ code: 'ACTOR_FAILED' });
    expect(await heard()).toEqual([
      { type: 'terminated', actor: 'worker:w', how: 'failed', why: expect.stringContaining('out of sorts') },
    ]);
    expect((await node.run(hand('w').read())).status).toBe('stopped');
    expect(await node.run(node.runtime.admin.deadLetters())).toMatchObject([{ to: 'worker:w' }]);
  });

  it('[SV5] where nobody watches it, it is suspended: nothing is lost in silence', async () => {
    const { node, hand } = await firm('escalate');
    await expect(node.run(hand('w').tell({ type: 'fail' }))).rejects.toMatchObject({ code: 'ACTOR_FAILED' });
    expect(await node.run(node.runtime.admin.examine(hand('w')))).toMatchObject({ halt: { kind: 'suspended' } });
    await node.run(node.runtime.admin.resume(hand('w')));
    await node.run(hand('w').tell({ type: 'touch' }));
  });
});
