// Against a real HTTP server that answers what each test wants.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { problemOf } from '@devmentor/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock, systemEntropy } from '../src/client.ts';
import { type BearerSource, Http } from '../src/http.ts';

interface Seen {
  readonly method: string;
  readonly key: string | undefined;
  readonly bearer: string | undefined;
}

type Answer = (request: IncomingMessage, response: ServerResponse, nth: number) => void;

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function serve(answer: Answer): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const key = request.headers['idempotency-key'];
    seen.push({ method: request.method ?? '', key: String(key), bearer: request.headers.authorization });
    request.resume().on('end', () => answer(request, response, seen.length));
  });
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const nobody: BearerSource = { accessToken: async () => undefined, renew: async () => undefined };

/** Real time, in which the rests between attempts are short; the deadlines of requests are not. */
const hasty: Clock = {
  ...systemClock,
  after: (delayMs, wake) => systemClock.after(delayMs < 10_000 ? delayMs / 100 : delayMs, wake),
};

function httpTo(url: string, bearer = nobody, clock = hasty): Http {
  return new Http({ baseURL: url, fetch, clock, entropy: systemEntropy, bearer });
}

function ok(response: ServerResponse): void {
  response.setHeader('Content-Type', 'application/json').end('{"good":true}');
}

function refuse(
  response: ServerResponse,
  code: Parameters<typeof problemOf>[0],
  headers: Record<string, string> = {},
): void {
  const problem = problemOf(code, { detail: 'said the test', instance: '' });
  response
    .writeHead(problem.status, { 'Content-Type': 'application/problem+json', ...headers })
    .end(JSON.stringify(problem));
}

describe('Http', () => {
  it('[H1] a keyed POST is repeated under the same key', async () => {
    const { url, seen } = await serve((_, response, nth) => (nth < 3 ? refuse(response, 'OVERLOADED') : ok(response)));
    const { data } = await httpTo(url).request('POST', '/', { body: {}, idempotencyKey: 'k1' });
    expect(data).toEqual({ good: true });
    expect(seen.map(({ key }) => key)).toEqual(['k1', 'k1', 'k1']);
  });

  it('[H1] a POST without a key is sent once, and its outcome is unknown', async () => {
    const { url, seen } = await serve((_, response) => response.destroy());
    const failure = await httpTo(url)
      .request('POST', '/', { body: {} })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'UNREACHABLE', applied: 'unknown' });
    expect(seen).toHaveLength(1);
  });

  it('[H1] a repetition waits as long as Retry-After says, and ends after three attempts', async () => {
    const { url, seen } = await serve((_, response) => refuse(response, 'OVERLOADED', { 'Retry-After': '2' }));
    const failure = await httpTo(url)
      .request('GET', '/')
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'OVERLOADED', applied: 'no', retryAfterMs: 2_000 });
    expect(seen).toHaveLength(3);
  });

  it('[H1] what the server refused for good is not repeated', async () => {
    const { url, seen } = await serve((_, response) => refuse(response, 'RESOURCE_LOCKED'));
    const failure = await httpTo(url)
      .request('POST', '/', { idempotencyKey: 'k' })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'RESOURCE_LOCKED', message: 'Resource is locked: said the test' });
    expect(seen).toHaveLength(1);
  });

  it('[H2] an expired token is renewed once and the request goes on', async () => {
    const { url, seen } = await serve(({ headers }, response) =>
      headers.authorization === 'Bearer old' ? refuse(response, 'TOKEN_EXPIRED') : ok(response),
    );
    const refused: string[] = [];
    const bearer = {
      accessToken: async () => 'old',
      renew: async (token: string) => {
        refused.push(token);
        return 'new';
      },
    };
    const { data } = await httpTo(url, bearer).request('POST', '/', { body: {} });
    expect(data).toEqual({ good: true });
    expect(refused).toEqual(['old']);
    expect(seen.map((request) => request.bearer)).toEqual(['Bearer old', 'Bearer new']);
  });

  it('[H3] an abort ends the request with its own reason', async () => {
    const { url } = await serve(() => undefined);
    const reason = new Error('the caller left');
    const stop = new AbortController();
    const request = httpTo(url, nobody, systemClock).request('GET', '/', { signal: stop.signal });
    stop.abort(reason);
    await expect(request).rejects.toBe(reason);
  });

  it('[H4] a server that does not answer is a TIMEOUT', async () => {
    const { url } = await serve(() => undefined);
    const failure = await httpTo(url)
      .request('POST', '/', { timeoutMs: 5_000 })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'TIMEOUT', applied: 'unknown' });
  });

  it('[H4] an answer that is no JSON of ours is MALFORMED_ANSWER, a proxy that is down UNREACHABLE', async () => {
    const { url } = await serve((request, response) => {
      response.writeHead(request.url === '/a' ? 200 : 502).end('<html>');
    });
    const malformed = await httpTo(url)
      .request('POST', '/a')
      .catch((error: unknown) => error);
    expect(malformed).toMatchObject({ code: 'MALFORMED_ANSWER' });
    const down = await httpTo(url)
      .request('POST', '/b')
      .catch((error: unknown) => error);
    expect(down).toMatchObject({ code: 'UNREACHABLE' });
  });
});
