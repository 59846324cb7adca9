import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { authTokenSchema, projectPageSchema, projectSchema } from '@devmentor/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { Client, good, guest, problem, type SignedIn } from './client.ts';

let server: Server;
let anybody: Client;
let ada: SignedIn;
let bob: SignedIn;

beforeAll(async () => {
  server = await createServer({ demo: true });
  anybody = new Client(server.url);
  [ada, bob] = [await guest(server.url, 'Ada'), await guest(server.url, 'Bob')];
});
afterAll(() => server.close());

describe('authentication', () => {
  it('[A1] who registered can log in, by the name in any case', async () => {
    const credentials = { username: 'Grace', password: 'correct horse' };
    expect((await anybody.post('auth/register', credentials)).status).toBe(201);
    const login = authTokenSchema.parse(good(await anybody.post('auth/login', { ...credentials, username: 'grace' })));
    expect(login.user).toMatchObject({ username: 'Grace', guest: false });
    const me = new Client(server.url, login.accessToken);
    expect(good(await me.post('auth/validate', { token: login.accessToken }))).toMatchObject({
      valid: true,
      claims: { sub: login.user.id },
    });
  });

  it('[A1] of those who register one name at once, one gets it', async () => {
    const tries = await Promise.all(
      Array.from({ length: 5 }, () => anybody.post('auth/register', { username: 'linus', password: 'password' })),
    );
    expect(tries.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
  });

  it('[A1] a password fits however its characters were composed, and to its last byte', async () => {
    const long = 'x'.repeat(255);
    await anybody.post('auth/register', { username: 'zoe', password: 'Zo\u00eb\u0301 and a dog' });
    await anybody.post('auth/register', { username: 'long', password: `${long}a` });
    const login = async (username: string, password: string): Promise<number> =>
      (await anybody.post('auth/login', { username, password })).status;
    expect(await login('zoe', 'Zoe\u0308\u0301 and a dog')).toBe(200);
    expect([await login('long', `${long}a`), await login('long', `${long}b`)]).toEqual([200, 401]);
    expect(await login('long', `${long}ab`)).toBe(400);
  });

  it('[A2] a wrong password and an unknown user are answered alike', async () => {
    await anybody.post('auth/register', { username: 'alan', password: 'password' });
    const wrong = problem(await anybody.post('auth/login', { username: 'alan', password: 'Password' }));
    const unknown = problem(await anybody.post('auth/login', { username: 'nobody', password: 'Password' }));
    expect({ ...unknown, instance: '' }).toEqual({ ...wrong, instance: '' });
    expect(wrong.code).toBe('INVALID_CREDENTIALS');
  });

  it('[A3] a token that is missing, damaged or of another key is refused by name', async () => {
    expect(problem(await anybody.ask('projects')).code).toBe('UNAUTHENTICATED');
    expect(problem(await new Client(server.url, 'x.y.z').ask('projects')).code).toBe('UNAUTHENTICATED');
    const { token = '' } = ada.client;
    const reasons = await Promise.all(
      ['nonsense', `${token.slice(0, -4)}AAAA`].map((bad) => ada.client.post('auth/validate', { token: bad })),
    );
    expect(reasons.map(({ body }) => body)).toEqual([
      { valid: false, reason: 'malformed' },
      { valid: false, reason: 'signature' },
    ]);
  });

  it('[A4] guests without a name are numbered in order of arrival', async () => {
    const first = await guest(server.url);
    const second = await guest(server.url);
    const [, n] = first.displayName.split(' ');
    expect(second.displayName).toBe(`User ${Number(n) + 1}`);
  });
});

describe('projects', () => {
  it('[H1] a project is created with its tag, and found in the list at once', async () => {
    const reply = await ada.client.post('projects', { name: 'Press', data: { a: 1 } });
    const project = projectSchema.parse(reply.body);
    expect([reply.status, reply.headers.get('etag')]).toEqual([201, '"1"']);
    const page = projectPageSchema.parse(good(await ada.client.ask('projects?limit=100')));
    expect(page.items.map(({ id }) => id)).toContain(project.id);
  });

  it('[H1] a list is paged to its end without doubles', async () => {
    const { client } = await guest(server.url);
    for (let n = 0; n < 5; n += 1) await client.project({ name: `P${n}` });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = projectPageSchema.parse(
        good(await client.ask(`projects?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`)),
      );
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect([seen.length, new Set(seen).size]).toEqual([6, 6]);
  });

  it('[H2] a project exists for its members only', async () => {
    const { id } = await ada.client.project();
    expect(problem(await bob.client.ask(`projects/${id}`)).code).toBe('NOT_FOUND');
    expect(problem(await bob.client.claim(id)).code).toBe('NOT_FOUND');
    await ada.client.ask(`projects/${id}/collaborators/${bob.userId}`, { method: 'PUT' });
    expect((await bob.client.ask(`projects/${id}`)).status).toBe(200);
    expect(
      problem(await bob.client.ask(`projects/${id}`, { method: 'DELETE', headers: { 'if-match': '*' } })).code,
    ).toBe('FORBIDDEN');
    expect(problem(await ada.client.ask(`projects/${id}/collaborators/nobody`, { method: 'PUT' })).code).toBe(
      'NOT_FOUND',
    );
  });

  it('[H3] a copy that is still good is not sent again', async () => {
    const { id } = await ada.client.project();
    const unchanged = await ada.client.ask(`projects/${id}`, { headers: { 'if-none-match': 'W/"1"' } });
    expect([unchanged.status, unchanged.text, unchanged.headers.get('cache-control')]).toEqual([
      304,
      '',
      'private, no-cache',
    ]);
  });

  it('[H4] a write says what it saw: without is 428, another version 412 with the present one', async () => {
    const { id } = await ada.client.project();
    expect(problem(await ada.client.patch(id, { name: 'x' })).code).toBe('IF_MATCH_REQUIRED');
    expect(problem(await ada.client.patch(id, { name: 'x' }, { 'if-match': '"01"' })).code).toBe('VERSION_MISMATCH');
    const mismatch = await ada.client.patch(id, { name: 'x' }, { 'if-match': '"9", W/"1"' });
    expect(problem(mismatch)).toMatchObject({ code: 'VERSION_MISMATCH', current: { id, version: 1, name: 'Press' } });
    expect(mismatch.headers.get('etag')).toBe('"1"');
    expect((await ada.client.patch(id, { name: 'x' }, { 'if-match': '"9", "1"' })).headers.get('etag')).toBe('"2"');
    expect((await ada.client.patch(id, { name: 'y' }, { 'if-match': '*' })).body).toMatchObject({
      name: 'y',
      version: 3,
    });
  });

  it('[H4] of writers who saw the same version one wins', async () => {
    const { id } = await ada.client.project();
    const writes = await Promise.all(
      Array.from({ length: 10 }, (_, n) => ada.client.patch(id, { name: `n${n}` }, { 'if-match': '"1"' })),
    );
    expect(writes.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(412)]);
  });

  it('[H5] a patch merges: null clears, what is not named stays', async () => {
    const { id } = await ada.client.project({ name: 'Press', description: 'old', data: { a: { b: 1, c: 2 } } });
    const patched = good(
      await ada.client.patch(
        id,
        { description: null, data: { a: { b: null } } },
        { 'if-match': '*', 'content-type': 'application/merge-patch+json' },
      ),
    );
    expect(patched).toMatchObject({ name: 'Press', description: '', data: { a: { c: 2 } } });
  });

  it('[ID1] the same key and body again is the stored answer, and there is one project', async () => {
    const { client } = await guest(server.url);
    const key = { 'idempotency-key': 'once' };
    const first = await client.post<{ id: string }>('projects', { name: 'Once' }, key);
    const again = await client.post<{ id: string }>('projects', { name: 'Once' }, key);
    expect([again.status, again.headers.get('idempotency-replayed'), again.body.id]).toEqual([
      201,
      'true',
      first.body.id,
    ]);
    expect(good(await client.ask<{ items: unknown[] }>('projects')).items).toHaveLength(2);
  });

  it('[H5] a big project is kept, answered and replayed like any other, until it is too big', async () => {
    const part = 'x'.repeat(200_000);
    const key = { 'idempotency-key': 'big' };
    const ask = { name: 'Big', data: { a: part } };
    const created = await ada.client.post<{ id: string }>('projects', ask, key);
    const { id } = created.body;
    const again = await ada.client.post<{ id: string }>('projects', ask, key);
    expect([created.status, again.status, again.body.id]).toEqual([201, 201, id]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');

    for (const member of ['b', 'c', 'd']) {
      const patched = await ada.client.patch(id, { data: { [member]: part } }, { 'if-match': '*' });
      expect(Object.keys(good(patched).data)).toContain(member);
    }
    for (const data of [{ e: part, f: 'y'.repeat(70_000) }, { e: part }, { f: part }]) {
      const refused = await ada.client.patch(id, { data }, { 'if-match': '*' });
      if (refused.status !== 200) expect(problem(refused).code).toBe('PAYLOAD_TOO_LARGE');
    }
    const kept = good(await ada.client.ask<{ data: object }>(`projects/${id}`));
    expect(Object.keys(kept.data)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('[ID4] a request that was too big leaves its key free', async () => {
    const key = { 'idempotency-key': 'too-big' };
    const data = { text: 'x'.repeat(600_000) };
    for (let n = 0; n < 2; n += 1) {
      expect(problem(await ada.client.post('projects', { name: 'Big', data }, key)).code).toBe('PAYLOAD_TOO_LARGE');
    }
  });

  it('[ID2] the same key with another body is refused', async () => {
    const key = { 'idempotency-key': 'twice' };
    await ada.client.post('projects', { name: 'One' }, key);
    expect(problem(await ada.client.post('projects', { name: 'Two' }, key)).code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('[ID3] of requests with one key at once, one creates and none creates another', async () => {
    const { client } = await guest(server.url);
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => client.post('projects', { name: 'Same' }, { 'idempotency-key': 'k' })),
    );
    for (const { status } of replies) expect([201, 409]).toContain(status);
    expect(good(await client.ask<{ items: unknown[] }>('projects')).items).toHaveLength(2);
  });
});

describe('every answer', () => {
  it('[H6] what is not there is 404, a wrong method 405 with the right ones', async () => {
    expect(problem(await anybody.ask('/nowhere')).code).toBe('NOT_FOUND');
    const wrong = await ada.client.ask('projects/123', { method: 'PUT', body: {} });
    expect(problem(wrong).code).toBe('METHOD_NOT_ALLOWED');
    expect(wrong.headers.get('allow')).toContain('PATCH');
  });

  it.each([
    ['not JSON', { raw: '{' }, 'VALIDATION_FAILED'],
    ['no body where one is needed', {}, 'VALIDATION_FAILED'],
    ['an unknown member', { body: { name: 'x', colour: 'red' } }, 'VALIDATION_FAILED'],
    ['another media type', { raw: '<a/>', headers: { 'content-type': 'application/xml' } }, 'UNSUPPORTED_MEDIA_TYPE'],
    [
      'plain text where JSON is needed',
      { raw: '{}', headers: { 'content-type': 'text/plain' } },
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['a body that is too large', { body: { name: 'x', description: 'y'.repeat(1_100_000) } }, 'PAYLOAD_TOO_LARGE'],
    ['a prototype in the data', { raw: '{"name":"x","data":{"__proto__":{"a":1}}}' }, 'VALIDATION_FAILED'],
  ])('[H7] %s is refused by name', async (_, ask, code) => {
    expect(problem(await ada.client.ask('projects', { method: 'POST', ...ask })).code).toBe(code);
  });

  it('[H7] a refusal of validation points at the places', async () => {
    const { errors } = problem(await ada.client.post('projects', { name: 7, data: [] }));
    expect(errors?.map(({ pointer }) => pointer)).toEqual(['/name', '/data']);
  });

  it('[H7] a bad address or id is the client’s mistake', async () => {
    expect(problem(await ada.client.ask('projects/%ZZ')).code).toBe('VALIDATION_FAILED');
    expect(problem(await ada.client.ask(`projects/${'x'.repeat(200)}`)).code).toBe('VALIDATION_FAILED');
    expect(problem(await ada.client.ask('projects?limit=1000')).code).toBe('VALIDATION_FAILED');
    expect(problem(await ada.client.ask('projects?cursor=nonsense')).code).toBe('VALIDATION_FAILED');
  });

  it('[H8] a request keeps its id, and gets one where it brought none', async () => {
    expect(
      (await anybody.ask('/health/live', { headers: { 'x-request-id': 'mine-1' } })).headers.get('x-request-id'),
    ).toBe('mine-1');
    const refused = await anybody.ask('/nowhere');
    expect(problem(refused).instance).toBe(refused.headers.get('x-request-id'));
  });

  it('[H9] pages of this machine may read answers, others may not', async () => {
    const from = async (origin: string) =>
      (await anybody.ask('/health/live', { headers: { origin } })).headers.get('access-control-allow-origin');
    expect(await Promise.all(['http://localhost:5173', 'http://127.0.0.1:1', 'http://[::1]:80'].map(from))).toEqual([
      'http://localhost:5173',
      'http://127.0.0.1:1',
      'http://[::1]:80',
    ]);
    expect(await from('https://evil.example')).toBeNull();
    const preflight = await anybody.ask('projects/1', {
      method: 'OPTIONS',
      headers: { origin: 'http://localhost:1', 'access-control-request-method': 'PATCH' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
      204,
      expect.stringContaining('PATCH'),
    ]);
  });

  it.each([
    ['is not HTTP', 'nonsense', 'the request is not HTTP'],
    ['has headers without end', `GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`, 'the headers are too long'],
  ])('[H10] what %s is told so', async (_, request, detail) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write(`${request}\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toContain('400 Bad Request');
    expect(text).toContain('application/problem+json');
    expect(text).toContain(detail);
  });

  it('[H7] a body that is not UTF-8, or comes encoded, is refused rather than stored as something else', async () => {
    const send = async (body: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
      const type = { 'content-type': 'application/json', authorization: `Bearer ${ada.client.token}` };
      const answer = await fetch(`${server.url}/api/v1/projects`, {
        method: 'POST',
        headers: { ...type, ...headers },
        body: new Uint8Array(body),
      });
      return ((await answer.json()) as { code: string }).code;
    };
    expect(await send(Buffer.from('{"name":"\xff"}', 'latin1'))).toBe('VALIDATION_FAILED');
    const encoded = gzipSync('{"name":"x"}');
    expect(await send(encoded, { 'content-encoding': 'gzip' })).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  it('[H11] a name to log in with that is no text is the client’s mistake', async () => {
    const login = { username: '\ud800', password: 'correct horse' };
    expect(problem(await anybody.post('auth/login', login)).code).toBe('VALIDATION_FAILED');
  });

  it('[H7] a refusal does not send back what was sent', async () => {
    const refusal = await ada.client.post('projects', { name: 'x', ['y'.repeat(500_000)]: 1 });
    expect(problem(refusal).code).toBe('VALIDATION_FAILED');
    expect(refusal.text.length).toBeLessThan(2_000);
  });
});
