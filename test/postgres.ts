// Real PostgreSQL for tests
//
// As the other backends: an own directory and port, faults by pid. PostgreSQL serves each
// connection by a process, so `kill`, `pause` and `resume` reach those too; and it refuses
// to run as root, so root lends it a user.
import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startChild } from './backend-process.ts';
import type { Backend } from './backends.ts';
import { requireProgram } from './find-program.ts';
import { pingPostgres } from './ping.ts';

export interface PostgresOptions {
  /** postgresql.conf parameters. */
  readonly config?: Readonly<Record<string, string>>;
}

const user = 'devmentor';
const database = 'postgres';

// Nothing is forced to the disk: a killed server loses nothing by that, only a power cut would.
const base = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Not in /dev/shm, where a killed server would leave it behind.
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '16MB',
  fsync: 'off',
  full_page_writes: 'off',
  log_min_messages: 'fatal',
};

/** PostgreSQL on a port of its own; any user of this machine is let in, as `devmentor`. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Backend> {
  // Beside each other, and not found by a link to one of them.
  const programs = dirname(requireProgram('initdb'));
  const directory = mkdtempSync(join(tmpdir(), 'devmentor-postgres-'));
  const account = process.getuid?.() === 0 ? unprivileged() : undefined;
  if (account !== undefined) chownSync(directory, account.uid, account.gid);
  const data = join(directory, 'data');
  const setUp = ['--pgdata', data, '--username', user, '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C'];
  try {
    await promisify(execFile)(join(programs, 'initdb'), [...setUp, '--no-sync'], { cwd: directory, ...account });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  const parameters = Object.entries({ ...base, ...options.config });
  return startChild({
    directory,
    scheme: 'postgres',
    login: `${user}@`,
    path: `/${database}`,
    ...(account !== undefined && { user: account }),
    // SIGTERM would wait for the clients to leave.
    endSignal: 'SIGINT',
    forks: true,
    command: (port) => [
      join(programs, 'postgres'),
      ...['-D', data, '-p', `${port}`],
      ...parameters.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    ping: (port) => pingPostgres(port, user, database),
  });
}

/** The user that the package of PostgreSQL made, else the one that owns nothing. */
function unprivileged(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const found = users.find(([one]) => one === name);
    if (found !== undefined) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and this machine has no user called postgres or nobody');
}
