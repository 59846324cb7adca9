// More than an actor, or a node, can take in.
import { afterEach, describe, expect, it } from 'vitest';
import { ActorError, defineActor } from '../src/index.ts';
import { Cluster } from '../src/testing-cluster.ts';
import { withCommitFaults } from '../src/testing-faults.ts';
import { Counter, counterMachine } from './counter.fixture.ts';
import { solo } from './solo.fixture.ts';

const add = { type: 'add', by: 1 } as const;

const codes = (outcomes: readonly PromiseSettledResult<unknown>[]): readonly string[] =>
  outcomes.map((outcome) =>
    outcome.status === 'rejected' && outcome.reason instanceof ActorError ? outcome.reason.code : outcome.status,
  );

describe('a node', () => {
  it('[MB5] that holds as much as it may refuses more for every actor, says when to try again, and then takes it', async () => {
    let stuck = true;
    const node = await solo([Counter], {
      mail: { messages: 20 },
      fault: () => (stuck ? 'not-applied' : 'none'),
    });
    const { runtime, run, clock } = node;
    const calls = Array.from({ length: 30 }, (_, i) =>
      runtime.actor(Counter, `k${i}`).tell(add, { deadlineMs: 60_000 }),
    );
    const settled = Promise.allSettled(calls);
    await clock.advance(10);
    const late = await run(
      runtime
        .actor(Counter, 'late')
        .tell(add)
        .catch((error: unknown) => error),
    );
    expect(late).toMatchObject({
      code: 'MAILBOX_FULL',
      applied: 'no',
      retryable: true,
      retryAfterMs: expect.any(Number),
    });
    stuck = false;
    const outcomes = codes(await run(settled));
    expect(outcomes.filter((code) => code === 'fulfilled')).toHaveLength(20);
    expect(outcomes.filter((code) => code === 'MAILBOX_FULL')).toHaveLength(10);
    await run(runtime.actor(Counter, 'late').tell(add));
  });

  it('[MB5] counts nothing for ever: after failures, suspensions and passivation it takes in as much as before', async () => {
    const Brief = defineActor('counter', { machine: counterMachine, passivate: { idleMs: 100 } });
    const node = await solo([Brief], { mail: { messages: 8 } });
    for (let round = 0; round < 5; round++) {
      const refs = Array.from({ length: 4 }, (_, i) => node.runtime.actor(Counter, `r${round}-${i}`));
      await node.run(Promise.allSettled(refs.flatMap((ref) => [ref.tell(add), ref.tell({ type: 'boom' })])));
      await node.clock.advance(1_000);
    }
    const refs = Array.from({ length: 8 }, (_, i) => node.runtime.actor(Counter, `last${i}`));
    const outcomes = codes(await node.run(Promise.allSettled(refs.map((ref) => ref.tell(add)))));
    expect(outcomes).toEqual(Array.from({ length: 8 }, () => 'fulfilled'));
  });
});

describe('an actor', () => {
  it('[MB2] full by bytes refuses, and takes more when it has worked some off', async () => {
    let stuck = true;
    const Small = defineActor('counter', { machine: counterMachine, mailbox: { maxBytes: 5_000 } });
    const node = await solo([Small], { fault: () => (stuck ? 'not-applied' : 'none') });
    const small = node.runtime.actor(Counter, 'a');
    const big = { type: 'forward', to: 'x'.repeat(400), by: 1 } as const;
    const settled = Promise.allSettled(Array.from({ length: 20 }, () => small.tell(big, { deadlineMs: 60_000 })));
    await node.clock.advance(10);
    stuck = false;
    const outcomes = codes(await node.run(settled));
    expect(outcomes.filter((code) => code === 'fulfilled').length).toBeGreaterThan(5);
    expect(outcomes.filter((code) => code === 'MAILBOX_FULL').length).toBeGreaterThan(5);
    await node.run(small.tell(big));
  });

  let cluster: Cluster | undefined;
  afterEach(async () => {
    await cluster?.stop();
    cluster = undefined;
  });

  it('[MB2] says when to try again to callers on other nodes too', async () => {
    let stuck = false;
    const Narrow = defineActor('counter', { machine: counterMachine, mailbox: { max: 2 } });
    cluster = await Cluster.start({
      actors: [Narrow],
      nodes: 2,
      state: (store) => withCommitFaults(store, () => (stuck ? 'not-applied' : 'none')),
    });
    const [one, other] = cluster.nodes;
    if (one === undefined || other === undefined) throw new Error('the cluster has two nodes');
    const ref = [one, other]
      .flatMap(({ runtime }) => Array.from({ length: 32 }, (_, i) => runtime.actor(Counter, `k${i}`)))
      .find((candidate, i) => cluster?.ownerOf(candidate) === (i < 32 ? other : one));
    if (ref === undefined) throw new Error('some actor is on the other node');
    stuck = true;
    const calls = Array.from({ length: 3 }, () => ref.tell(add, { deadlineMs: 900 }));
    const outcomes = await cluster.run(Promise.allSettled(calls));
    expect(outcomes[2]).toMatchObject({ reason: { code: 'MAILBOX_FULL', retryAfterMs: expect.any(Number) } });
    stuck = false;
  });

  it('[OB2] a receiver that is full is told later, not never', async () => {
    let stuck = true;
    const Narrow = defineActor('counter', { machine: counterMachine, mailbox: { max: 1 } });
    const node = await solo([Narrow], {
      fault: (commits) => (stuck && commits.some(({ id }) => id === 'counter:to') ? 'not-applied' : 'none'),
    });
    const to = node.runtime.actor(Counter, 'to');
    const filling = to.tell(add, { deadlineMs: 60_000 });
    await node.clock.advance(5);
    await node.run(node.runtime.actor(Counter, 'from').tell({ type: 'forward', to: 'to', by: 10 }));
    await node.clock.advance(500);
    expect(await node.run(node.runtime.admin.examine('counter:from'))).toMatchObject({
      owes: [{ to: 'counter:to', messages: 1, refusal: expect.stringContaining('MAILBOX_FULL') }],
    });
    stuck = false;
    await node.run(filling);
    await node.clock.advance(2_000);
    expect((await node.run(to.read())).context.total).toBe(11);
  });
});
