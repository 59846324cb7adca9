// A holder that is a process of its own, and stands still for longer than its claim lasts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ClaimToken } from '@devmentor/contracts';
import { expect, it } from 'vitest';
import { startNats, startRedis } from '../../../test/backends.ts';
import { good, guest } from './client.ts';
import { ServerProcess } from './process.ts';

const WRITER = fileURLToPath(new URL('./children/writer.ts', import.meta.url));

it('[K5] a holder stopped past its term and resumed is refused before the next holder has written, and nothing changes', async () => {
  await using redis = await startRedis();
  await using nats = await startNats();
  const start = () => ServerProcess.listening(['--demo', '--redis', redis.url, '--nats', nats.url]);
  const [one, two] = await Promise.all([start(), start()]);
  const ada = await guest(one.url, 'Ada');
  const bob = await guest(two.url, 'Bob');
  const writer = spawn(
    process.execPath,
    ['--conditions=@devmentor/source', WRITER, one.url, ada.client.token ?? '', '1000'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    const lines = createInterface({ input: writer.stdout });
    const said = async (): Promise<unknown> => JSON.parse(String((await once(lines, 'line'))[0]));
    const first = (await said()) as ClaimToken;
    writer.kill('SIGSTOP');
    writer.stdin.write('too late\n');

    const next = await bob.client.claimed('123', { waitMs: 15_000 });
    expect(next.fencingToken > first.fencingToken).toBe(true);
    const before = good(await bob.client.ask('projects/123'));

    const answer = said();
    writer.kill('SIGCONT');
    expect(await answer).toMatchObject({ status: 409, body: { code: 'STALE_CLAIM' } });
    expect(good(await bob.client.ask('projects/123'))).toEqual(before);
    const write = { 'if-match': '*', 'x-claim-token': next.claimToken };
    expect((await bob.client.patch('123', { name: 'in time' }, write)).status).toBe(200);
  } finally {
    writer.kill('SIGKILL');
    await Promise.all([one.stop(), two.stop()]);
  }
}, 60_000);
