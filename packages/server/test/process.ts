// A server process of a test: spawned from the sources, ended by its pid.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

const START_WITHIN_MS = 15_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class ServerProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  url = '';
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { PATH = '' } = process.env;
    this.#child = spawn(process.execPath, ['--conditions=@devmentor/source', MAIN, ...args], {
      env: { PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stderr?.on('data', (chunk) => {
      this.#stderr += String(chunk);
    });
    this.#child.stdout?.on('data', (chunk) => {
      this.#stdout += String(chunk);
    });
    this.ended = once(this.#child, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  /** Starts one and waits until it says where it listens. */
  static async listening(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const server = new ServerProcess(['--port', '0', '--log-level', 'warn', ...args], env);
    const output = server.#child.stdout;
    if (output === null) throw new Error('the process has no output');
    const lines = createInterface({ input: output });
    const patience = AbortSignal.timeout(START_WITHIN_MS);
    const line = await Promise.race([
      once(lines, 'line', { signal: patience }).then(
        ([text]) => String(text),
        () => `nothing within ${START_WITHIN_MS} ms: ${server.stderr}`,
      ),
      server.ended.then(({ stderr }) => `ended: ${stderr}`),
    ]);
    const [, url] = /^listening (http:\S+)$/.exec(line) ?? [];
    if (url === undefined) throw new Error(`the server did not start: ${line}`);
    server.url = url;
    return server;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it in order, whatever state it is in. */
  async stop(): Promise<Ended> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGCONT');
      this.#child.kill('SIGTERM');
    }
    return this.ended;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }
}
