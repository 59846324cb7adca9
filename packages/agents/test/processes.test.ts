// Boards over real Redis and NATS, shared by processes of which some are killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { RedisLink, RedisLockManager } from '@devmentor/locks/redis';
import { openNatsTransport } from '@devmentor/runtime/nats';
import { RedisNamespace } from '@devmentor/runtime/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startNats, startRedis } from '../../../test/backends.ts';
import { ArchitectureAgent, BlackboardSystem, type Entry, type Solution } from '../src/index.ts';
import { RedisBoardStore } from '../src/redis.ts';
import { cruisedComponents } from './cycles.oracle.ts';
import { hangingSource } from './hanging.fixture.ts';
import { componentsIn, ownSources, repository } from './sources.fixture.ts';

const program = fileURLToPath(new URL('board-node.fixture.ts', import.meta.url));
const problem = { title: 'Cycles', description: 'Which modules import each other?', files: ownSources() };

let redis: Backend;
let nats: Backend;
let alone: Solution;

beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis(), startNats()]);
  const boards = new BlackboardSystem({ sources: [new ArchitectureAgent()] });
  await boards.open({ id: 'board', problem, sources: ['architecture'] });
  await boards.settled('board');
  alone = await boards.synthesizeSolution('board');
  await boards.stop();
});

afterAll(async () => {
  await Promise.all([redis?.stop(), nats?.stop()]);
});

describe('three worker processes on Redis and NATS', () => {
  it('[XP1] come to the Solution that one process comes to alone, and all of them work', {
    timeout: 60_000,
  }, async () => {
    await using here = await joined('calm', false);
    const nodes = await Promise.all([1, 2, 3].map(() => here.node('yes')));
    const { log, solution } = await here.solve();
    expect(said(solution)).toEqual(said(alone));
    expect(workersIn(log).size).toBe(nodes.length);
    const contributions = log.flatMap((entry) => (entry.kind === 'contribution' ? [entry.contribution] : []));
    const folders = [...new Set(problem.files.map(({ path }) => path.split('/').slice(0, 3).join('/')))];
    expect(componentsIn(contributions)).toEqual(await cruisedComponents(repository, folders));
    expectEachCommittedOnce(log);
  });

  it('[XP2] of which one is killed -9 in the middle: the same Solution, nothing committed twice', {
    timeout: 60_000,
  }, async () => {
    await using here = await joined('killed', false);
    const [first] = await Promise.all([1, 2, 3].map(() => here.node('no')));
    await here.node('yes');
    const killing = here.afterCommits(20, () => first?.kill('SIGKILL'));
    const { log, solution } = await here.solve();
    await killing;
    expect(first?.signalCode).toBe('SIGKILL');
    expect(said(solution)).toEqual(said(alone));
    expectEachCommittedOnce(log);
  });

  it('[XP3] of which every one that leads is killed -9 in turn: another leads on from the log', {
    timeout: 90_000,
  }, async () => {
    await using here = await joined('leaders', false);
    const leader = await here.node('yes');
    const killing = here.afterCommits(20, async () => {
      leader.kill('SIGKILL');
      await here.node('yes');
    });
    const { log, solution } = await here.solve();
    await killing;
    expect(leader.signalCode).toBe('SIGKILL');
    expect(said(solution)).toEqual(said(alone));
    expectEachCommittedOnce(log);
  });

  it('[XP4][LD2] go on when NATS is down for a while: hints delay, they decide nothing', {
    timeout: 60_000,
  }, async () => {
    await using here = await joined('cut', true);
    await here.node('yes');
    const cutting = here.afterCommits(20, async () => {
      await nats.kill();
      await nats.restart();
    });
    const { log, solution } = await here.solve();
    await cutting;
    expect(said(solution)).toEqual(said(alone));
    expectEachCommittedOnce(log);
  });

  it('[XP5][LD3][RN1] of which some are killed -9 while they run an activation: another runs it under a greater fence', {
    timeout: 60_000,
  }, async () => {
    await using here = await joined('held', false, true);
    const stuck = await Promise.all([here.node('no', 'yes'), here.node('no', 'yes')]);
    const opened = here.solve(['hanging']);
    await here.afterStart(async () => {
      await here.node('no');
      for (const node of stuck) node.kill('SIGKILL');
    });
    const { log } = await opened;
    const lost = log.flatMap((entry) => (entry.kind === 'failed' ? [entry] : []));
    const committed = log.flatMap((entry) => (entry.kind === 'committed' ? [entry] : []));
    expect(committed).toHaveLength(1);
    expect(lost.length).toBeGreaterThan(0);
    for (const failed of lost) {
      expect(failed).toMatchObject({ failure: 'lost', key: committed[0]?.key });
      expect((committed[0]?.fence ?? '') > failed.fence).toBe(true);
    }
  });
});

/** What a Solution says, without when it was said. */
function said({ revision: _, atMs: __, ...rest }: Solution): Omit<Solution, 'revision' | 'atMs'> {
  return rest;
}

function expectEachCommittedOnce(log: readonly Entry[]): void {
  const keys = log.flatMap((entry) => (entry.kind === 'committed' ? [entry.key] : []));
  expect(keys.length).toBeGreaterThan(problem.files.length);
  expect(new Set(keys).size).toBe(keys.length);
  expect(log.map(({ rev }) => rev)).toEqual(log.map((_, i) => i + 1));
}

function workersIn(log: readonly Entry[]): ReadonlySet<string> {
  return new Set(log.flatMap((entry) => (entry.kind === 'committed' ? [entry.worker] : [])));
}

/** This process, which opens the board and watches; by itself it leads nothing. */
async function joined(namespace: string, works: boolean, leads = false) {
  const link = RedisLink.open({ redis: redis.url });
  const transport = await openNatsTransport({ nats: nats.url });
  const locks = new RedisLockManager({ redis: link, namespace });
  const boards = new BlackboardSystem({
    store: new RedisBoardStore(new RedisNamespace({ link, namespace })),
    locks,
    transport,
    namespace,
    sources: [new ArchitectureAgent(), hangingSource(false)],
    controllers: leads,
    workers: works ? { concurrency: 2 } : false,
  });
  const nodes: ChildProcess[] = [];
  return {
    async node(leading: 'yes' | 'no', hangs: 'yes' | 'no' = 'no'): Promise<ChildProcess> {
      const node = spawn(
        process.execPath,
        ['--conditions=@devmentor/source', program, redis.url, nats.url, namespace, leading, hangs],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      nodes.push(node);
      if (node.stdout !== null) await once(node.stdout, 'data');
      return node;
    },
    async afterCommits(count: number, act: () => unknown): Promise<void> {
      let commits = 0;
      for await (const entry of boards.watch('board')) {
        commits += entry.kind === 'committed' ? 1 : 0;
        if (commits === count) return void (await act());
        if (entry.kind === 'solution') throw new Error('the board was done before anything went wrong');
      }
    },
    async afterStart(act: () => unknown): Promise<void> {
      for await (const { kind } of boards.watch('board')) if (kind === 'started') return void (await act());
    },
    async solve(sources = ['architecture']): Promise<{ log: readonly Entry[]; solution: Solution }> {
      await boards.open({ id: 'board', problem, sources });
      expect((await boards.settled('board')).status).toBe('solved');
      const log: Entry[] = [];
      for await (const entry of boards.watch('board')) {
        log.push(entry);
        if (entry.kind === 'status' && entry.status === 'solved') break;
      }
      return { log, solution: await boards.synthesizeSolution('board') };
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await boards.stop();
      await Promise.all(
        nodes
          .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
          .map(async (node) => {
            const gone = once(node, 'exit');
            node.kill('SIGKILL');
            await gone;
          }),
      );
      await locks.close();
      await transport.close();
      await link.close();
    },
  };
}
