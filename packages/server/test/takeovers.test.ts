// Asking somebody for the project he holds.
import { claimTokenSchema, takeoverRequestSchema } from '@devmentor/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { eventually, good, guest, problem, type SignedIn } from './client.ts';

let server: Server;
let ada: SignedIn;
let bob: SignedIn;
let cy: SignedIn;
let id: string;

beforeAll(async () => {
  server = await createServer({ demo: true });
  [ada, bob, cy] = [await guest(server.url, 'Ada'), await guest(server.url, 'Bob'), await guest(server.url, 'Cy')];
});
afterAll(() => server.close());

/** A project of Ada's that all may claim. */
beforeEach(async () => {
  id = (await ada.client.project()).id;
  for (const { userId } of [bob, cy])
    good(await ada.client.ask(`projects/${id}/collaborators/${userId}`, { method: 'PUT' }));
});

const takeover = async (by: SignedIn, body: object = {}, headers: Readonly<Record<string, string>> = {}) =>
  await by.client.post(`projects/${id}/takeover`, body, headers);
const asked = async (by: SignedIn, body: object = {}) => {
  const reply = await takeover(by, body);
  expect(reply.status).toBe(202);
  return takeoverRequestSchema.parse(reply.body);
};
const answer = async (by: SignedIn, requestId: string, body: object) =>
  await by.client.post(`projects/${id}/takeover/${requestId}/answer`, body);
const withdraw = async (by: SignedIn, requestId: string) =>
  await by.client.ask(`projects/${id}/takeover/${requestId}`, { method: 'DELETE' });
const stateOf = async (by: SignedIn) => good(await by.client.ask<{ state: string }>(`projects/${id}/lease`)).state;

describe('takeovers', () => {
  it("[TO1] a free project is granted at once, and so is what is the caller's own already", async () => {
    const first = await takeover(bob);
    expect(first.status).toBe(201);
    const grant = claimTokenSchema.parse(first.body);
    const again = await takeover(bob);
    expect(again.status).toBe(200);
    expect(claimTokenSchema.parse(again.body).fencingToken).toBe(grant.fencingToken);
  });

  it('[TO2] who asked and was granted claims the project; writes under the claim before are refused', async () => {
    const held = await ada.client.claimed(id);
    expect(problem(await bob.client.claim(id))).toMatchObject({ canTakeOver: true });
    const request = await asked(bob, { reason: 'the demo is at noon' });
    expect(request).toMatchObject({
      projectId: id,
      requestedBy: { userId: bob.userId, displayName: 'Bob' },
      reason: 'the demo is at noon',
      state: 'pending',
    });
    expect(request.remainingMs).toBeGreaterThan(20_000);
    expect(await stateOf(ada)).toBe('breaking');
    expect(problem(await cy.client.claim(id))).toMatchObject({ code: 'RESOURCE_LOCKED', canTakeOver: false });
    expect(takeoverRequestSchema.parse(good(await answer(ada, request.requestId, { answer: 'grant' })))).toMatchObject({
      state: 'granted',
    });
    const grant = await bob.client.claimed(id);
    expect(grant.fencingToken > held.fencingToken).toBe(true);
    const { version } = good(await ada.client.ask<{ version: number }>(`projects/${id}`));
    const stale = await ada.client.patch(
      id,
      { name: 'Late' },
      { 'if-match': `"${version}"`, 'x-claim-token': held.claimToken },
    );
    expect(stale.status).toBe(409);
  });

  it('[TO2] a holder who denies keeps the claim, and says why', async () => {
    const held = await ada.client.claimed(id);
    const { requestId } = await asked(bob);
    expect(good(await answer(ada, requestId, { answer: 'deny', reason: 'nearly done' }))).toMatchObject({
      state: 'denied',
    });
    await eventually(() => stateOf(ada)).toBe('held');
    expect((await ada.client.claimed(id)).fencingToken).toBe(held.fencingToken);
    expect(problem(await answer(ada, requestId, { answer: 'grant' })).code).toBe('NOT_FOUND');
  });

  it('[TO2] only the holder answers, only who asked withdraws, and one asks at a time', async () => {
    await ada.client.claimed(id);
    const { requestId } = await asked(bob);
    expect(problem(await answer(bob, requestId, { answer: 'grant' })).code).toBe('FORBIDDEN');
    expect(problem(await withdraw(cy, requestId)).code).toBe('NOT_FOUND');
    expect(problem(await takeover(cy))).toMatchObject({ code: 'RESOURCE_LOCKED', holder: { userId: ada.userId } });
    expect(problem(await withdraw(bob, 'none')).code).toBe('NOT_FOUND');
    expect((await withdraw(bob, requestId)).status).toBe(204);
    await eventually(() => stateOf(ada)).toBe('held');
    expect(problem(await withdraw(bob, requestId)).code).toBe('NOT_FOUND');
  });

  it('[TO2] to ask again is the same asking', async () => {
    await ada.client.claimed(id);
    const key = { 'idempotency-key': 'take-1' };
    const replies = [await takeover(bob, {}, key), await takeover(bob, {}, key), await takeover(bob)];
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(replies.map(({ body }) => takeoverRequestSchema.parse(body).requestId)).size).toBe(1);
  });

  it('[TO2] of two at once with one key the second is to wait for the first, and then is the same asking', async () => {
    await ada.client.claimed(id);
    const key = { 'idempotency-key': 'take-at-once' };
    const replies = await Promise.all([takeover(bob, {}, key), takeover(bob, {}, key), takeover(bob, {}, key)]);
    const [first] = replies.filter(({ status }) => status === 202);
    for (const reply of replies.filter(({ status }) => status !== 202))
      expect(problem(reply)).toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS', retryAfterMs: 1_000 });
    const again = takeoverRequestSchema.parse((await takeover(bob, {}, key)).body);
    expect(again.requestId).toBe(takeoverRequestSchema.parse(first?.body).requestId);
  });

  it('[TO2] a key of one project asks for another one too', async () => {
    const other = (await ada.client.project()).id;
    good(await ada.client.ask(`projects/${other}/collaborators/${bob.userId}`, { method: 'PUT' }));
    const key = { 'idempotency-key': 'take-both' };
    for (const project of [id, other]) {
      await ada.client.claimed(project);
      expect((await bob.client.post(`projects/${project}/takeover`, {}, key)).status).toBe(202);
    }
  });

  it('[TO3] the owner alone takes a claim by force, at once', async () => {
    const held = await bob.client.claimed(id);
    expect(problem(await takeover(cy, { force: true })).code).toBe('FORBIDDEN');
    const forced = await takeover(ada, { force: true, reason: 'closing time' });
    expect(forced.status).toBe(201);
    expect(claimTokenSchema.parse(forced.body).fencingToken > held.fencingToken).toBe(true);
    expect(problem(await bob.client.claim(id))).toMatchObject({ code: 'RESOURCE_LOCKED', canTakeOver: true });
  });

  it('[TO4] a client that hangs up, and a server that leaves, ask no more', async () => {
    const other = await createServer({ demo: true });
    const [holder, asker] = [await guest(other.url), await guest(other.url)];
    await holder.client.claimed('123');
    expect((await asker.client.post('projects/123/takeover', {})).status).toBe(202);
    const begun = performance.now();
    await other.close();
    expect(performance.now() - begun).toBeLessThan(8_000);
  });

  it('[H2] what somebody asked for who is a member no more is withdrawn, and silence grants him nothing', async () => {
    await ada.client.claimed(id);
    const { requestId } = await asked(bob);
    good(await ada.client.ask(`projects/${id}/collaborators/${bob.userId}`, { method: 'DELETE' }));
    expect(await stateOf(ada)).toBe('held');
    expect(problem(await answer(ada, requestId, { answer: 'grant' })).code).toBe('NOT_FOUND');
  });

  it('[H2] who is no member can neither ask, answer nor withdraw', async () => {
    const stranger = await guest(server.url);
    await ada.client.claimed(id);
    const { requestId } = await asked(bob);
    for (const reply of [
      await takeover(stranger),
      await answer(stranger, requestId, { answer: 'grant' }),
      await withdraw(stranger, requestId),
    ])
      expect(problem(reply).code).toBe('NOT_FOUND');
  });
});
