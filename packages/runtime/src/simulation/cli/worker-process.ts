// A worker as the run sees it: a process that has one job, answers it, dies over it, or hangs.
import { type ChildProcess, fork } from 'node:child_process';
import type { Answer, Order } from './protocol.ts';

/** How an order ended. */
export type Ending =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** The process is gone. `how` is its exit code or signal, and the last it wrote. */
  | { readonly kind: 'died'; readonly how: string };

const LAST_WORDS = 2_000;

export class WorkerProcess {
  readonly #child: ChildProcess;
  #settle: ((ending: Ending) => void) | undefined;
  #ended: Ending | undefined;
  #lastWords = '';

  /** @param program the command itself, which knows how to be a worker */
  constructor(program: string, module: string) {
    const child = fork(program, ['worker', module], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-LAST_WORDS);
    });
    child.on('message', (answer: Answer) => this.#end({ kind: 'answer', answer }));
    child.on('error', (fault) => this.#die(fault.message));
    child.on('close', (code, signal) => this.#die(signal ?? `exit code ${code}`));
  }

  /** Resolves once it has loaded the module, or could not. */
  ready(): Promise<Ending> {
    return this.#next();
  }

  /** One at a time. */
  ask(order: Order): Promise<Ending> {
    const next = this.#next();
    if (this.#ended === undefined) this.#child.send(order, () => {});
    return next;
  }

  /** It is gone soon, whatever it was doing. */
  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
  }

  #next(): Promise<Ending> {
    if (this.#ended !== undefined) return Promise.resolve(this.#ended);
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  #end(ending: Ending): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(ending);
  }

  #die(how: string): void {
    const words = this.#lastWords.trim();
    this.#ended ??= { kind: 'died', how: words === '' ? how : `${how}: ${words}` };
    this.#end(this.#ended);
  }
}
