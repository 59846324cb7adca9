import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { promised, Stand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await Stand.open();
});
afterAll(() => stand[Symbol.asyncDispose]());

describe('ProjectFeed', () => {
  it('[F1] however many look, there is one subscription and one snapshot', async () => {
    const ada = await stand.tab('Ada');
    const { id } = await ada.client.projects.create({ name: 'Press' });
    const looks = [1, 2, 3].map(() => ada.client.feeds.use(id));
    const feed = ada.client.feeds.peek(id);
    await vi.waitUntil(() => feed?.store.get().kind === 'ready');
    await vi.waitUntil(() => ada.heard.some((frame) => frame.includes('"subscribed"')));
    expect(looks.every(({ thing }) => thing === feed)).toBe(true);
    expect(ada.heard.filter((frame) => frame.includes('"subscribed"'))).toHaveLength(1);
    for (const { leave } of looks) leave();
  });

  it('[F2] a lease that was read is dropped when an event about it arrived meanwhile', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const { id } = await ada.client.projects.create({ name: 'Press' });
    await ada.client.projects.addCollaborator(id, bob.client.session.userId);
    const { thing: feed, leave } = ada.client.feeds.use(id);
    await vi.waitUntil(() => ada.heard.some((frame) => frame.includes('"subscribed"')));
    await vi.waitUntil(() => feed.store.get().lease.kind === 'free');

    const request = `GET /api/v1/projects/${id}/lease`;
    const before = ada.answered.filter((label) => label === request).length;
    const answer = promised();
    ada.delay(request, answer.promise);
    feed.refresh();
    // "Free" is on its way when Bob claims.
    await vi.waitUntil(() => ada.answered.filter((label) => label === request).length > before);
    await bob.client.projects.claim(id);
    await vi.waitUntil(() => feed.store.get().lease.kind === 'held');
    const seen: string[] = [];
    const stop = feed.store.subscribe(() => seen.push(feed.store.get().lease.kind));
    answer.keep();
    await bob.client.projects.update(id, { name: 'Read after the answer' });
    await vi.waitUntil(() => feed.store.get().project?.name === 'Read after the answer');
    expect(seen).not.toContain('free');
    stop();
    leave();
  });
});
