import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { eventually, guest, Line, type SignedIn } from './client.ts';

let server: Server;
let ada: SignedIn;

beforeAll(async () => {
  server = await createServer({ demo: true });
  ada = await guest(server.url, 'Ada');
});
afterAll(() => server.close());

const WEBSOCKET = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];

/** What comes back, first of all, for a request that would rather speak another protocol. */
function ask(request: string, headers: readonly string[], body = ''): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  const lines = [`${request} HTTP/1.1`, 'Host: localhost', 'Connection: Upgrade', ...headers, '', body];
  socket.write(lines.join('\r\n'));
  return new Promise((resolve) => {
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
  });
}

describe('a request to speak another protocol', () => {
  it('[WS7] is not granted at any address but the one of the socket', async () => {
    expect(await ask('GET /health/live', WEBSOCKET)).toMatch(/^HTTP\/1.1 200 /);
    expect(await ask('GET /api/v1/projects', WEBSOCKET)).toMatch(/^HTTP\/1.1 401 /);
    expect(await ask('GET /ws', WEBSOCKET)).toMatch(/^HTTP\/1.1 101 /);
  });

  it('[H10] is left alone when nobody here speaks it: the request itself is answered', async () => {
    const h2c = ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
    expect(await ask('GET /health/live', h2c)).toMatch(/^HTTP\/1.1 200 /);
    const body = ['Content-Type: application/json', 'Content-Length: 2'];
    expect(await ask('POST /api/v1/auth/guest', [...h2c, ...body], '{}')).toMatch(/^HTTP\/1.1 201 /);
  });

  it.each(['null', 'http://evil.localhost.com', 'http://localhost.evil.com', 'http://127.0.0.1@evil.com', 'file://'])(
    '[WS7] is refused to a page of the origin %s',
    async (origin) => {
      await expect(Line.open(server.url, ada.client.token, { origin })).rejects.toThrow('refused 403');
    },
  );

  it('[WS8] whoever sends far more than a frame may hold still reads why he was closed', async () => {
    const line = await Line.open(server.url, ada.client.token);
    line.send('x'.repeat(20_000_000));
    expect(await line.closed).toBe(1009);
    await eventually(() => server.openSockets).toBe(0);
  });
});
