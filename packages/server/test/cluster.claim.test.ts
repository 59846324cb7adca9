import type { ClaimToken } from '@devmentor/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startNats, startRedis } from '../../../test/backends.ts';
import { good, guest, Line, problem } from './client.ts';
import { ServerProcess } from './process.ts';

let redis: Backend;
let nats: Backend;
const running: ServerProcess[] = [];

beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis(), startNats()]);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});
afterAll(async () => {
  await Promise.all([redis.stop(), nats.stop()]);
});

let namespaces = 0;

/** Two servers of a namespace of their own. */
async function pair(): Promise<[ServerProcess, ServerProcess]> {
  namespaces += 1;
  const namespace = `test-${namespaces}`;
  const start = async (): Promise<ServerProcess> => {
    const server = await ServerProcess.listening([
      '--demo',
      '--redis',
      redis.url,
      '--nats',
      nats.url,
      '--namespace',
      namespace,
    ]);
    running.push(server);
    return server;
  };
  return Promise.all([start(), start()]);
}

describe('two servers on one Redis and NATS', () => {
  it('[C4] twenty users over both claim at the same instant, a hundred times: one grant each, rising fences', async () => {
    const servers = await pair();
    const users = await Promise.all(Array.from({ length: 20 }, (_, n) => guest((servers[n % 2] as ServerProcess).url)));
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
        expect(problem(reply)).toMatchObject({ code: 'RESOURCE_LOCKED', holder: { userId: users[at]?.userId } });
      }
      expect((await users[at]?.client.release('123', grant.claimToken))?.body).toEqual({ outcome: 'released' });
    }
  }, 120_000);

  it('[TT1] what one server commits, a browser on the other sees', async () => {
    const [one, two] = await pair();
    const ada = await guest(one.url, 'Ada');
    const bob = await guest(two.url, 'Bob');
    const line = await Line.open(two.url, bob.client.token);
    await line.subscribe('project:123');
    const grant = await ada.client.claimed('123');
    expect((await line.event('project.claimed')).data).toMatchObject({
      fencingToken: grant.fencingToken,
      holder: { displayName: 'Ada' },
    });
    await ada.client.patch(
      '123',
      { data: { notes: 'hello' } },
      { 'if-match': '"1"', 'x-claim-token': grant.claimToken },
    );
    expect((await line.event('project.updated')).data).toMatchObject({
      version: 2,
      project: { data: { notes: 'hello' } },
    });
    line.close();
  }, 60_000);

  it('[K1] kill -9 of the process that granted: refused while the lease lives, granted after it with a greater fence; every acknowledged write is there', async () => {
    const [one, two] = await pair();
    const ada = await guest(one.url, 'Ada');
    const bob = await guest(two.url, 'Bob');
    const grant = await ada.client.claimed('123', { ttlMs: 5_000 });
    let version = 1;
    for (let n = 0; n < 10; n += 1) {
      const written = await ada.client.patch(
        '123',
        { data: { n } },
        { 'if-match': `"${version}"`, 'x-claim-token': grant.claimToken },
      );
      version = good(written).version;
    }
    one.kill('SIGKILL');
    await one.ended;
    const refused = problem(await bob.client.claim('123'));
    expect(refused).toMatchObject({ code: 'RESOURCE_LOCKED', holder: { displayName: 'Ada' } });
    const next = await bob.client.claimed('123', { waitMs: 15_000 });
    expect(next.fencingToken > grant.fencingToken).toBe(true);
    expect(good(await bob.client.ask('projects/123'))).toMatchObject({ version, data: { n: 9 } });
    const stale = await ada.client
      .at(two.url)
      .patch('123', { name: 'late' }, { 'if-match': '*', 'x-claim-token': grant.claimToken });
    expect(problem(stale).code).toBe('STALE_CLAIM');
  }, 60_000);

  it('[K2] SIGTERM: the claim lives on, its tab comes back through the other server and holds it, same fence', async () => {
    const [one, two] = await pair();
    const ada = await guest(one.url, 'Ada');
    const bob = await guest(two.url, 'Bob');
    const first = await Line.open(one.url, ada.client.token);
    await first.next('welcome');
    const { result } = (await first.ask({ t: 'claim', projectId: '123', instanceId: 'tab' })) as {
      result?: ClaimToken;
    };
    one.kill('SIGTERM');
    expect(await first.next('going-away')).toMatchObject({ reconnectAfterMs: expect.any(Number) });
    expect(await first.closed).toBe(1012);
    expect(await one.ended).toMatchObject({ code: 0 });

    expect(problem(await bob.client.claim('123')).code).toBe('RESOURCE_LOCKED');
    const second = await Line.open(two.url, ada.client.token);
    await second.next('welcome');
    const back = await second.ask({ t: 'attach', claimToken: result?.claimToken, instanceId: 'tab' });
    expect(back).toMatchObject({ t: 'ok', result: { fencingToken: result?.fencingToken } });
    expect(good(await ada.client.at(two.url).ask('projects/123/lease'))).toMatchObject({
      state: 'held',
      lockedByMe: true,
    });
    const write = await ada.client
      .at(two.url)
      .patch('123', { name: 'still mine' }, { 'if-match': '*', 'x-claim-token': result?.claimToken ?? '' });
    expect(write.status).toBe(200);
    second.close();
  }, 60_000);

  it('[AT1] the same instance attaching through the other server closes the older connection with 4409', async () => {
    const [one, two] = await pair();
    const ada = await guest(one.url, 'Ada');
    const older = await Line.open(one.url, ada.client.token);
    await older.next('welcome');
    const { result } = (await older.ask({ t: 'claim', projectId: '123', instanceId: 'tab' })) as {
      result?: ClaimToken;
    };
    const newer = await Line.open(two.url, ada.client.token);
    await newer.next('welcome');
    expect((await newer.ask({ t: 'attach', claimToken: result?.claimToken, instanceId: 'tab' })).t).toBe('ok');
    expect(await older.closed).toBe(4409);
    expect(good(await ada.client.ask('projects/123/lease'))).toMatchObject({ state: 'held' });
    newer.close();
  }, 60_000);

  it('[K3] an owner that was stopped past its term, and resumed, neither writes nor answers from before', async () => {
    const [one, two] = await pair();
    const bob = await guest(two.url, 'Bob');
    const ada = await guest(one.url, 'Ada');
    const created = await ada.client.project({ name: 'before' });
    for (const stalled of [one, two]) {
      const other = stalled === one ? two : one;
      const here = ada.client.at(other.url);
      stalled.kill('SIGSTOP');
      const write = async () => here.patch(created.id, { name: `by ${other.url}` }, { 'if-match': '*' });
      // Its shards are taken over when its node lease has lapsed.
      await expect.poll(async () => (await write()).status, { timeout: 15_000, interval: 200 }).toBe(200);
      stalled.kill('SIGCONT');
      const read = await ada.client.at(stalled.url).ask<{ name: string }>(`projects/${created.id}`);
      if (read.status === 200) expect(read.body.name).toBe(`by ${other.url}`);
      else expect(read.status).toBe(503);
      // The other has to be there for the next turn.
      await expect
        .poll(async () => (await bob.client.at(stalled.url).ask('projects/123')).status, {
          timeout: 15_000,
          interval: 200,
        })
        .toBe(200);
    }
  }, 90_000);
});
