// One server process of a test: ports, readiness, faults, and its certain end.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from './backends.ts';

// Below the range the kernel hands to outgoing connections, so that no client of a
// neighbouring test sits on a port between a kill and a restart.
const lowestPort = 20_000;
const highestPort = 32_000;
const startAttempts = 12;
const readyWithinMs = 15_000;
const orderlyEndWithinMs = 3_000;

export interface Launch {
  readonly directory: string;
  readonly scheme: string;
  /** What a URL has beside the address, such as a user and a database. */
  readonly login?: string;
  readonly path?: string;
  /** How many ports the command needs; 1 if not said. */
  readonly ports?: number;
  /** Whom it runs as, where that is not who runs the tests. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The signal that ends it in order; SIGTERM if not said. */
  readonly endSignal?: 'SIGTERM' | 'SIGINT';
  /** Whether it serves by processes of its own, which a fault must reach as well. */
  readonly forks?: boolean;
  command(port: number, secondPort?: number): string[];
  ping(port: number): Promise<boolean>;
}

export interface StartedBackend extends Backend {
  readonly ports: readonly number[];
}

/** Starts it on free ports; tries others when somebody else was faster. */
export async function startChild(launch: Launch): Promise<StartedBackend> {
  let lastError: unknown;
  for (let attempt = 0; attempt < startAttempts; attempt++) {
    const ports = await freePorts(launch.ports ?? 1);
    try {
      return new ServerProcess(launch, ports, await run(launch, ports));
    } catch (error) {
      lastError = error;
    }
  }
  rmSync(launch.directory, { recursive: true, force: true });
  throw lastError;
}

class ServerProcess implements StartedBackend {
  readonly url: string;
  readonly port: number;
  readonly ports: readonly number[];
  readonly directory: string;
  readonly #launch: Launch;
  #child: ChildProcess;

  constructor(launch: Launch, ports: readonly number[], child: ChildProcess) {
    this.#launch = launch;
    this.#child = child;
    this.ports = ports;
    this.port = ports[0] ?? 0;
    this.url = `${launch.scheme}://${launch.login ?? ''}127.0.0.1:${this.port}${launch.path ?? ''}`;
    this.directory = launch.directory;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async stop(): Promise<void> {
    await end(this.#launch, this.#child, this.#launch.endSignal ?? 'SIGTERM');
    rmSync(this.directory, { recursive: true, force: true });
  }

  async kill(): Promise<void> {
    await end(this.#launch, this.#child, 'SIGKILL');
  }

  pause(): void {
    signal(this.#launch, this.#child, 'SIGSTOP');
    untilStopped(this.#launch, this.#child);
  }

  resume(): void {
    signal(this.#launch, this.#child, 'SIGCONT');
  }

  async restart(): Promise<void> {
    await end(this.#launch, this.#child, this.#launch.endSignal ?? 'SIGTERM');
    this.#child = await run(this.#launch, this.ports);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Resolves once the server answers; rejects with what it printed if it ends before. */
async function run(launch: Launch, ports: readonly number[]): Promise<ChildProcess> {
  const [program, ...args] = launch.command(ports[0] ?? 0, ports[1]);
  if (program === undefined) throw new Error('a launch names its program');
  const child = spawn(program, args, { cwd: launch.directory, stdio: ['ignore', 'pipe', 'pipe'], ...launch.user });
  let printed = '';
  const keep = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  await once(child, 'spawn');
  watchOver(child, launch);
  // A test process may end without stopping its servers; they must not hold it open.
  child.unref();
  for (const pipe of [child.stdout, child.stderr]) if (pipe instanceof Socket) pipe.unref();

  const deadline = performance.now() + readyWithinMs;
  while (performance.now() < deadline) {
    if (hasEnded(child)) break;
    // Somebody else's server on this port would answer as well; ours has to be alive after.
    if ((await launch.ping(ports[0] ?? 0)) && !hasEnded(child)) return child;
    await sleep(10);
  }
  await end(launch, child, 'SIGKILL');
  throw new Error(`${program} did not come up on port ${ports.join(', ')}:\n${printed}`);
}

async function end(launch: Launch, child: ChildProcess, how: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.ref();
  if (how === 'SIGKILL') signal(launch, child, how);
  else child.kill(how);
  // A paused process takes SIGTERM only once it runs again.
  signal(launch, child, 'SIGCONT');
  const impatience = setTimeout(() => signal(launch, child, 'SIGKILL'), orderlyEndWithinMs);
  await ended;
  clearTimeout(impatience);
}

/** To the server, and to the processes that it serves by. */
function signal({ forks }: Launch, child: ChildProcess, name: NodeJS.Signals): void {
  const forked = forks === true && child.pid !== undefined ? childrenOf(child.pid) : [];
  child.kill(name);
  for (const pid of forked) {
    try {
      process.kill(pid, name);
    } catch {
      // It has just ended.
    }
  }
}

/** A signal is sent at once and taken a moment later: what a thread still answers until then is no pause. */
function untilStopped({ forks }: Launch, { pid }: ChildProcess): void {
  if (pid === undefined || process.platform !== 'linux') return;
  const pids = [pid, ...(forks === true ? childrenOf(pid) : [])];
  const threads = pids.flatMap((of) =>
    readdirSync(`/proc/${of}/task`).map((thread) => `/proc/${of}/task/${thread}/stat`),
  );
  const giveUpMs = performance.now() + 1_000;
  while (!threads.every(isStopped) && performance.now() < giveUpMs);
}

/** Stopped, or gone: the letter behind the command's name, which may hold anything. */
function isStopped(thread: string): boolean {
  try {
    return /\) [TtZX] [^)]*$/.test(readFileSync(thread, 'utf8'));
  } catch {
    return true;
  }
}

function childrenOf(pid: number): number[] {
  const listed =
    process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      : spawnSync('pgrep', ['-P', `${pid}`], { encoding: 'utf8' }).stdout;
  return listed.split(/\s+/).filter(Boolean).map(Number);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/**
 * A shell that waits on a pipe from this process. However this process ends, kill -9
 * included, the kernel closes the pipe, and the shell ends the server and its directory.
 */
function watchOver(child: ChildProcess, { directory, forks }: Launch): void {
  // SIGQUIT is how a server that forks ends at once together with its processes.
  const together = 'kill -QUIT "$1"; kill -CONT "$1"; sleep 1;';
  const farewell = `read -r _; { ${forks === true ? together : ''} kill -KILL "$1"; } 2>/dev/null; rm -rf "$2"`;
  const guard = spawn('/bin/sh', ['-c', farewell, 'sh', `${child.pid}`, directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of the terminal's process group: Ctrl-C must not end the guard first.
    detached: true,
  });
  guard.unref();
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  guard.stdin?.on('error', () => undefined);
  child.once('exit', () => guard.kill('SIGKILL'));
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort));
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
