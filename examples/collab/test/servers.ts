// The servers that the browser tests visit: real processes of the real command, embedded
// and on a Redis and NATS of their own. Ends them all when told to end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startNats, startRedis } from '../../../test/backends.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const command = join(root, 'packages', 'server', 'src', 'main.ts');
const page = join(root, 'examples', 'collab', 'dist');

const children: ChildProcess[] = [];

async function startServer(...options: string[]): Promise<string> {
  const args = ['--conditions=@devmentor/source', command, '--demo', '--ui', page, '--port', '0', ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface(child.stdout)) {
    const url = /^listening (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('A server ended before it listened');
}

const [redis, nats] = await Promise.all([startRedis(), startNats()]);
const cluster = ['--redis', redis.url, '--nats', nats.url, '--log-level', 'fatal'];
const embedded = ['--log-level', 'fatal'];

const urls = [
  'embedded',
  ...(await Promise.all([startServer(...embedded), startServer(...embedded)])),
  'cluster',
  await startServer(...cluster, '--namespace', 'verbatim'),
  await startServer(...cluster, '--namespace', 'named'),
  await startServer(...cluster, '--namespace', 'named'),
];
process.stdout.write(`ready ${urls.join(' ')}\n`);

const heartbeat = setInterval(() => undefined, 60_000);
await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
clearInterval(heartbeat);
await Promise.all(
  children.map(async (child) => {
    if (child.exitCode !== null || !child.kill('SIGTERM')) return;
    await once(child, 'exit');
  }),
);
await Promise.all([redis.stop(), nats.stop()]);
process.exit(0);
