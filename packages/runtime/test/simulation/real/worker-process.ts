// A worker as the outside has it: a process that may be killed, stopped and started anew, behind
// proxies of its own that outlive it.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type FaultProxy, startFaultProxy } from '@devmentor/locks/testing';
import type { Line } from './fault.ts';
import type { Answer, NumberedOrder, Order, Report, WorkerSettings } from './order.ts';

const KEPT_OUTPUT = 4_000;
const KEPT_FAULTS = 20;
/** Between a process that could not start and the next attempt. */
const RETRY_MS = 200;
const ATTEMPTS = 60;

const program = fileURLToPath(new URL('./worker.ts', import.meta.url));

export interface WorkerOptions {
  readonly servers: Readonly<Record<Line, string>>;
  readonly namespace: string;
  readonly id: string;
  readonly isGuarded: boolean;
}

export class WorkerProcess {
  readonly id: string;
  readonly lines: Readonly<Record<Line, FaultProxy>>;
  /** Processes that ended and were not told to: what they printed last. */
  readonly brokeDown: string[] = [];
  /** The last faults that the nodes said they lived with. */
  readonly livedWith: string[] = [];
  readonly #settings: WorkerSettings;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #child: ChildProcess | undefined;
  #isUp = false;
  #isStopped = false;
  #orders = 0;
  #incarnations = 0;
  #isEnded = false;
  #printed = '';

  static async open({ servers, namespace, id, isGuarded }: WorkerOptions): Promise<WorkerProcess> {
    const [redis, nats] = await Promise.all([
      startFaultProxy({ to: servers.redis }),
      startFaultProxy({ to: servers.nats }),
    ]);
    return new WorkerProcess({ redis, nats }, { redis: redis.url, nats: nats.url, namespace, id, isGuarded });
  }

  private constructor(lines: Readonly<Record<Line, FaultProxy>>, settings: WorkerSettings) {
    this.id = settings.id;
    this.lines = lines;
    this.#settings = settings;
  }

  /** Whether orders are taken. A stopped process takes them, and does them when it goes on. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Which process of this worker it is; its leases are forgotten with it. */
  get incarnation(): number {
    return this.#incarnations;
  }

  /** Resolves when a process is up, or after `end`. One that finds its servers away ends, and is tried again. */
  async start({ attempts = ATTEMPTS }: { readonly attempts?: number } = {}): Promise<void> {
    for (let failed = 1; !this.#isEnded && !(await this.#startOnce()); failed++) {
      if (failed === attempts) throw new Error(`${this.id} did not come up in ${attempts} attempts:\n${this.#printed}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** What became of an order; `unknown` when the process ends before it has answered. */
  ask(order: Order): Promise<Answer> {
    const n = ++this.#orders;
    const child = this.#child;
    if (child === undefined || !this.#isUp) return Promise.resolve({ kind: 'failed', code: 'DOWN' });
    return new Promise((resolve) => {
      this.#waiting.set(n, resolve);
      child.send({ n, order } satisfies NumberedOrder, () => undefined);
    });
  }

  /** SIGKILL; false when there was nothing to kill. */
  async kill(): Promise<boolean> {
    const child = this.#child;
    if (child === undefined) return false;
    this.#child = undefined;
    this.#isUp = false;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    return true;
  }

  /** SIGSTOP; false when there was nothing to stop. */
  stop(): boolean {
    if (!this.#isUp || this.#isStopped || this.#child === undefined) return false;
    this.#isStopped = this.#child.kill('SIGSTOP');
    return this.#isStopped;
  }

  /** SIGCONT. */
  resume(): void {
    this.#isStopped = false;
    this.#child?.kill('SIGCONT');
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.kill();
    await Promise.all([this.lines.redis.close(), this.lines.nats.close()]);
  }

  async #startOnce(): Promise<boolean> {
    const child = fork(program, [JSON.stringify(this.#settings)], {
      execArgv: ['--conditions=@devmentor/source'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    watchOver(child);
    this.#child = child;
    this.#isStopped = false;
    this.#printed = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#printed = (this.#printed + chunk.toString()).slice(-KEPT_OUTPUT);
    });
    const started = new Promise<boolean>((resolve) => {
      child.on('message', (report: Report) => {
        if (report.kind === 'started') resolve(true);
        else this.#hear(report);
      });
      child.once('exit', (code, signal) => {
        resolve(false);
        // Ordered ends have taken the process out of its place before.
        if (this.#child !== child) return;
        this.#child = undefined;
        if (this.#isUp) this.brokeDown.push(`${this.id} ended by itself (${code ?? signal}):\n${this.#printed}`);
        this.#isUp = false;
      });
    });
    child.once('exit', () => this.#forsake());
    if (!(await started)) return false;
    this.#incarnations++;
    this.#isUp = this.#child === child;
    return true;
  }

  #hear(report: Exclude<Report, { kind: 'started' }>): void {
    if (report.kind === 'fault') {
      this.livedWith.push(report.message);
      if (this.livedWith.length > KEPT_FAULTS) this.livedWith.shift();
      return;
    }
    const settle = this.#waiting.get(report.n);
    this.#waiting.delete(report.n);
    settle?.(report.answer);
  }

  #forsake(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const settle of waiting) settle({ kind: 'unknown', code: 'EXITED' });
  }
}

/**
 * A shell that waits on a pipe from this process. However this process ends, Ctrl-C and kill -9
 * included, the kernel closes the pipe and the shell ends the worker, also a stopped one.
 */
function watchOver(child: ChildProcess): void {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -KILL "$1" 2>/dev/null', 'sh', `${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of the terminal's process group: Ctrl-C must not end the guard first.
    detached: true,
  });
  guard.unref();
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  guard.stdin?.on('error', () => undefined);
  child.once('exit', () => guard.kill('SIGKILL'));
}
