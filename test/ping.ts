// The smallest real conversation with a server that proves it serves. No client library:
// the backends are what the client libraries are tested against.
import { connect } from 'node:net';

/** True once Redis answers PONG (not LOADING). */
export async function pingRedis(port: number): Promise<boolean> {
  return (await converse(port, 'PING\r\n', '+PONG')) !== undefined;
}

/** True once NATS has taken a CONNECT and answered a PING. */
export async function pingNats(port: number): Promise<boolean> {
  const greeting = 'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n';
  return (await converse(port, greeting, 'PONG\r\n')) !== undefined;
}

/** What the server said, once it holds the expected text; undefined if it never comes. */
export function converse(port: number, request: string, expected: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ host: '127.0.0.1', port });
    const end = (answer: string | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (heard.includes(expected)) end(heard);
    });
  });
}
