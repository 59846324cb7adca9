// Server-sent events, against the real route.
import type { WireEvent } from '@devmentor/contracts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Stand, type Tab } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await Stand.open();
});
afterAll(() => stand[Symbol.asyncDispose]());

async function follow(tab: Tab, topics?: readonly string[]) {
  const events: WireEvent[] = [];
  const breaks: unknown[] = [];
  const anew: string[] = [];
  const stop = tab.client.subscribeToEvents(
    {
      event: (event) => events.push(event),
      resync: (topic) => anew.push(topic),
      interrupted: (cause) => breaks.push(cause),
    },
    topics,
  );
  await vi.waitUntil(() => tab.answered.includes('GET /api/events'));
  const names = (): string[] =>
    events.flatMap((event) => (event.type === 'project.updated' ? [event.data.project?.name ?? ''] : []));
  return { events, breaks, anew, names, stop };
}

describe('subscribeToEvents', () => {
  it('[E3] tells what happens to a project, in order', async () => {
    const ada = await stand.tab('Ada');
    const { id } = await ada.client.projects.create({ name: 'Press' });
    const { events, names, stop } = await follow(ada, [`project:${id}`]);
    for (const name of ['One', 'Two', 'Three']) await ada.client.projects.update(id, { name });
    await vi.waitUntil(() => names().length === 3);
    expect(names()).toEqual(['One', 'Two', 'Three']);
    expect(events.every(({ topic }) => topic === `project:${id}`)).toBe(true);
    stop();
  });

  it("[E3] without topics it is the user's own projects, those that come later too", async () => {
    const ada = await stand.tab('Ada');
    const { anew, names, stop } = await follow(ada);
    const { id } = await ada.client.projects.create({ name: 'Later' });
    // Joined in the middle of its life, so it is to be read first.
    await vi.waitUntil(() => anew.includes(`project:${id}`), { timeout: 18_000 });
    await ada.client.projects.update(id, { name: 'Heard of' });
    await vi.waitUntil(() => names().includes('Heard of'));
    stop();
  });

  it('[E3] after a break it goes on from the last event: none is missing, none comes twice', async () => {
    const line = await stand.line();
    const ada = await stand.tab('Ada', { apiGatewayURL: line.url });
    const bob = await stand.tab('Bob');
    const { id } = await bob.client.projects.create({ name: 'Press' });
    await bob.client.projects.addCollaborator(id, ada.client.session.userId);
    const { breaks, names, stop } = await follow(ada, [`project:${id}`]);
    const expected: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      expected.push(`before ${round}`, `during ${round}`);
      await bob.client.projects.update(id, { name: `before ${round}` });
      await vi.waitUntil(() => names().includes(`before ${round}`), { timeout: 10_000 });
      line.cut();
      await vi.waitUntil(() => breaks.length > round);
      await bob.client.projects.update(id, { name: `during ${round}` });
      line.mend();
      await vi.waitUntil(() => names().includes(`during ${round}`), { timeout: 10_000 });
    }
    expect(names()).toEqual(expected);
    stop();
  });

  it('[E3] a stream that was stopped asks no more', async () => {
    const ada = await stand.tab('Ada');
    const { id } = await ada.client.projects.create({ name: 'Press' });
    const { events, stop } = await follow(ada, [`project:${id}`]);
    await vi.waitUntil(() => stand.server.openStreams > 0);
    stop();
    await vi.waitUntil(() => stand.server.openStreams === 0);
    await ada.client.projects.update(id, { name: 'Unheard' });
    expect(events).toEqual([]);
  });
});
