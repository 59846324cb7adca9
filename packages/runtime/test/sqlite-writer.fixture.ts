import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Acknowledged =
  | { readonly kind: 'actor'; readonly id: `counter:${number}`; readonly version: number; readonly cursor: string }
  | { readonly kind: 'topic'; readonly topic: string; readonly n: number; readonly id: string }
  | { readonly kind: 'record'; readonly key: string; readonly n: number; readonly version: number }
  | { readonly kind: 'claim'; readonly fence: string };

/** A process that writes to a data folder until it is killed, and what it said was stored. */
export class Writer {
  readonly acknowledged: Acknowledged[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #heard: () => void = () => {};
  #stderr = '';

  /** `largestFile` in KiB: a write past it fails with an input and output error. */
  constructor(dir: string, largestFile: number | 'unlimited' = 'unlimited') {
    const program = fileURLToPath(new URL('./sqlite-writer.ts', import.meta.url));
    const command = [process.execPath, '--conditions=@devmentor/source', program, dir];
    const limited = ['-c', 'ulimit -f "$0" && exec "$@"', String(largestFile), ...command];
    const child = spawn('bash', limited, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    // A line that was cut off by the end is not complete JSON.
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.endsWith('}')) return;
      this.acknowledged.push(JSON.parse(line) as Acknowledged);
      this.#heard();
    });
    child.stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#ended = once(child, 'close');
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when that much was acknowledged; rejects when the process ends before. */
  async until(count: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#heard = () => this.acknowledged.length >= count && resolve();
      this.#heard();
    });
    const ended = this.#ended.then(() => {
      if (this.acknowledged.length < count) throw new Error(`the writer ended: ${this.#stderr}`);
    });
    await Promise.race([enough, ended]);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** How it ended by itself. */
  async ended(): Promise<{ readonly code: number | null; readonly stderr: string }> {
    await this.#ended;
    return { code: this.#child.exitCode, stderr: this.#stderr };
  }
}
