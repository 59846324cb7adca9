// Against a scripted board and a real WebSocket server that says what each test wants.
import type { Blackboard, Contribution } from '@devmentor/contracts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AIServiceProxy, type APIResponse, BoardFeed, CoordinationError } from '../src/client.ts';
import { promised } from './stand.ts';
import { at, connected, hangUp } from './switchboard.ts';

afterEach(hangUp);

const topic = 'blackboard:b1';
const later = at.replace('09:30', '09:31');
const counts = { contributions: 0, pending: 0, running: 1, done: 0, obviated: 0, failed: 0 };
const solution = { id: 's1', blackboardId: 'b1', summary: 'one circle', statements: [], revision: 9, createdAt: at };

const contribution = (revision: number): Contribution => ({
  id: `c${revision}`,
  revision,
  cursor: `${revision}`,
  source: 'somebody',
  knowledge: { level: 'fact', value: revision },
  at,
});

/** A board as REST shows it, and what was asked about it. */
class ScriptedBoard {
  status: Blackboard['status'] = 'running';
  contributions: Contribution[] = [];
  createdAt = at;
  isGone = false;
  readonly asked: string[] = [];
  /** Answers are made at once and arrive once this is kept. */
  arrival: Promise<void> = Promise.resolve();
  readonly proxy = new AIServiceProxy({
    get: async <Data>(path: string) => {
      this.asked.push(path.replace('/api/v1/ai/blackboards/b1', ''));
      if (this.isGone) throw new CoordinationError('NOT_FOUND', { applied: 'no' });
      const data = this.#answer(new URL(path, 'http://board'));
      await this.arrival;
      return { data } as APIResponse<Data>;
    },
    post: this.#never,
    put: this.#never,
    patch: this.#never,
    delete: this.#never,
    create: this.#never,
    events: this.#never,
  });

  #never(): never {
    throw new CoordinationError('UNREACHABLE', { applied: 'no', detail: 'only reading is scripted' });
  }

  #answer({ pathname, searchParams }: URL): unknown {
    if (pathname.endsWith('/solution')) return solution;
    if (pathname.endsWith('/contributions')) {
      const after = Number(searchParams.get('after') ?? 0);
      return { items: this.contributions.filter(({ revision }) => revision > after) };
    }
    const spent = { contributions: 0, activations: 0, timeMs: 0 };
    const empty = { sources: [], agenda: [], budget: {}, spent, createdAt: this.createdAt, updatedAt: at };
    const came = this.status === 'solved' ? { solutionId: solution.id } : {};
    return { id: 'b1', title: 'Circle', status: this.status, counts, ...empty, ...came };
  }
}

async function watched(...revisions: number[]) {
  const script = new ScriptedBoard();
  script.contributions = revisions.map(contribution);
  const { board: switchboard, clock, connection } = await connected();
  const feed = new BoardFeed({ boardId: 'b1', ai: script.proxy, connection, clock });
  await vi.waitUntil(() => switchboard.heard('subscribe').length === 1);
  const subscribed = (cursor: string, outcome: string) => switchboard.say({ t: 'subscribed', topic, cursor, outcome });
  const tell = (seq: string, prev: string, type: string, data: object, when = at) =>
    switchboard.say({ t: 'event', topic, seq, prev, type, at: when, data: { blackboardId: 'b1', ...data } });
  const tellOf = (revision: number, prev = revision - 1) =>
    tell(`${revision}`, `${prev}`, 'blackboard.contribution', { contribution: contribution(revision) });
  subscribed(`${revisions.at(-1) ?? 0}`, 'current');
  // One reading at once and one after the subscription stood.
  await vi.waitUntil(() => script.asked.filter((path) => path.startsWith('/contributions')).length === 2);
  const known = () => feed.store.get().contributions.map(({ revision }) => revision);
  /** Lets gathered events through, however late they arrive. */
  const hear = async (isHeard: () => boolean) => {
    await vi.waitUntil(() => {
      clock.advance(50);
      return isHeard();
    });
  };
  script.asked.length = 0;
  return { script, feed, clock, known, hear, tell, tellOf, subscribed, switchboard };
}

describe('BoardFeed', () => {
  it('[BF2] after a gap it reads on from the last contribution that it knows without one', async () => {
    const { script, known, hear, tellOf, subscribed, switchboard } = await watched(1, 2);
    tellOf(3);
    await hear(() => known().length === 3);
    script.contributions = [1, 2, 3, 4, 5].map(contribution);
    // 5 follows 4, which was never told.
    tellOf(5);
    await vi.waitUntil(() => switchboard.heard('subscribe').length === 2);
    subscribed('5', 'resync');
    await vi.waitUntil(() => known().length === 5);
    expect(known()).toEqual([1, 2, 3, 4, 5]);
    expect(script.asked).toEqual(['', '/contributions?after=3&limit=100']);
  });

  it('[BF2] without a gap nothing is read', async () => {
    const { script, known, hear, tellOf } = await watched(1);
    for (const revision of [2, 3, 4]) tellOf(revision);
    await hear(() => known().length === 4);
    expect(script.asked).toEqual([]);
  });

  it('[BF2] a board that was opened anew under its id is read from the beginning', async () => {
    const { script, feed, known } = await watched(1, 2);
    await vi.waitUntil(() => feed.store.get().board !== undefined);
    script.createdAt = later;
    script.contributions = [1].map(contribution);
    feed.refresh();
    await vi.waitUntil(() => feed.store.get().board?.createdAt === later);
    expect(known()).toEqual([1]);
  });

  it('[BF2] a board that was gone and is there again is read from the beginning', async () => {
    const { script, feed, known } = await watched(1, 2);
    await vi.waitUntil(() => feed.store.get().board !== undefined);
    script.isGone = true;
    feed.refresh();
    await vi.waitUntil(() => feed.store.get().kind === 'missing');
    script.isGone = false;
    feed.refresh();
    await vi.waitUntil(() => feed.store.get().kind === 'ready');
    expect(known()).toEqual([1, 2]);
  });

  it('[BF3] a board that came to its end is read once more, with its Solution', async () => {
    const { script, feed, hear, tell } = await watched(1);
    script.status = 'solved';
    tell('2', '1', 'blackboard.solved', { solutionId: 's1' });
    await hear(() => feed.store.get().solution !== undefined);
    expect(feed.store.get()).toMatchObject({ board: { status: 'solved' }, solution: { id: 's1' } });
    expect(script.asked).toEqual(['', '/contributions?after=1&limit=100', '/solution']);
  });

  it('[BF4] a burst of events is one change for those who listen', async () => {
    const { feed, known, hear, tellOf, switchboard } = await watched(1);
    let changes = 0;
    feed.store.subscribe(() => {
      changes += 1;
    });
    for (let revision = 2; revision <= 200; revision += 1) tellOf(revision);
    // The answer to a ping comes after all of them.
    switchboard.say({ t: 'pong', serverTime: at });
    await vi.waitUntil(() => switchboard.last.bufferedAmount === 0);
    await hear(() => known().length === 200);
    expect(changes).toBeLessThan(20);
  });

  it('[BV2] a status told while the board was being read holds against the reading', async () => {
    const { script, feed, hear, tell } = await watched(1);
    await vi.waitUntil(() => feed.store.get().board !== undefined);
    const arrival = promised();
    script.arrival = arrival.promise;
    feed.refresh();
    await vi.waitUntil(() => script.asked.length === 1);
    tell('2', '1', 'blackboard.progress', { status: 'paused', counts }, later);
    await hear(() => feed.store.get().board?.status === 'paused');
    const seen: unknown[] = [];
    feed.store.subscribe(() => seen.push(feed.store.get().board?.status));
    arrival.keep();
    script.status = 'paused';
    feed.refresh();
    await vi.waitUntil(() => script.asked.length === 4);
    expect(seen).not.toContain('running');
  });
});
