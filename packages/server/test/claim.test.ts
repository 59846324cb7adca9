import { connect } from 'node:net';
import type { ClaimToken, ProjectLease } from '@devmentor/contracts';
import { CoordinationError, systemClock, systemEntropy } from '@devmentor/locks';
import { StaleFenceError } from '@devmentor/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, memoryBackends, type Server } from '../src/index.ts';
import { ProjectActor } from '../src/projects/project-actor.ts';
import { eventually, good, guest, problem, type SignedIn } from './client.ts';

let server: Server;
let ada: SignedIn;
let bob: SignedIn;

beforeAll(async () => {
  server = await createServer({ demo: true });
  [ada, bob] = [await guest(server.url, 'Ada'), await guest(server.url, 'Bob')];
});
afterAll(() => server.close());

/** A project of Ada's on which Bob collaborates. */
async function shared(): Promise<string> {
  const { id } = await ada.client.project();
  good(await ada.client.ask(`projects/${id}/collaborators/${bob.userId}`, { method: 'PUT' }));
  return id;
}

describe('claims', () => {
  it('[C4] of twenty who claim at the same instant one is granted, and the others are told who holds it', async () => {
    const users = await Promise.all(Array.from({ length: 20 }, () => guest(server.url)));
    let last = '';
    for (let round = 0; round < 100; round += 1) {
      const replies = await Promise.all(users.map(({ client }) => client.claim('123')));
      const granted = replies.flatMap((reply, at) => (reply.status === 201 ? [{ at, grant: reply.body }] : []));
      expect(granted).toHaveLength(1);
      const [{ at, grant }] = granted as [{ at: number; grant: ClaimToken }];
      expect(grant.fencingToken > last).toBe(true);
      last = grant.fencingToken;
      for (const [other, reply] of replies.entries()) {
        if (other === at) continue;
        const refused = problem(reply);
        expect(refused.code).toBe('RESOURCE_LOCKED');
        expect(refused.title).toContain('Resource is locked');
        expect(refused.holder).toMatchObject({
          userId: users[at]?.userId,
          displayName: users[at]?.displayName,
          sameUser: false,
        });
      }
      expect(good((await users[at]?.client.release('123', grant.claimToken)) as never)).toEqual({
        outcome: 'released',
      });
    }
  }, 60_000);

  it('[C4] the same user and instance again is answered with the same grant', async () => {
    const id = await shared();
    const first = await ada.client.claim(id);
    const again = await ada.client.claim(id);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body.claimToken).toBe(first.body.claimToken);
    expect(again.body.fencingToken).toBe(first.body.fencingToken);
  });

  it('[C4] the same user in another tab is refused and told that it is himself', async () => {
    const id = await shared();
    await ada.client.claimed(id, { instanceId: 'tab1' });
    const { holder } = problem(await ada.client.claim(id, { instanceId: 'tab2' }));
    expect(holder).toMatchObject({ sameUser: true, otherTab: true });
  });

  it('[C5] the key of a claim names its request: held is the same grant, ended is gone', async () => {
    const id = await shared();
    const key = { 'idempotency-key': `k-${id}` };
    const first = await ada.client.claim(id, {}, key);
    const again = await ada.client.claim(id, {}, key);
    expect([first.status, again.status, again.body.claimToken]).toEqual([201, 200, first.body.claimToken]);
    await ada.client.release(id, first.body.claimToken);
    expect(problem(await ada.client.claim(id, {}, key)).code).toBe('CLAIM_EXPIRED');
    expect((await bob.client.claim(id, {}, key)).status).toBe(201);
  });

  it('[C6] who waits is granted when the holder releases', async () => {
    const id = await shared();
    const held = await ada.client.claimed(id);
    const waiting = bob.client.claim(id, { waitMs: 10_000 });
    await eventually(async () => good(await ada.client.ask<{ queue: number }>(`projects/${id}/lease`)).queue).toBe(1);
    await ada.client.release(id, held.claimToken);
    const granted = await waiting;
    expect(granted.status).toBe(201);
    expect(granted.body.fencingToken > held.fencingToken).toBe(true);
  });

  it('[C6] who looks is told how long he might wait, once it is known how long claims are held', async () => {
    const id = await shared();
    const leaseOf = async () => good(await ada.client.ask<ProjectLease>(`projects/${id}/lease`));
    const { claimToken } = await ada.client.claimed(id);
    expect(await leaseOf()).not.toHaveProperty('expectedWaitMs');
    await ada.client.release(id, claimToken);
    await ada.client.claimed(id);
    expect((await leaseOf()).expectedWaitMs).toBeGreaterThanOrEqual(0);
  });

  it('[C6] a waiter that hangs up leaves the queue', async () => {
    const id = await shared();
    await ada.client.claimed(id);
    const hangUp = new AbortController();
    const waiting = bob.client
      .ask(`projects/${id}/claim`, { method: 'POST', body: { waitMs: 10_000 }, signal: hangUp.signal })
      .catch(() => 'gone');
    const queue = async () => good(await ada.client.ask<{ queue: number }>(`projects/${id}/lease`)).queue;
    await eventually(queue).toBe(1);
    hangUp.abort();
    await waiting;
    await eventually(queue).toBe(0);
  });

  it('[C1] a stale holder is refused before the new holder has written anything', async () => {
    const id = await shared();
    const stale = await ada.client.claimed(id, { ttlMs: 1_000 });
    // Bob waits for the lapse: when he is answered, Ada's term is over.
    const fresh = await bob.client.claimed(id, { waitMs: 10_000 });
    expect(fresh.fencingToken > stale.fencingToken).toBe(true);
    const late = await ada.client.patch(id, { name: 'late' }, { 'if-match': '"2"', 'x-claim-token': stale.claimToken });
    expect(problem(late).code).toBe('STALE_CLAIM');
    expect(good(await bob.client.ask(`projects/${id}`))).toMatchObject({ name: 'Press', version: 2 });
    const write = await bob.client.patch(
      id,
      { name: 'in time' },
      { 'if-match': '"2"', 'x-claim-token': fresh.claimToken },
    );
    expect(write.status).toBe(200);
  });

  it('[C1] a grant whose guard cannot be raised is given back and answered with 503', async () => {
    const backends = memoryBackends({ clock: systemClock, entropy: systemEntropy });
    await using other = await createServer({ demo: true, backend: backends });
    const { client } = await guest(other.url);
    const { admit } = backends.state;
    for (const fault of ['STORE_UNAVAILABLE', 'REPLY_LOST']) {
      backends.state.admit = async () => {
        throw new CoordinationError(fault, 'no answer', { applied: fault === 'REPLY_LOST' ? 'unknown' : 'no' });
      };
      const refused = await client.claim('123');
      expect(problem(refused).code).toBe('BACKEND_UNAVAILABLE');
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(good(await client.ask('projects/123/lease'))).toMatchObject({ state: 'free' });
    }
    backends.state.admit = admit;
    expect((await client.claim('123')).status).toBe(201);
  });

  it('[C2] a write that passed every check is refused when a claim was answered before it commits', async () => {
    const id = await shared();
    const { claims, runtime } = server.services;
    const right = await claims.writeRight(ada.userId, id, undefined);
    await bob.client.claimed(id);
    const write = { type: 'update', by: ada.userId, patch: { name: 'x' }, expected: 'any', atMs: 0 } as const;
    await expect(runtime.actor(ProjectActor, id).ask(write, { fence: right.fence })).rejects.toThrow(StaleFenceError);
    expect(good(await bob.client.ask(`projects/${id}`))).toMatchObject({ name: 'Press', version: 2 });
    expect(problem(await ada.client.patch(id, { name: 'x' }, { 'if-match': '*' })).code).toBe('RESOURCE_LOCKED');
  });

  it('[C2] writers and claimants at the same moment: no write lands under another claim', async () => {
    const id = await shared();
    let written = 0;
    for (let round = 0; round < 30; round += 1) {
      const writing = ada.client.patch(id, { data: { round } }, { 'if-match': '*' });
      const claim = await bob.client.claimed(id);
      const before = good(await bob.client.ask<{ version: number }>(`projects/${id}`)).version;
      const write = await writing;
      const after = good(await bob.client.ask<{ version: number }>(`projects/${id}`)).version;
      expect([200, 423]).toContain(write.status);
      expect(after).toBe(before);
      written += write.status === 200 ? 1 : 0;
      await bob.client.release(id, claim.claimToken);
    }
    expect(written).toBeLessThanOrEqual(30);
  });

  it('[C2] the holder sends his token; without it he is asked for it, with an ended one told so', async () => {
    const id = await shared();
    const { claimToken } = await ada.client.claimed(id);
    expect(problem(await ada.client.patch(id, { name: 'x' }, { 'if-match': '*' })).code).toBe('CLAIM_REQUIRED');
    expect((await ada.client.patch(id, { name: 'x' }, { 'if-match': '*', 'x-claim-token': claimToken })).status).toBe(
      200,
    );
    await ada.client.release(id, claimToken);
    const ended = await ada.client.patch(id, { name: 'y' }, { 'if-match': '*', 'x-claim-token': claimToken });
    expect(problem(ended).code).toBe('CLAIM_EXPIRED');
  });

  it('[C3] another user’s token releases nothing', async () => {
    const id = await shared();
    const { claimToken } = await ada.client.claimed(id);
    const foreign = problem(await bob.client.release(id, claimToken));
    expect([foreign.code, foreign.detail]).toEqual(['NOT_FOUND', 'Invalid claim token']);
    expect(good(await bob.client.ask(`projects/${id}/lease`))).toMatchObject({ isLocked: true, lockedByMe: false });
  });

  it('[C7] releasing twice is said, and so is a claim that was superseded', async () => {
    const id = await shared();
    const first = await ada.client.claimed(id);
    const outcomes = [await ada.client.release(id, first.claimToken), await ada.client.release(id, first.claimToken)];
    await bob.client.claimed(id);
    outcomes.push(await ada.client.release(id, first.claimToken));
    expect(outcomes.map(({ body }) => body.outcome)).toEqual(['released', 'already', 'already']);
  });

  it('[C7] renewing keeps the fence', async () => {
    const id = await shared();
    const { claimToken, fencingToken } = await ada.client.claimed(id, { ttlMs: 5_000 });
    const renewed = good(await ada.client.post<ClaimToken>(`projects/${id}/renew`, { claimToken, ttlMs: 60_000 }));
    expect(renewed).toMatchObject({ fencingToken, claimToken, ttlMs: 60_000 });
    await ada.client.release(id, claimToken);
    expect(problem(await ada.client.post(`projects/${id}/renew`, { claimToken })).code).toBe('CLAIM_EXPIRED');
  });

  it('[C8] a beacon without a login puts a claim away, and it can be renewed within the grace', async () => {
    const id = await shared();
    const { claimToken } = await ada.client.claimed(id);
    const beacon = await fetch(`${server.url}/api/v1/projects/${id}/detach`, {
      method: 'POST',
      body: JSON.stringify({ claimToken }),
      headers: { 'content-type': 'text/plain' },
    });
    expect(beacon.status).toBe(204);
    const away = good(await bob.client.ask<{ state: string; remainingMs: number }>(`projects/${id}/lease`));
    expect(away.state).toBe('away');
    expect(away.remainingMs).toBeLessThanOrEqual(10_000);
    expect((await ada.client.post(`projects/${id}/renew`, { claimToken })).status).toBe(200);
  });

  it('[C9] a claim is made for the caller only', async () => {
    const id = await shared();
    expect(problem(await bob.client.claim(id, { userId: ada.userId })).code).toBe('USER_MISMATCH');
  });

  it('[C9] a removed collaborator loses his claim, and a deleted project ends it; who waited learns that it is gone', async () => {
    const id = await shared();
    await bob.client.claimed(id);
    expect((await ada.client.ask(`projects/${id}/collaborators/${bob.userId}`, { method: 'DELETE' })).status).toBe(204);
    expect(problem(await bob.client.claim(id)).code).toBe('NOT_FOUND');
    const { claimToken } = await ada.client.claimed(id);
    const waiting = ada.client.claim(id, { instanceId: 'tab2', waitMs: 10_000 });
    await eventually(async () => good(await ada.client.ask<{ queue: number }>(`projects/${id}/lease`)).queue).toBe(1);
    const deleted = await ada.client.ask(`projects/${id}`, {
      method: 'DELETE',
      headers: { 'if-match': '*', 'x-claim-token': claimToken },
    });
    expect(deleted.status).toBe(204);
    expect(problem(await waiting).code).toBe('NOT_FOUND');
  });

  it('[C9] who was removed while he waited in vain does not hear who holds it', async () => {
    const id = await shared();
    await ada.client.claimed(id);
    const waiting = bob.client.claim(id, { waitMs: 1_000 });
    await eventually(async () => good(await ada.client.ask<{ queue: number }>(`projects/${id}/lease`)).queue).toBe(1);
    await ada.client.ask(`projects/${id}/collaborators/${bob.userId}`, { method: 'DELETE' });
    expect(problem(await waiting).code).toBe('NOT_FOUND');
  });

  it('[C6] who hangs up at any moment of his request leaves the queue, and is granted nothing', async () => {
    const id = await shared();
    const { claimToken } = await ada.client.claimed(id);
    const leaseOf = async (): Promise<unknown> => {
      const { state, queue } = good(await ada.client.ask<{ state: string; queue: number }>(`projects/${id}/lease`));
      return { state, queue };
    };
    const body = JSON.stringify({ waitMs: 30_000 });
    const head = `POST /api/v1/projects/${id}/claim HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bob.client.token}\r\n`;
    for (let n = 0; n < 50; n += 1) {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      const type = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
      await new Promise((sent) => socket.write(head + type + body, sent));
      for (let turns = n % 10; turns > 0; turns -= 1) await new Promise(setImmediate);
      socket.destroy();
    }
    await eventually(leaseOf).toEqual({ state: 'held', queue: 0 });
    await ada.client.release(id, claimToken);
    expect(await leaseOf()).toEqual({ state: 'free', queue: 0 });
  });
});
