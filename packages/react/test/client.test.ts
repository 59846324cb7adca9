// The client without React, against a real server.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CoordinationError, DevMentorAPIClient, getCurrentUserId } from '../src/client.ts';
import { createProjectStore } from '../src/project-store.ts';
import { Stand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await Stand.open();
});
afterAll(() => stand[Symbol.asyncDispose]());

describe('DevMentorAPIClient', () => {
  it('making one, and asking it nothing, does no I/O', async () => {
    const fetch = vi.fn<typeof globalThis.fetch>();
    const client = new DevMentorAPIClient({ fetch });
    expect(client.connection.status.state).toBe('initial');
    expect(() => getCurrentUserId(client)).toThrow(CoordinationError);
    expect(fetch).not.toHaveBeenCalled();
  });

  it('a user registers, signs in and is who the client says he is', async () => {
    const client = new DevMentorAPIClient({ apiGatewayURL: stand.server.url });
    const user = await client.auth.register({ username: 'ada', password: 'a good password', displayName: 'Ada' });
    await client.auth.authenticate({ username: 'ada', password: 'a good password' });
    expect(getCurrentUserId(client)).toBe(user.id);
    const token = await client.session.accessToken();
    expect((await client.auth.validateToken(token ?? '')).valid).toBe(true);
    expect((await client.auth.validateToken('nonsense')).valid).toBe(false);
  });

  it('[A1] a refresh whose answer was lost is repeated, and is not taken for a stolen token', async () => {
    let lost = 0;
    const losing: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).endsWith('/refresh') || lost++ > 0) return answer;
      throw new TypeError('the answer was lost');
    };
    const { client } = await stand.tab('Ada', { fetch: losing });
    const before = (await client.session.accessToken()) ?? '';
    const after = (await client.session.renew(before)) ?? '';
    expect(lost).toBe(2);
    expect((await client.auth.validateToken(after)).valid).toBe(true);
    expect(client.session.user?.displayName).toBe('Ada');
  });

  it('[P1] a write carries the version last seen and the claim held', async () => {
    const { client } = await stand.tab('Ada');
    const project = await client.projects.create({ name: 'Press' });
    const token = await client.projects.claim(project.id);
    const first = await client.projects.update(project.id, { name: 'One' });
    const second = await client.projects.update(project.id, { name: 'Two' });
    expect([first.version, second.version]).toEqual([project.version + 1, project.version + 2]);
    await client.projects.release(token);
    expect(await client.projects.isLocked(project.id)).toBe(false);
  });

  it('[P1] after a mismatch the next write is based on what the answer brought', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const { id } = await ada.client.projects.create({ name: 'Press' });
    await ada.client.projects.addCollaborator(id, bob.client.session.userId);
    await ada.client.projects.findById(id);
    await bob.client.projects.update(id, { name: 'By Bob' });
    const failure = await ada.client.projects.update(id, { name: 'By Ada' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'VERSION_MISMATCH', problem: { current: { name: 'By Bob' } } });
    expect((await ada.client.projects.update(id, { name: 'By Ada' })).name).toBe('By Ada');
  });

  it('[P2] a claim whose answer was lost is the same claim when it is repeated', async () => {
    let lost = 0;
    const losing: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).endsWith('/claim') || lost++ > 0) return answer;
      throw new TypeError('the answer was lost');
    };
    const { client } = await stand.tab('Ada', { fetch: losing });
    const { id } = await client.projects.create({ name: 'Press' });
    const token = await client.projects.claim(id);
    expect(lost).toBe(2);
    expect((await client.projects.lease(id)).isLocked).toBe(true);
    await client.projects.release(token);
    expect((await client.projects.lease(id)).isLocked).toBe(false);
  });

  it('a project of others is locked for everybody but its holder', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const { id } = await ada.client.projects.create({ name: 'Press' });
    await ada.client.projects.addCollaborator(id, bob.client.session.userId);
    await ada.client.projects.claim(id, ada.client.session.userId);
    await expect(bob.client.projects.claim(id, bob.client.session.userId)).rejects.toThrow('Resource is locked');
    await expect(bob.client.projects.update(id, { name: 'Mine' })).rejects.toMatchObject({
      code: 'RESOURCE_LOCKED',
      holder: { displayName: 'Ada' },
    });
  });

  it('subscribeToProject calls back with the project and whether it is locked', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const { id } = await ada.client.projects.create({ name: 'Press' });
    await ada.client.projects.addCollaborator(id, bob.client.session.userId);
    const seen: string[] = [];
    const stop = bob.client.subscribeToProject(id, ({ name, isLocked, lockedBy }) => {
      seen.push(`${name} ${isLocked} ${lockedBy ?? '-'}`);
    });
    await bob.client.connectWebSocket();
    await vi.waitFor(() => expect(seen).toContain('Press false -'));
    const token = await ada.client.projects.claim(id);
    await vi.waitFor(() => expect(seen).toContain('Press true Ada'));
    await ada.client.projects.update(id, { name: 'Renamed' });
    await ada.client.projects.release(token);
    await vi.waitFor(() => expect(seen.at(-1)).toBe('Renamed false -'));
    stop();
  });

  it('[A1] a sign-in that is gone closes the live connection; the next one opens it anew', async () => {
    const { client } = await stand.tab('Ada');
    await client.connectWebSocket();
    client.session.signOut();
    expect(client.connection.status).toMatchObject({ state: 'disconnected', reason: 'closed' });
    await client.auth.guest('Ada');
    await client.connectWebSocket();
    expect(client.connection.status.state).toBe('connected');
  });
});

describe('useProjectStore', () => {
  it('loads, creates, claims, updates and releases, and follows the changes of others', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const store = createProjectStore(ada.client);
    const { id } = await store.getState().createProject({ name: 'Press' });
    await store.getState().loadProject(id);
    expect(store.getState().activeProject?.name).toBe('Press');
    await ada.client.projects.addCollaborator(id, bob.client.session.userId);

    const token = await store.getState().claimProject(id);
    expect(store.getState().claimTokens.get(id)).toEqual(token);
    await store.getState().updateProject(id, { name: 'Renamed' });
    expect(store.getState().projects.get(id)?.name).toBe('Renamed');
    await store.getState().releaseProject(token);
    expect(store.getState().claimTokens.size).toBe(0);

    const stop = store.getState().subscribeToUpdates(id);
    await ada.client.connectWebSocket();
    await bob.client.projects.update(id, { name: 'By Bob' });
    await vi.waitFor(() => expect(store.getState().activeProject?.name).toBe('By Bob'));
    stop();
  });

  it('claiming without a sign-in is UNAUTHENTICATED', async () => {
    const store = createProjectStore(new DevMentorAPIClient({ apiGatewayURL: stand.server.url }));
    await expect(store.getState().claimProject('123')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
