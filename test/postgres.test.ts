import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { pingPostgres } from './ping.ts';
import { startPostgres } from './postgres.ts';

it('[BK1] [BK3] PostgreSQL answers once it is started, and again after a kill and a restart', async () => {
  await using postgres = await startPostgres();
  const { pid, port, directory } = postgres;
  const ping = (): Promise<boolean> => pingPostgres(port, 'devmentor', 'postgres');
  expect(await ping()).toBe(true);
  // A process of the server's own waits on this connection; it must not outlive a kill.
  const client = connect({ host: '127.0.0.1', port });
  client.on('error', () => undefined);
  await postgres.kill();
  expect(await ping()).toBe(false);
  await postgres.restart();
  expect(postgres.pid).not.toBe(pid);
  expect(await ping()).toBe(true);
  client.destroy();
  postgres.pause();
  await postgres.stop();
  expect(existsSync(directory)).toBe(false);
});
