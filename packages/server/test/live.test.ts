import { type ClaimToken, eventSchema, serverFrameSchema } from '@devmentor/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { eventually, good, guest, Line, type SignedIn } from './client.ts';

let server: Server;
let ada: SignedIn;
let bob: SignedIn;

beforeAll(async () => {
  server = await createServer({ demo: true });
  [ada, bob] = [await guest(server.url, 'Ada'), await guest(server.url, 'Bob')];
});
afterAll(() => server.close());

async function shared(): Promise<string> {
  const { id } = await ada.client.project();
  good(await ada.client.ask(`projects/${id}/collaborators/${bob.userId}`, { method: 'PUT' }));
  return id;
}

const open = async (user: SignedIn): Promise<Line> => {
  const line = await Line.open(server.url, user.client.token);
  expect(serverFrameSchema.safeParse(await line.next('welcome')).error).toBeUndefined();
  return line;
};

describe('the socket', () => {
  it('[WS1] a first auth frame does what the second protocol entry does', async () => {
    const line = await Line.open(server.url, undefined);
    line.send({ t: 'auth', token: ada.client.token });
    expect((await line.next('welcome')).t).toBe('welcome');
    line.close();
  });

  it('[WS1] a bad token closes with 4401', async () => {
    const line = await Line.open(server.url, 'bad');
    expect(await line.closed).toBe(4401);
  });

  it('[WS7] a page of another origin is refused before the upgrade, and so is a foreign protocol', async () => {
    await expect(Line.open(server.url, undefined, { origin: 'https://evil.example' })).rejects.toThrow('refused 403');
    await expect(Line.open(server.url, undefined, { origin: 'http://localhost:3000' })).resolves.toBeDefined();
  });

  it('[WS8] a frame above the limit closes with 1009', async () => {
    const line = await open(ada);
    line.send('x'.repeat(300_000));
    expect(await line.closed).toBe(1009);
  });

  it('[WS2] an unknown frame is an error frame, and the connection stays', async () => {
    const line = await open(ada);
    expect(await line.ask({ t: 'dance' })).toMatchObject({ t: 'error', problem: { code: 'VALIDATION_FAILED' } });
    expect((await line.ask({ t: 'ping' })).t).toBe('pong');
    line.close();
  });
});

describe('topics', () => {
  it('[TT1] a change is seen by a second browser, with the project as it is now', async () => {
    const id = await shared();
    const line = await open(bob);
    const joined = await line.subscribe(`project:${id}`);
    expect(joined).toMatchObject({ outcome: 'current', cursor: expect.any(String) });
    await ada.client.patch(id, { name: 'seen' }, { 'if-match': '*' });
    const event = await line.event('project.updated');
    expect(event).toMatchObject({
      topic: `project:${id}`,
      prev: joined.cursor,
      data: { userId: ada.userId, version: 3, project: { name: 'seen' } },
    });
    const { t: _, ...envelope } = event;
    expect(eventSchema.safeParse(envelope).error).toBeUndefined();
    line.close();
  });

  it('[TT1] who comes back with a cursor gets what he missed, in order and once', async () => {
    const id = await shared();
    const first = await open(bob);
    const { cursor } = await first.subscribe(`project:${id}`);
    first.close();
    for (let n = 0; n < 5; n += 1) await ada.client.patch(id, { data: { n } }, { 'if-match': '*' });
    const again = await open(bob);
    expect((await again.subscribe(`project:${id}`, cursor)).outcome).toBe('replay');
    let prev = cursor;
    for (let n = 0; n < 5; n += 1) {
      const event = await again.event('project.updated');
      expect(event.prev).toBe(prev);
      prev = event.seq;
    }
    expect((await again.subscribe(`project:${id}`, prev)).outcome).toBe('current');
    again.close();
  });

  it('[TT1] a cursor the topic never gave is answered with resync', async () => {
    const id = await shared();
    const line = await open(bob);
    for (const cursor of ['0000000000000001', '9999999999999999', 'nonsense'])
      expect((await line.subscribe(`project:${id}`, cursor)).outcome).toBe('resync');
    line.close();
  });

  it('[TT4] claiming and releasing are events of the project and change no version', async () => {
    const id = await shared();
    const line = await open(bob);
    await line.subscribe(`project:${id}`);
    const grant = await ada.client.claimed(id);
    expect((await line.event('project.claimed')).data).toMatchObject({
      userId: ada.userId,
      version: 2,
      fencingToken: grant.fencingToken,
      holder: { displayName: 'Ada' },
    });
    await ada.client.release(id, grant.claimToken);
    expect((await line.event('project.released')).data).toMatchObject({ fencingToken: grant.fencingToken });
    expect((await ada.client.ask(`projects/${id}`)).headers.get('etag')).toBe('"2"');
    line.close();
  });

  it('[TT5] topics of others are refused; a removed member hears nothing more', async () => {
    const id = await shared();
    const line = await open(bob);
    const { id: private_ } = await ada.client.project();
    expect(await line.ask({ t: 'subscribe', topics: [`project:${private_}`] })).toMatchObject({
      t: 'error',
      problem: { code: 'NOT_FOUND' },
    });
    expect(await line.ask({ t: 'subscribe', topics: [`user:${ada.userId}`] })).toMatchObject({
      t: 'error',
      problem: { code: 'FORBIDDEN' },
    });
    await line.subscribe(`project:${id}`);
    await ada.client.ask(`projects/${id}/collaborators/${bob.userId}`, { method: 'DELETE' });
    expect(await line.next('unsubscribed')).toMatchObject({ topic: `project:${id}`, reason: 'forbidden' });
    line.close();
  });

  it('[TT5] a deleted project says so and ends the subscription', async () => {
    const id = await shared();
    const line = await open(bob);
    await line.subscribe(`project:${id}`);
    await ada.client.ask(`projects/${id}`, { method: 'DELETE', headers: { 'if-match': '*' } });
    await line.event('project.deleted');
    expect(await line.next('unsubscribed')).toMatchObject({ reason: 'deleted' });
    line.close();
  });
});

describe('attached claims', () => {
  const state = async (id: string) => good(await ada.client.ask<{ state: string }>(`projects/${id}/lease`)).state;

  it('[AT3] a claim lives with its connection, is away when it goes, and back with the same fence', async () => {
    const id = await shared();
    const first = await open(bob);
    const { result: grant } = (await first.ask({ t: 'claim', projectId: id, instanceId: 'tab' })) as {
      result?: { claimToken: string; fencingToken: string };
    };
    expect(await state(id)).toBe('held');
    first.socket.terminate();
    await eventually(() => state(id)).toBe('away');
    const second = await open(bob);
    const back = await second.ask({ t: 'attach', claimToken: grant?.claimToken, instanceId: 'tab' });
    expect(back).toMatchObject({ t: 'ok', result: { fencingToken: grant?.fencingToken } });
    expect(await state(id)).toBe('held');
    expect(await second.ask({ t: 'release', claimToken: grant?.claimToken })).toMatchObject({
      result: { outcome: 'released' },
    });
    expect(await state(id)).toBe('free');
    second.close();
  });

  it('[AT1] the same instance coming again closes its older connection with 4409, and keeps the claim', async () => {
    const id = await shared();
    const older = await open(bob);
    const { result } = (await older.ask({ t: 'claim', projectId: id, instanceId: 'tab' })) as {
      result?: { claimToken: string };
    };
    const newer = await open(bob);
    expect((await newer.ask({ t: 'attach', claimToken: result?.claimToken, instanceId: 'tab' })).t).toBe('ok');
    expect(await older.closed).toBe(4409);
    expect(await state(id)).toBe('held');
    newer.close();
  });

  it('[AT1] another instance cannot attach while the first is connected', async () => {
    const id = await shared();
    const line = await open(bob);
    const { result } = (await line.ask({ t: 'claim', projectId: id, instanceId: 'tab' })) as {
      result?: { claimToken: string };
    };
    const copy = await open(bob);
    expect(await copy.ask({ t: 'attach', claimToken: result?.claimToken, instanceId: 'copy' })).toMatchObject({
      t: 'error',
      problem: { code: 'CLAIM_ATTACHED' },
    });
    expect(await copy.ask({ t: 'attach', claimToken: 'nonsense', instanceId: 'copy' })).toMatchObject({
      t: 'error',
      problem: { code: 'NOT_FOUND' },
    });
    for (const one of [line, copy]) one.close();
  });

  it('[AT4] an attached claim is renewed by the node, however it was claimed', async () => {
    const id = await shared();
    const line = await open(bob);
    const claimed = (await line.ask({ t: 'claim', projectId: id, instanceId: 'a', ttlMs: 1_000 })) as {
      result?: ClaimToken;
    };
    const lease = async () =>
      good(await ada.client.ask<{ expiresAt: string; holder: { userId: string } }>(`projects/${id}/lease`));
    await eventually(
      async () => Date.parse((await lease()).expiresAt) - Date.parse(claimed.result?.expiresAt ?? ''),
    ).toBeGreaterThan(1_500);

    const { id: other } = await ada.client.project();
    const line2 = await open(ada);
    const grant = await ada.client.claimed(other, { ttlMs: 1_000 });
    expect((await line2.ask({ t: 'attach', claimToken: grant.claimToken, instanceId: 'default' })).t).toBe('ok');
    await eventually(
      async () =>
        Date.parse(good(await ada.client.ask<{ expiresAt: string }>(`projects/${other}/lease`)).expiresAt) -
        Date.parse(grant.expiresAt),
    ).toBeGreaterThan(1_500);
    for (const one of [line, line2]) one.close();
  });

  it('[AT4] a claim that was renewed past its first term by request can still be attached', async () => {
    const { id } = await ada.client.project();
    const grant = await ada.client.claimed(id, { ttlMs: 1_000 });
    const renewed = good(
      await ada.client.post<ClaimToken>(`projects/${id}/renew`, { claimToken: grant.claimToken, ttlMs: 60_000 }),
    );
    await eventually(
      async () => good(await ada.client.ask<{ remainingMs: number }>(`projects/${id}/lease`)).remainingMs,
    ).toBeLessThan(58_800);
    const line = await open(ada);
    const attached = await line.ask({ t: 'attach', claimToken: grant.claimToken, instanceId: 'default' });
    expect(attached).toMatchObject({ t: 'ok', result: { fencingToken: renewed.fencingToken, ttlMs: 60_000 } });
    line.close();
  });

  it('[AT3] a claim that waited is given back when its connection is gone by then', async () => {
    const id = await shared();
    const held = await ada.client.claimed(id);
    const line = await open(bob);
    line.send({ t: 'claim', projectId: id, waitMs: 10_000 });
    const queue = async () => good(await ada.client.ask<{ queue: number }>(`projects/${id}/lease`)).queue;
    await eventually(queue).toBe(1);
    line.socket.terminate();
    await eventually(queue).toBe(0);
    await ada.client.release(id, held.claimToken);
    expect(await state(id)).toBe('free');
  });
});
