// The servers that are measured, and the bare ones beside them: processes of their own, so that
// the load generator takes no time of theirs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pageDirectory } from '../../scripts/builds.ts';
import { root } from '../../scripts/workspace.ts';

export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
}

/** A server of the product with the demo and its page. */
export function startServer(...options: string[]): Promise<ServerProcess> {
  const main = join('packages', 'server', 'src', 'main.ts');
  return start([main, '--port', '0', '--demo', '--ui', pageDirectory, '--log-level', 'error', ...options]);
}

/** The same answers by node:http and ws with nothing behind them, or one Redis key. */
export function startBareServer(redisUrl?: string): Promise<ServerProcess> {
  return start([join('bench', 'claims', 'bare-server.ts'), ...(redisUrl === undefined ? [] : [redisUrl])]);
}

async function start(command: readonly string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['--conditions=@devmentor/source', ...command], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  for await (const line of createInterface(child.stdout)) {
    const [, url] = /^listening (\S+)$/.exec(line) ?? [];
    if (url !== undefined) return { url, [Symbol.asyncDispose]: stop };
  }
  throw new Error(`${command[0]} ended before it listened`);
}
