import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { type FaultProxy, startFaultProxy } from '../src/testing.ts';

const impatient = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 300,
  retryStrategy: () => 10,
} satisfies RedisOptions;

/** Unlike `once`, this does not mind errors on the way. */
const ready = (client: Redis): Promise<void> =>
  new Promise((resolve) => {
    client.once('ready', () => resolve());
  });

describe('a proxy before Redis', () => {
  let redis: Backend;
  let proxy: FaultProxy;
  let direct: Redis;
  let client: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    direct = new Redis(redis.url);
  });
  beforeEach(async () => {
    await direct.flushall();
    proxy = await startFaultProxy({ to: redis.url });
    client = new Redis(proxy.url, impatient);
    client.on('error', () => undefined);
    await ready(client);
  });
  afterEach(async () => {
    client.disconnect();
    await proxy.close();
  });
  afterAll(async () => {
    direct.disconnect();
    await redis.stop();
  });

  it('[FP1] passes requests and replies of any size, and what is pushed', async () => {
    const large = 'x'.repeat(3_000_000);
    const listener = new Redis(proxy.url);
    const [, read] = await Promise.all([listener.set('large', large), listener.get('large'), listener.get('nothing')]);
    expect(read).toBe(large);
    const heard = once(listener, 'message');
    await listener.subscribe('news');
    await client.publish('news', 'hello');
    expect(await heard).toEqual(['news', 'hello']);
    await listener.unsubscribe('news');
    expect(await listener.ping()).toBe('PONG');
    listener.disconnect();
    expect(proxy.count('publish')).toBe(1);
    expect(proxy.count()).toBeGreaterThan(5);
  });

  it('[FP2] loses one reply of a request that was executed', async () => {
    const lost = proxy.next('incr', { kind: 'lose-reply' });
    await expect(client.incr('n')).rejects.toThrow();
    await lost.reached;
    expect(await direct.get('n')).toBe('1');
    await ready(client);
    expect(await client.incr('n')).toBe(2);
  });

  it('[FP2] loses one request, which is not executed', async () => {
    proxy.next('incr', { kind: 'lose-request' });
    await expect(client.incr('n')).rejects.toThrow();
    await ready(client);
    expect(await client.incr('n')).toBe(1);
  });

  it('[FP2] in silence, neither the reply nor the end of the connection is heard', async () => {
    const lost = proxy.next('incr', { kind: 'lose-reply', ending: 'silence' });
    await expect(client.incr('n')).rejects.toThrow('timed out');
    await lost.reached;
    expect(client.status).toBe('ready');
    await expect(client.incr('n')).rejects.toThrow('timed out');
    expect(await direct.get('n')).toBe('1');
  });

  it('[FP2] executes a request twice, and passes on the first answer', async () => {
    proxy.next('incr', { kind: 'duplicate' });
    expect(await Promise.all([client.incr('n'), client.get('n'), client.get('other')])).toEqual([1, '2', null]);
  });

  it('[FP2] answers in place of the server, in turn', async () => {
    proxy.next('incr', { kind: 'answer', reply: '-READONLY said the proxy' });
    const answers = await Promise.allSettled([client.set('a', 'b'), client.incr('n'), client.get('a')]);
    expect(answers).toMatchObject([
      { value: 'OK' },
      { reason: { message: 'READONLY said the proxy' } },
      { value: 'b' },
    ]);
    expect(await direct.get('n')).toBe(null);
  });

  it('[FP2] breaks a reply off in its middle', async () => {
    await direct.set('long', 'x'.repeat(100));
    proxy.next('get', { kind: 'cut-reply', afterBytes: 20 });
    await expect(client.get('long')).rejects.toThrow();
    await ready(client);
    expect(await client.get('long')).toHaveLength(100);
  });

  it('[FP2] meets the request that a question finds, and no other', async () => {
    proxy.next(({ command, text }) => command === 'set' && text.includes('fragile'), { kind: 'lose-request' });
    expect(await client.set('sturdy', '1')).toBe('OK');
    await expect(client.set('fragile', '1')).rejects.toThrow();
  });

  it('[FP3] holds a request back until it is let go, and what comes behind it too', async () => {
    const held = proxy.next('set', { kind: 'hold', what: 'request' });
    const asked = Promise.all([client.set('a', '1'), client.get('a')]);
    await held.reached;
    expect(await direct.get('a')).toBe(null);
    held.release();
    expect(await asked).toEqual(['OK', '1']);
  });

  it('[FP3] holds a reply back for a while', async () => {
    const held = proxy.next('set', { kind: 'hold', what: 'reply', forMs: 50 });
    const startMs = performance.now();
    const asked = client.set('a', '1');
    await held.reached;
    expect(await direct.get('a')).toBe('1');
    await asked;
    expect(performance.now() - startMs).toBeGreaterThan(48);
  });

  it('[FP3] a black hole delivers late what was sent into it', async () => {
    proxy.blackHole();
    await expect(client.incr('n')).rejects.toThrow('timed out');
    expect(await direct.get('n')).toBe(null);
    proxy.heal();
    expect(await client.incr('n')).toBe(2);
  });

  it('[FP3] a black hole of one direction lets the other through', async () => {
    proxy.blackHole({ direction: 'replies' });
    await expect(client.incr('n')).rejects.toThrow('timed out');
    expect(await direct.get('n')).toBe('1');
  });

  it('[FP3] delays and throttles', async () => {
    proxy.delay(20);
    let startMs = performance.now();
    await client.ping();
    expect(performance.now() - startMs).toBeGreaterThan(38);
    proxy.heal();
    proxy.throttle(50_000, { direction: 'requests' });
    startMs = performance.now();
    await client.set('large', 'x'.repeat(10_000));
    expect(performance.now() - startMs).toBeGreaterThan(150);
  });

  it.each([
    ['reset', () => proxy.reset()],
    ['cut', () => proxy.cut()],
    ['half-open', () => proxy.halfOpen('client')],
  ] as const)('[FP3] a connection that is %s is made again by whoever wants one', async (_how, fail) => {
    fail();
    await ready(client);
    expect(await client.ping()).toBe('PONG');
  });

  it('[FP3] nobody tells a client that the server’s half is gone', async () => {
    proxy.halfOpen('server');
    await expect(client.ping()).rejects.toThrow('timed out');
    expect(client.status).toBe('ready');
  });

  it('[FP3] refuses connections until it is healed', async () => {
    proxy.refuse();
    proxy.reset();
    await expect(client.ping()).rejects.toThrow();
    proxy.heal();
    await ready(client);
    expect(await client.ping()).toBe('PONG');
  });

  it('[FP4] leaves no connection behind', async () => {
    expect(proxy.connections).toBe(1);
    client.disconnect();
    await expect.poll(() => proxy.connections).toBe(0);
  });
});

describe('what a proxy leaves open', () => {
  const open = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

  async function connected(proxy: FaultProxy): Promise<Socket[]> {
    const sockets = Array.from({ length: 3 }, () => connect({ host: proxy.host, port: proxy.port }));
    for (const socket of sockets) socket.on('error', () => undefined);
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    return sockets;
  }

  it.each([
    ['are reset while they are being cut', ['cut', 'reset']],
    ['are cut while they are being reset', ['reset', 'cut']],
    ['are half open', ['halfOpen']],
    ['pass nothing', ['blackHole']],
  ] as const)('[FP4] no socket, when connections %s', async (_how, faults) => {
    const before = open();
    const server = createServer((socket) => socket.on('error', () => undefined).resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    const proxy = await startFaultProxy({ to: { host: '127.0.0.1', port } });
    const sockets = await connected(proxy);
    await expect.poll(() => proxy.connections).toBe(3);
    for (const fault of faults) proxy[fault]();
    for (const socket of sockets) socket.destroy();
    await proxy.close();
    await new Promise((resolve) => server.close(resolve));
    await expect.poll(open).toBe(before);
  });

  it('[FP4] no socket, when there is no server', async () => {
    const before = open();
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as { readonly port: number };
    await new Promise((resolve) => gone.close(resolve));
    const proxy = await startFaultProxy({ to: { host: '127.0.0.1', port } });
    const sockets = await connected(proxy);
    await Promise.all(
      sockets.map((socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve()))),
    );
    await proxy.close();
    await expect.poll(open).toBe(before);
  });
});

it('[FP1] [FP4] carries any other protocol too, half-closed connections included', async () => {
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    socket.on('end', () => socket.end(heard.toUpperCase()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  const proxy = await startFaultProxy({ to: { host: '127.0.0.1', port: address.port } });
  const lost = proxy.next((request) => request.text.startsWith('b'), { kind: 'hold', what: 'request', forMs: 5 });
  const socket = connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true });
  socket.write('abc');
  await once(socket, 'connect');
  const answer = socket.setEncoding('utf8').toArray();
  socket.write('d');
  socket.end('b');
  expect((await answer).join('')).toBe('ABCDB');
  lost.release();
  await proxy.close();
  server.close();
});
