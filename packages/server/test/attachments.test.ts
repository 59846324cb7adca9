import { getEventListeners } from 'node:events';
import { MemoryLockManager, systemClock } from '@devmentor/locks';
import { MemoryBus } from '@devmentor/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { Attachments } from '../src/live/attachments.ts';
import { eventually, good, guest, Line, type SignedIn } from './client.ts';

let server: Server;
let ada: SignedIn;

beforeAll(async () => {
  server = await createServer({ demo: true });
  ada = await guest(server.url, 'Ada');
});
afterAll(() => server.close());

async function projects(count: number): Promise<readonly string[]> {
  const made = await Promise.all(Array.from({ length: count }, () => ada.client.project()));
  return made.map(({ id }) => id);
}

const leaseOf = async (id: string): Promise<{ readonly state: string }> =>
  good(await ada.client.ask<{ state: string }>(`projects/${id}/lease`));

describe('claims of one connection', () => {
  it('[AT3] claims that were attached at the same moment are all away when it ends', async () => {
    const ids = await projects(5);
    const line = await Line.open(server.url, ada.client.token);
    const claims = await Promise.all(ids.map((projectId) => line.ask({ t: 'claim', projectId })));
    expect(claims.map(({ t }) => t)).toEqual(ids.map(() => 'ok'));
    line.close();
    await eventually(async () => (await Promise.all(ids.map(leaseOf))).map(({ state }) => state)).toEqual(
      ids.map(() => 'away'),
    );
  });

  it('[AT5] a claim that cannot be attached was granted to nobody', async () => {
    const ids = await projects(65);
    const line = await Line.open(server.url, ada.client.token);
    await line.next('welcome');
    const last = ids.at(-1) ?? '';
    for (const projectId of ids.slice(0, -1)) expect((await line.ask({ t: 'claim', projectId })).t).toBe('ok');
    expect(await line.ask({ t: 'claim', projectId: last })).toMatchObject({ problem: { code: 'VALIDATION_FAILED' } });
    expect((await leaseOf(last)).state).toBe('free');
    line.close();
  });

  it('[AT6] a lease keeps nothing of the connections it had', async () => {
    const locks = new MemoryLockManager();
    const transport = new MemoryBus(systemClock).connect();
    const attachments = new Attachments({ locks, transport, namespace: 'n', node: 'here' });
    const granted = await locks.tryAcquire('project:p', { holder: { id: 'ada' }, instance: 'tab' });
    if (granted.kind !== 'granted') throw new Error(granted.kind);
    const { leaseId, signal } = granted.lease;
    const before = getEventListeners(signal, 'abort').length;
    for (let n = 0; n < 20; n += 1) {
      const connection = { id: `connection-${n}`, displaced: () => {} };
      attachments.opened(connection);
      await attachments.attach(connection, { projectId: 'p', leaseId }, 'tab');
      await attachments.closed(connection);
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(before);
    await locks.close({ leases: 'release' });
  });
});

describe('topics of one connection', () => {
  it('[TT7] are bounded, however many frames ask at once', async () => {
    const ids = await projects(201);
    const line = await Line.open(server.url, ada.client.token);
    await line.next('welcome');
    const topics = ids.map((id) => `project:${id}`);
    const answers = await Promise.all([
      line.ask({ t: 'subscribe', topics: topics.slice(0, 101) }),
      line.ask({ t: 'subscribe', topics: topics.slice(101) }),
    ]);
    expect(answers.map(({ t }) => t).sort()).toEqual(['error', 'ok']);
    line.close();
  });
});
