import './dom.ts';
import { act, cleanup, renderHook, waitFor } from '@testing-library/react';
import { type ReactNode, StrictMode } from 'react';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { APIClientProvider, useProject } from '../src/index.ts';
import { promised, Stand, type Tab } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await Stand.open();
});
afterEach(cleanup);
afterAll(() => stand[Symbol.asyncDispose]());

/** A project that only these tabs may edit. */
async function projectOf(owner: Tab, ...others: Tab[]): Promise<string> {
  const { id } = await owner.client.projects.create({ name: 'Press' });
  for (const { client } of others) await owner.client.projects.addCollaborator(id, client.session.userId);
  return id;
}

function within(tab: Tab, isStrict = false) {
  return ({ children }: { children: ReactNode }) => {
    const provided = <APIClientProvider client={tab.client}>{children}</APIClientProvider>;
    return isStrict ? <StrictMode>{provided}</StrictMode> : provided;
  };
}

function mount(tab: Tab, projectId: string, isStrict = false) {
  return renderHook(({ id }) => useProject(id), { initialProps: { id: projectId }, wrapper: within(tab, isStrict) });
}

const claims = (tab: Tab): string[] => tab.sent.filter((request) => request.endsWith('/claim'));
const releases = (tab: Tab): string[] => tab.sent.filter((request) => request.endsWith('/release'));

async function ready(hook: ReturnType<typeof mount>): Promise<void> {
  await waitFor(() => expect(hook.result.current.status).toBe('ready'));
  await waitFor(() => expect(hook.result.current.connection.state).toBe('connected'));
}

/** Until the server has said that the claim lives with the connection. */
async function attached({ heard }: Tab): Promise<void> {
  await waitFor(() => expect(heard.filter((frame) => frame.includes('"claimToken"'))).not.toHaveLength(0));
}

describe('useProject', () => {
  it('[UP1] a mounted project is read and then follows the changes of others', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const id = await projectOf(ada, bob);
    const hook = mount(ada, id);
    await ready(hook);
    await bob.client.projects.update(id, { name: 'Renamed' });
    await waitFor(() => expect(hook.result.current.project?.name).toBe('Renamed'));
  });

  it('[UP2] under StrictMode a claim is one request, and nothing is released', async () => {
    const ada = await stand.tab('Ada');
    const hook = mount(ada, await projectOf(ada), true);
    await ready(hook);
    await act(() => hook.result.current.claim());
    await waitFor(() => expect(hook.result.current.claimState).toBe('held'));
    expect(hook.result.current.isLockedByMe).toBe(true);
    expect(claims(ada)).toHaveLength(1);
    expect(releases(ada)).toHaveLength(0);
  });

  it('[UP2] the unmount of the last hook releases, so that another may claim', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const id = await projectOf(ada, bob);
    const [one, two] = [mount(ada, id), mount(ada, id)];
    await ready(one);
    await act(() => one.result.current.claim());
    one.unmount();
    expect(two.result.current.claimState).toBe('held');
    two.unmount();
    const grant = await bob.client.projects.claim(id, undefined, { waitMs: 5_000 });
    expect(grant.holder.displayName).toBe('Bob');
    expect(releases(ada)).toHaveLength(1);
  });

  it('[UP2] a remount within the moment goes on with the same claim', async () => {
    const ada = await stand.tab('Ada');
    const id = await projectOf(ada);
    const before = mount(ada, id);
    await ready(before);
    const grant = await act(() => before.result.current.claim());
    before.unmount();
    const after = mount(ada, id);
    expect(after.result.current.claimToken).toEqual(grant);
    expect(releases(ada)).toHaveLength(0);
  });

  it('[PC1] a grant that arrives after the unmount is given back', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const id = await projectOf(ada, bob);
    const hook = mount(ada, id);
    await ready(hook);
    const answer = promised();
    ada.delay(`POST /api/v1/projects/${id}/claim`, answer.promise);
    const claim = hook.result.current.claim();
    await waitFor(() => expect(claims(ada)).toHaveLength(1));
    hook.unmount();
    await waitFor(() => expect(ada.client.claims.peek(id)).toBeUndefined());
    answer.keep();
    await expect(claim).rejects.toMatchObject({ code: 'CLAIM_EXPIRED' });
    const grant = await bob.client.projects.claim(id, undefined, { waitMs: 5_000 });
    expect(grant.holder.displayName).toBe('Bob');
  });

  it('[UP3] another project id releases the former claim and shows nothing of it', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const [first, second] = [await projectOf(ada, bob), await projectOf(ada)];
    const hook = mount(ada, first);
    await ready(hook);
    await act(() => hook.result.current.claim());
    hook.rerender({ id: second });
    expect(hook.result.current.claimToken).toBeNull();
    expect(hook.result.current.project?.id).not.toBe(first);
    await waitFor(() => expect(hook.result.current.project?.id).toBe(second));
    expect((await bob.client.projects.claim(first, undefined, { waitMs: 5_000 })).holder.displayName).toBe('Bob');
  });

  it('a claim that another holds is denied by name, and rejects with RESOURCE_LOCKED', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const id = await projectOf(ada, bob);
    await bob.client.projects.claim(id);
    const told: (string | undefined)[] = [];
    const hook = renderHook(() => useProject(id, { onDenied: (holder) => told.push(holder?.displayName) }), {
      wrapper: within(ada),
    });
    await waitFor(() => expect(hook.result.current.holder?.displayName).toBe('Bob'));
    const refusal = await act(() => hook.result.current.claim().catch((error: unknown) => error));
    expect(refusal).toMatchObject({ code: 'RESOURCE_LOCKED', message: expect.stringContaining('Resource is locked') });
    expect(hook.result.current.claimState).toBe('denied');
    expect(hook.result.current.isLocked).toBe(true);
    expect(hook.result.current.isLockedByMe).toBe(false);
    expect(told).toEqual(['Bob']);
  });

  it('a claim that waits is granted when the holder releases', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const id = await projectOf(ada, bob);
    const held = await bob.client.projects.claim(id);
    const hook = mount(ada, id);
    await ready(hook);
    let waiting: Promise<unknown> = Promise.resolve();
    act(() => {
      waiting = hook.result.current.claim({ waitMs: 10_000 });
    });
    expect(hook.result.current.claimState).toBe('claiming');
    await bob.client.projects.release(held);
    await act(() => waiting);
    expect(hook.result.current.claimState).toBe('held');
  });

  it('[I1] two tabs of one user are two instances: the second is told of the other tab', async () => {
    const ada = await stand.tab('Ada');
    const id = await projectOf(ada);
    const copy = await stand.tab('Ada');
    // The same sign-in in a tab of its own, as after a login in both.
    const token = JSON.parse(ada.storage.getItem('devmentor:session') ?? '{}') as { token: never };
    copy.client.session.signIn(token.token);
    const [first, second] = [mount(ada, id), mount(copy, id)];
    await ready(first);
    await ready(second);
    await act(() => first.result.current.claim());
    await waitFor(() => expect(second.result.current.isLockedByOtherTab).toBe(true));
    const refusal = await act(() => second.result.current.claim().catch((error: unknown) => error));
    expect(refusal).toMatchObject({ holder: { sameUser: true, otherTab: true } });
  });

  it('[I1] a copied tab is signed out and does not take the claim along', async () => {
    const ada = await stand.tab('Ada');
    const id = await projectOf(ada);
    const hook = mount(ada, id);
    await ready(hook);
    await act(() => hook.result.current.claim());
    const copy = await stand.tab('Ada', { storage: ada.storage.copy() });
    expect(copy.client.session.userId).not.toBe(ada.client.session.userId);
    expect(copy.client.instance.id).not.toBe(ada.client.instance.id);
  });

  it('[C2] a break of the line within the grace keeps the claim with the same fence', async () => {
    const line = await stand.line();
    const ada = await stand.tab('Ada', { apiGatewayURL: line.url });
    const bob = await stand.tab('Bob');
    const id = await projectOf(ada, bob);
    const hook = mount(ada, id);
    await ready(hook);
    const grant = await act(() => hook.result.current.claim());
    await attached(ada);
    const seen = new Set<string>();
    const stop = ada.client.claims.peek(id)?.store.subscribe(() => {
      seen.add(ada.client.claims.peek(id)?.store.get().kind ?? 'gone');
    });
    line.cut();
    await waitFor(() => expect(hook.result.current.connection.state).toBe('reconnecting'));
    await waitFor(async () => expect((await bob.client.projects.lease(id)).state).toBe('away'), { timeout: 5_000 });
    line.mend();
    ada.page.live('wake');
    await waitFor(() => expect(hook.result.current.connection.state).toBe('connected'), { timeout: 10_000 });
    await waitFor(async () => expect((await bob.client.projects.lease(id)).state).toBe('held'), { timeout: 5_000 });
    stop?.();
    expect(hook.result.current.claimToken?.fencingToken).toBe(grant.fencingToken);
    expect([...seen]).toEqual([]);
    await act(() => hook.result.current.update({ description: 'still mine' }));
    expect(hook.result.current.project?.description).toBe('still mine');
  });

  it('[C1] what others did during a break is there after it', async () => {
    const line = await stand.line();
    const ada = await stand.tab('Ada', { apiGatewayURL: line.url });
    const bob = await stand.tab('Bob');
    const id = await projectOf(ada, bob);
    const hook = mount(ada, id);
    await ready(hook);
    line.cut();
    await waitFor(() => expect(hook.result.current.connection.state).toBe('reconnecting'));
    await bob.client.projects.update(id, { name: 'While you were away' });
    line.mend();
    ada.page.live('wake');
    await waitFor(() => expect(hook.result.current.project?.name).toBe('While you were away'), { timeout: 10_000 });
  });

  it('[PC4] a reload finds its claim again, with the same fence', async () => {
    const ada = await stand.tab('Ada');
    const bob = await stand.tab('Bob');
    const id = await projectOf(ada, bob);
    const before = mount(ada, id);
    await ready(before);
    const grant = await act(() => before.result.current.claim());
    ada.page.live('leave');
    await waitFor(async () => expect((await bob.client.projects.lease(id)).state).toBe('away'));
    // The page itself is gone: nobody unmounts anything. The next one remembers what it did.
    const reloaded = await stand.tab('Ada', { storage: ada.storage.copy(), locks: freeLocks });
    const after = mount(reloaded, id);
    await waitFor(() => expect(after.result.current.claimState).toBe('held'));
    expect(after.result.current.claimToken?.fencingToken).toBe(grant.fencingToken);
    await waitFor(async () => expect((await bob.client.projects.lease(id)).state).toBe('held'));
  });

  it('[PC2] a claim that ended elsewhere is lost, and says so once', async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const id = await projectOf(ada, bob);
    const told: string[] = [];
    const hook = renderHook(() => useProject(id, { onLost: (reason) => told.push(reason) }), { wrapper: within(ada) });
    await waitFor(() => expect(hook.result.current.status).toBe('ready'));
    await waitFor(() => expect(hook.result.current.connection.state).toBe('connected'));
    const grant = await act(() => hook.result.current.claim());
    await ada.client.projects.release(grant);
    await bob.client.projects.claim(id, undefined, { waitMs: 5_000 });
    await waitFor(() => expect(hook.result.current.claimState).toBe('lost'));
    await waitFor(() => expect(hook.result.current.holder?.displayName).toBe('Bob'));
    expect(told).toHaveLength(1);
  });
});

/** Locks that nobody holds: those of a page that is gone have gone with it. */
const freeLocks = {
  request: async (_name: string, _options: LockOptions, callback: (lock: Lock | null) => unknown) => callback(null),
  query: async () => ({ held: [], pending: [] }),
} as unknown as LockManager;
