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

/** True once PostgreSQL has let a trusted user in and is ready for a query. */
export async function pingPostgres(port: number, user: string, database: string): Promise<boolean> {
  const parameters = ['user', user, 'database', database, '', ''].join('\0');
  // The length counts itself; then the protocol's version, 3.0.
  const length = String.fromCharCode(8 + parameters.length);
  const greeting = `\0\0\0${length}\0\x03\0\0${parameters}`;
  return (await converse(port, greeting, 'Z\0\0\0\x05I')) !== undefined;
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
