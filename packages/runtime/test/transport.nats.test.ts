import { setTimeout as elapse } from 'node:timers/promises';
import { connect as connectNow } from '@nats-io/transport-node';
import { connect as connectOlder } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NatsBackend, startNats } from '../../../test/backends.ts';
import { transportContract } from '../src/transport.contract.ts';
import { type NatsConnection, openNatsTransport } from '../src/transport.nats.ts';
import { type Transport, TransportError, type TransportStatus } from '../src/transport.ts';

let server: NatsBackend;
beforeAll(async () => {
  server = await startNats();
});
afterAll(async () => {
  await server.stop();
});

const reached = (transport: Transport, status: TransportStatus): Promise<void> =>
  new Promise((resolve) => {
    if (transport.status === status) return resolve();
    const forget = transport.onStatus((now) => {
      if (now !== status) return;
      forget();
      resolve();
    });
  });

const contractOver = (name: string, open: () => Promise<Transport>): void =>
  transportContract({
    name,
    open: async () => {
      const transports: Transport[] = [];
      const living = (): Transport[] => transports.filter(({ status }) => status !== 'closed');
      return {
        connect: async () => {
          const transport = await open();
          transports.push(transport);
          return transport;
        },
        cut: async () => {
          await server.kill();
          await Promise.all(living().map((transport) => reached(transport, 'disconnected')));
        },
        mend: async () => {
          await server.restart();
          await Promise.all(living().map((transport) => reached(transport, 'connected')));
        },
        elapse: (ms) => elapse(ms),
        close: async () => {
          await Promise.all(transports.map((transport) => transport.close()));
          // A test that ends while the server is down leaves it so.
          if (!(await answers())) await server.restart();
        },
      };
    },
  });

async function answers(): Promise<boolean> {
  try {
    await (await openNatsTransport({ nats: server.url })).close();
    return true;
  } catch {
    return false;
  }
}

contractOver('NATS', () => openNatsTransport({ nats: server.url }));

const olderConnections: NatsConnection[] = [];
afterAll(async () => {
  for (const connection of olderConnections) await connection.close();
});
contractOver('NATS, over a connection of the older client', async () => {
  const connection = await connectOlder({
    servers: server.url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 0,
  });
  olderConnections.push(connection);
  return await openNatsTransport({ nats: connection });
});

describe('NATS transport', () => {
  it('[TR1] a server that cannot be reached is a fault that names the address and hides the password', async () => {
    const opening = openNatsTransport({ nats: 'nats://me:secret@127.0.0.1:1' });
    await expect(opening).rejects.toBeInstanceOf(TransportError);
    await expect(opening).rejects.toThrow(/no NATS server answers at nats:\/\/127\.0\.0\.1:1$/);
  });

  it('[TR4] a server that hangs is noticed, and what waits is lost long before its deadline', async () => {
    const transport = await openNatsTransport({ nats: server.url });
    await transport.subscribe('mute', () => {});
    const asked = transport.request('mute', Buffer.from('?'), { timeoutMs: 600_000 });
    server.pause();
    try {
      expect(await asked).toEqual({ kind: 'lost', why: 'disconnected' });
    } finally {
      server.resume();
    }
    await reached(transport, 'connected');
    await transport.close();
  });

  it('[TR2] a subscription that a server which hangs does not confirm is unavailable in the end', async () => {
    const transport = await openNatsTransport({ nats: server.url });
    server.pause();
    try {
      await expect(transport.subscribe('late', () => {})).rejects.toMatchObject({ code: 'TRANSPORT_UNAVAILABLE' });
    } finally {
      server.resume();
    }
    await reached(transport, 'connected');
    await transport.close();
  });

  it('[FR1] a stranger who publishes what is no frame is not heard, and harms nobody', async () => {
    const transport = await openNatsTransport({ nats: server.url });
    const stranger = await connectNow({ servers: server.url });
    const got: string[] = [];
    await transport.subscribe(
      'open',
      (message) => void got.push(`${message.body.toString()} ${message.respond === undefined ? 'told' : 'asked'}`),
    );
    for (const bytes of ['', 'x', '\x01', '\x01\0\0\0\0\xff\xff\xff\xff', '\x01\0\0\0\x07\0\0\0\x05hi'])
      stranger.publish('open', Buffer.from(bytes, 'latin1'), { reply: 'anywhere' });
    stranger.publish('open', Buffer.from('\x01\0\0\0\x07\0\0\0\x02hi', 'latin1'), {
      reply: '_INBOX.x.1.1\r\nevil'.slice(0, 10),
    });
    await stranger.flush();
    transport.publish('open', Buffer.from('end'));
    while (!got.includes('end told')) await elapse(2);
    expect(got).toEqual(['hi told', 'end told']);
    await stranger.close();
    await transport.close();
  });

  it('[TR6] a connection that was given is left open by close', async () => {
    const connection = await connectNow({ servers: server.url });
    const transport = await openNatsTransport({ nats: connection });
    await transport.close();
    expect(connection.isClosed()).toBe(false);
    await connection.close();
  });

  it('[TR6] a connection that is closed from outside closes the transport', async () => {
    const connection = await connectNow({ servers: server.url });
    const transport = await openNatsTransport({ nats: connection });
    await transport.subscribe('mute', () => {});
    const asked = transport.request('mute', Buffer.from('?'), { timeoutMs: 600_000 });
    await connection.close();
    expect(await asked).toMatchObject({ kind: 'lost' });
    await reached(transport, 'closed');
    await transport.close();
  });
});
