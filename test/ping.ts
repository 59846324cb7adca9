// The smallest real conversation with a server that proves it serves. No client library:
// the backends are what the client libraries are tested against.
import { connect } from 'node:net';

/** True once Redis answers PONG (not LOADING). */
export function pingRedis(port: number): Promise<boolean> {
  return converse(port, 'PING\r\n', '+PONG');
}

/** True once NATS has taken a CONNECT and answered a PING. */
export function pingNats(port: number): Promise<boolean> {
  return converse(port, 'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n', 'PONG\r\n');
}

function converse(port: number, request: string, expected: string): Promise<boolean> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ host: '127.0.0.1', port });
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (heard.includes(expected)) end(true);
    });
  });
}
