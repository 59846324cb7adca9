// Runtimes in processes of their own, for the faults that only a process has.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** So many that no node of three goes without one by the luck of its name: of sixteen, one placement in 230 does. */
export const SHARDS = 64;

export type Order = { readonly n: number } & (
  | { readonly do: 'note'; readonly key: string; readonly id: string; readonly deadlineMs: number }
  | { readonly do: 'pass'; readonly key: string; readonly id: string; readonly to: string; readonly deadlineMs: number }
  | { readonly do: 'read'; readonly key: string; readonly fresh: boolean }
  | { readonly do: 'owns'; readonly key: string }
  | { readonly do: 'shards' }
  | { readonly do: 'drain' }
);
type Unnumbered<T> = T extends unknown ? Omit<T, 'n'> : never;

export type Report =
  | { readonly n: number; readonly ok: true; readonly value: unknown }
  | { readonly n: number; readonly ok: false; readonly code: string };

export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (report: Report) => void>();
  #n = 0;

  static async start(redis: string, nats: string, namespace: string, id: string): Promise<NodeProcess> {
    const child = fork(fileURLToPath(new URL('./node-process.ts', import.meta.url)), [redis, nats, namespace, id], {
      execArgv: ['--conditions=@devmentor/source'],
    });
    const node = new NodeProcess(child);
    const started = new Promise<Report>((resolve) => node.#waiting.set(0, resolve));
    await Promise.race([
      started,
      once(child, 'exit').then(([code]) =>
        Promise.reject(new Error(`the node ended with ${String(code)} before it started`)),
      ),
    ]);
    return node;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (report: Report) => {
      this.#waiting.get(report.n)?.(report);
      this.#waiting.delete(report.n);
    });
    child.on('exit', () => {
      for (const [n, resolve] of this.#waiting) resolve({ n, ok: false, code: 'EXITED' });
      this.#waiting.clear();
    });
  }

  ask(order: Unnumbered<Order>): Promise<Report> {
    const n = ++this.#n;
    return new Promise((resolve) => {
      this.#waiting.set(n, resolve);
      if (this.#child.connected) this.#child.send({ ...order, n });
      else resolve({ n, ok: false, code: 'EXITED' });
    });
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
