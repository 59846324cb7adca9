import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startNats, startRedis } from '../../../test/backends.ts';
import { eventually, good, guest, problem, type Reply, type SignedIn } from './client.ts';
import { ServerProcess } from './process.ts';

let redis: Backend;
let nats: Backend;
let server: ServerProcess;
let ada: SignedIn;

beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis(), startNats()]);
  server = await ServerProcess.listening(['--demo', '--redis', redis.url, '--nats', nats.url]);
  ada = await guest(server.url, 'Ada');
});
afterAll(async () => {
  await server.stop();
  await Promise.all([redis.stop(), nats.stop()]);
});

/** Answered as ever, or with a 503 or 504 that says what is away. */
function isHonest(reply: Reply): boolean {
  if (reply.status < 500) return true;
  return ['BACKEND_UNAVAILABLE', 'UPSTREAM_TIMEOUT', 'OVERLOADED'].includes(problem(reply).code);
}

async function works(): Promise<number> {
  const claim = await ada.client.claim('123');
  if (claim.status >= 300) return claim.status;
  const write = await ada.client.patch(
    '123',
    { data: { at: claim.body.fencingToken } },
    { 'if-match': '*', 'x-claim-token': claim.body.claimToken },
  );
  await ada.client.release('123', claim.body.claimToken);
  return write.status;
}

describe('while a backend is away', () => {
  it.each([
    ['Redis', () => redis],
    ['NATS', () => nats],
  ] as const)(
    '[K4] without %s every request is answered honestly, and all is well when it is back',
    async (_, backend) => {
      await eventually(works).toBe(200);
      const { version } = good(await ada.client.ask<{ version: number }>('projects/123'));
      backend().pause();
      const asked = await Promise.all([
        ada.client.ask('projects/123'),
        ada.client.claim('123'),
        ada.client.post('projects', { name: 'x' }),
        ada.client.patch('123', { name: 'while away' }, { 'if-match': `"${version}"` }),
      ]);
      for (const reply of asked) expect(isHonest(reply)).toBe(true);
      expect((await ada.client.ask('/health/live')).status).toBe(200);
      await eventually(async () => (await ada.client.ask('/health/ready')).status).toBe(503);
      backend().resume();
      await eventually(async () => (await ada.client.ask('/health/ready')).status).toBe(200);
      // A claim that nobody was told of runs out by itself.
      await expect.poll(works, { timeout: 40_000, interval: 250 }).toBe(200);
      expect(good(await ada.client.ask<{ version: number }>('projects/123')).version).toBeGreaterThan(version);
    },
    90_000,
  );
});
