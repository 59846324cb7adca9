import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkFence, FENCE_PROBLEMS, type FenceStore, fenceHeaders, MemoryGuard, refuseStale } from '../src/guards.ts';
import { fenceOf, type Lease, MemoryLockManager } from '../src/index.ts';

const doc = 'doc:1';
let locks: MemoryLockManager;
let guard: MemoryGuard;
let store: FenceStore;

beforeEach(() => {
  locks = new MemoryLockManager();
  guard = new MemoryGuard();
  store = {
    admit: (fence) => guard.admit(doc, fence),
    holder: () => locks.inspect(doc, { withLeaseId: true }),
  };
});
afterEach(() => locks.close());

const claim = (id: string): Promise<Lease> => locks.acquire(doc, { holder: { id }, ttlMs: 10_000 });

/** The lease of somebody who is gone, and the one that came after. */
async function twoLeases(): Promise<[Lease, Lease]> {
  const first = await claim('ada');
  await first.release();
  return [first, await claim('bob')];
}

describe('checkFence', () => {
  it('[GH1] without a token: 428 while nobody holds it, 423 and the holder while somebody does', async () => {
    expect(await checkFence({}, store)).toMatchObject({ status: 428, body: { code: 'FENCE_REQUIRED' } });
    const lease = await claim('ada');
    const refused = await checkFence({}, store);
    expect(refused).toMatchObject({
      status: 423,
      headers: { 'retry-after': '10', 'content-type': 'application/problem+json' },
      body: { status: 423, code: 'RESOURCE_LOCKED', holder: { id: 'ada' } },
    });
    expect(JSON.stringify(refused)).not.toContain(lease.leaseId);
  });

  it('[GH2] a token that is none, or sent twice: 400', async () => {
    const fence = fenceOf(1);
    for (const text of ['', '1', `${fence}0`, '1.79e+15', `${fence}, ${fence}`])
      expect(await checkFence({ 'fencing-token': text }, store)).toMatchObject({ status: 400 });
    expect(await checkFence({ 'fencing-token': [fence, fence] }, store)).toMatchObject({ status: 400 });
    expect(guard.seen(doc)).toBeUndefined();
  });

  it('[GH3] an older token: 412 from the next grant on, before the new holder has written', async () => {
    const [first, second] = await twoLeases();
    expect(await checkFence(asSent(first), store)).toMatchObject({
      status: 412,
      body: { code: 'STALE_FENCE', seen: second.fence, holder: { id: 'bob' } },
    });
    expect(await checkFence(asSent(second), store)).toEqual({ kind: 'admitted', fence: second.fence });
  });

  it('[GH3] an older token: 412 though the locks know nothing any more, once the newer has written', async () => {
    const [first, second] = await twoLeases();
    expect(await checkFence(asSent(second), store)).toMatchObject({ kind: 'admitted' });
    const alone: FenceStore = { ...store, holder: () => Promise.reject(new Error('down')) };
    expect(await checkFence(asSent(first), alone)).toMatchObject({ status: 412, body: { seen: second.fence } });
    expect(await checkFence(asSent(second), alone)).toMatchObject({ kind: 'admitted' });
  });

  it('[GH3] what the guard of the write itself refused is answered alike', () => {
    guard.admit(doc, fenceOf(2));
    const stale = guard.admit(doc, fenceOf(1));
    expect(stale.kind === 'stale' && refuseStale(stale)).toMatchObject({ status: 412, body: { seen: fenceOf(2) } });
  });

  it('[GH4] the id of another lease, or of one that ended: 409', async () => {
    const [first, second] = await twoLeases();
    const crossed = { ...asSent(second), 'lease-id': first.leaseId };
    expect(await checkFence(crossed, store)).toMatchObject({
      status: 409,
      body: { code: 'LEASE_MISMATCH', holder: { id: 'bob' } },
    });
    expect(await checkFence({ ...asSent(second), 'lease-id': second.leaseId }, store)).toMatchObject({
      kind: 'admitted',
    });
    await second.release();
    const ended = await checkFence({ ...asSent(second), 'lease-id': second.leaseId }, store);
    expect(ended).toMatchObject({ status: 409 });
    expect(JSON.stringify(ended)).not.toContain('holder"');
  });

  it('[GH5] [GH6] a guard that cannot answer: 503, and nothing is let through', async () => {
    const lease = await claim('ada');
    const down: FenceStore = { ...store, admit: () => Promise.reject(new Error('down')) };
    expect(await checkFence(asSent(lease), down)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  });

  it('reads a Headers as well', async () => {
    const lease = await claim('ada');
    expect(await checkFence(new Headers(fenceHeaders(lease)), store)).toEqual({ kind: 'admitted', fence: lease.fence });
    expect(await checkFence(new Headers(), store)).toMatchObject({ status: 423 });
  });

  it('every problem has a status of its own', () => {
    const statuses = Object.values(FENCE_PROBLEMS).map(({ status }) => status);
    expect(new Set(statuses).size).toBe(statuses.length);
  });
});

/** As Node hands it to a handler: names in lower case. */
function asSent(lease: Lease): Record<string, string> {
  return Object.fromEntries(Object.entries(fenceHeaders(lease)).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The same requests to any server: refused without a token, written under one, refused under an older. */
async function speaks(url: string): Promise<void> {
  const put = (headers: Record<string, string>, body: string): Promise<Response> =>
    fetch(url, { method: 'PUT', headers: { ...headers, 'content-type': 'text/plain' }, body });
  expect((await put({}, 'x')).status).toBe(428);
  const [first, second] = await twoLeases();
  const locked = await put({}, 'x');
  expect([locked.status, locked.headers.get('retry-after')]).toEqual([423, '10']);
  expect((await put(fenceHeaders(second), 'by bob')).status).toBe(204);
  const late = await put(fenceHeaders(first), 'by ada, too late');
  expect(late.status).toBe(412);
  expect(late.headers.get('content-type')).toContain('application/problem+json');
  expect(await late.json()).toMatchObject({ code: 'STALE_FENCE', seen: second.fence });
  expect(written).toBe('by bob');
}

let written: string | undefined;

describe('a service', () => {
  it('[GH1] [GH3] on node:http', async () => {
    const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const check = await checkFence(request.headers, store);
      if (check.kind === 'refused') {
        response.writeHead(check.status, check.headers).end(JSON.stringify(check.body));
        return;
      }
      written = body;
      response.writeHead(204).end();
    };
    const server = createServer((request, response) => void handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await speaks(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('[GH1] [GH3] on Fastify', async () => {
    const app = fastify();
    app.put<{ Body: string }>('/', async (request, reply) => {
      const check = await checkFence(request.headers, store);
      if (check.kind === 'refused') return reply.code(check.status).headers(check.headers).send(check.body);
      written = request.body;
      return reply.code(204).send();
    });
    await speaks(await app.listen({ port: 0, host: '127.0.0.1' }));
    await app.close();
  });
});
