// Bad input everywhere: any JSON at any route and in any frame is answered with a code of the
// contract, never with a 500 or silence, and nothing that was stored is lost by it.
import { codes, operations, problemSchema, serverFrameSchema } from '@devmentor/contracts';
import { type RouteName, routes } from '@devmentor/contracts/routes';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { type Frame, good, guest, Line, type SignedIn } from './client.ts';

/** What this server answers today; the rest of the table is 404 until it comes. */
const served = (Object.keys(routes) as RouteName[]).filter((name) =>
  /^(auth|projects\.(?!.*[tT]akeover)|ai\..*([bB]lackboard|[pP]roblem|ontribut|ynthesi|olution))/.test(name),
);

let server: Server;
let ada: SignedIn;
let kept: { id: string; name: string };
let claimToken: string;

beforeAll(async () => {
  server = await createServer({ demo: true });
  ada = await guest(server.url, 'Ada');
  kept = await ada.client.project({ name: 'Kept', data: { precious: true } });
  ({ claimToken } = await ada.client.claimed(kept.id, { ttlMs: 600_000, instanceId: 'kept' }));
});
afterAll(() => server.close());

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '..', '%00', '123', '-1', '1e99', 'x'.repeat(600), '__proto__', '"1"', '*'),
);
const members = fc.constantFrom(
  'name',
  'description',
  'data',
  'status',
  'username',
  'password',
  'displayName',
  'token',
  'claimToken',
  'ttlMs',
  'waitMs',
  'instanceId',
  'userId',
  'purpose',
  'projectId',
  'topics',
  'cursors',
  'requestId',
  'refreshToken',
  'problem',
  'problemId',
  'title',
  'files',
  'sources',
  'budget',
  'source',
  'knowledge',
  'level',
  'value',
  '__proto__',
);
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  text,
  fc.integer(),
  fc.constantFrom(null, true, -0, 1e308, 500, 30_001),
);
// A wait is not what is tested here, and would be waited for.
const body = fc.oneof(
  fc
    .dictionary(members, value, { maxKeys: 5 })
    .filter((fields) => !(typeof fields.waitMs === 'number' && fields.waitMs > 100)),
  value,
);
const headers = fc.record(
  {
    'if-match': fc.constantFrom('*', '"1"', '"', 'W/"1"', '1', 'x'),
    'x-claim-token': fc.constantFrom('x', 'a.b', 'a.b.c', ''),
    'idempotency-key': fc.constantFrom('k', 'k k', 'x'.repeat(300), ''),
    'content-type': fc.constantFrom('application/json', 'text/plain', 'application/json; charset=latin1', 'x'),
  },
  { requiredKeys: [] },
);

async function stillThere(): Promise<void> {
  expect(good(await ada.client.ask(`projects/${kept.id}`))).toMatchObject({
    name: 'Kept',
    data: { precious: true },
    version: 1,
  });
  expect(good(await ada.client.ask(`projects/${kept.id}/lease`))).toMatchObject({ isLocked: true, lockedByMe: true });
}

describe('bad input', () => {
  it.each(served)('[H11] %s answers anything with a code of the contract', async (name) => {
    const { method, path } = routes[name];
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          body.map((sent) => JSON.stringify(sent)),
          text,
        ),
        headers,
        fc.oneof(text, fc.constantFrom('123', 'nowhere')),
        text,
        async (raw, extra, id, userId) => {
          const target = path
            .replace(':id', encodeURIComponent(wellFormed(id)) || 'x')
            .replace(':userId', encodeURIComponent(wellFormed(userId)) || 'x');
          const reply = await ada.client.ask(target, { method, headers: extra, ...(method !== 'GET' && { raw }) });
          expect(reply.status).not.toBe(500);
          if (reply.status < 400) return;
          refusals += 1;
          const document = problemSchema.parse(reply.body);
          expect(codes[document.code].status).toBe(reply.status);
          expect(reply.status).toBeLessThan(500);
        },
      ),
      { numRuns: 60 },
    );
    // What takes neither a name nor a body has nothing to refuse.
    const isAsked = path.includes(':') || 'body' in operations[name];
    if (isAsked) expect(refusals).toBeGreaterThan(0);
    await stillThere();
  });

  it('[H11] events.stream answers any query and last id with a stream or a code of the contract', async () => {
    const names = fc.constantFrom('topics', 'cursor', 'ticket', 'x');
    const topics = fc.constantFrom(
      `project:${kept.id}`,
      'project:123',
      'user:x',
      'blackboard:x',
      'lock:a,b',
      'inspector',
    );
    const query = fc.dictionary(names, fc.oneof(text, topics), { maxKeys: 3 });
    let streams = 0;
    await fc.assert(
      fc.asyncProperty(query, fc.option(fc.base64String(), { nil: undefined }), async (fields, lastEventId) => {
        const stop = new AbortController();
        const params = new URLSearchParams(Object.entries(fields).map(([name, raw]) => [name, wellFormed(raw)]));
        const response = await fetch(`${server.url}/api/events?${params}`, {
          headers: {
            authorization: `Bearer ${ada.client.token}`,
            ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
          },
          signal: stop.signal,
        });
        if (response.status === 200) {
          streams += 1;
          const { value: first } = (await response.body?.getReader().read()) ?? {};
          expect(Buffer.from(first ?? []).toString()).toContain('event: welcome');
        } else {
          const document = problemSchema.parse(await response.json());
          expect(codes[document.code].status).toBe(response.status);
          expect(response.status).toBeLessThan(500);
        }
        stop.abort();
      }),
      { numRuns: 150 },
    );
    expect(streams).toBeGreaterThan(0);
    await stillThere();
  });

  it('[WS2] any frame is answered by its id, and the connection stays', async () => {
    const types = fc.constantFrom(
      'auth',
      'subscribe',
      'unsubscribe',
      'attach',
      'detach',
      'claim',
      'release',
      'presence',
      'ping',
      'dance',
      '',
    );
    const frame = fc
      .tuple(types, fc.dictionary(members, value, { maxKeys: 4 }))
      .map(([t, fields]) => ({ ...fields, waitMs: 0, t }));
    let line = await Line.open(server.url, ada.client.token);
    await line.next('welcome');
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(frame, async (asked) => {
        // Under the rate limit, which ends a connection by design.
        sent += 1;
        if (sent % 80 === 0) {
          line.close();
          line = await Line.open(server.url, ada.client.token);
          await line.next('welcome');
        }
        const answer: Frame = await line.ask(asked);
        const parsed = serverFrameSchema.safeParse(answer);
        expect(parsed.error).toBeUndefined();
        if (answer.t === 'error') expect(problemSchema.parse(answer.problem).status).toBeLessThan(500);
      }),
      { numRuns: 400 },
    );
    expect((await line.ask({ t: 'ping' })).t).toBe('pong');
    line.close();
    await stillThere();
  });

  it('[WS2] what is no frame ends the connection with 4400 and touches nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string().filter((raw) => !raw.includes('"t"')),
          fc.constantFrom('[]', '"t"', '{"t":{}}', '0'),
        ),
        async (raw) => {
          const line = await Line.open(server.url, ada.client.token);
          await line.next('welcome');
          line.send(raw);
          expect(await line.closed).toBe(4400);
        },
      ),
      { numRuns: 20 },
    );
    await stillThere();
  });

  it('[C3] the kept claim is still its holder’s to release', async () => {
    expect((await ada.client.release(kept.id, claimToken)).body).toEqual({ outcome: 'released' });
  });
});

/** Half a surrogate pair has no percent-encoding. */
function wellFormed(raw: string): string {
  const encodable = raw.toWellFormed();
  return encodable === '.' || encodable === '..' ? 'x' : encodable;
}
