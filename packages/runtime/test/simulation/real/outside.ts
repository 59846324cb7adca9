// The outside: who asks the workers, and writes down on one clock what was asked and what was told.
// A call is begun before its order leaves and ended after its answer has come, so the real operation
// lies inside. An order without an answer is unknown for good.
import { History, type Pending } from '../../../src/simulation/index.ts';
import type { Input } from './client.ts';
import type { Answer, Order, Told } from './order.ts';
import type { WorkerProcess } from './worker-process.ts';

export interface Call {
  readonly client: string;
  readonly worker: WorkerProcess;
  readonly key: string;
  readonly input: Input;
  readonly order: Order;
}

export type Note = Omit<Call, 'order'>;

export class Outside {
  readonly now: () => number;
  readonly elapse: (ms: number) => Promise<void>;
  readonly history: History;
  /** What workers threw that no caller should ever see. */
  readonly bugs: string[] = [];
  /** Faults that calls ended with, by code. */
  readonly codes = new Map<string, number>();
  readonly #processes = new Map<string, number>();

  constructor(time: { readonly now: () => number; readonly elapse: (ms: number) => Promise<void> }) {
    this.now = time.now;
    this.elapse = time.elapse;
    this.history = new History(time.now);
  }

  note(note: Note): void {
    this.#invoke(note).ok({ kind: 'noted' });
  }

  async ask(call: Call): Promise<Answer> {
    const { client, worker, key, order } = call;
    const pending = this.#invoke(call);
    const answer = await worker.ask(order);
    if (answer.kind === 'ok') {
      pending.ok(answer.value);
      return answer;
    }
    if (answer.kind === 'bug') this.bugs.push(`${order.do} of ${key}: ${answer.message}`);
    else this.codes.set(answer.code, (this.codes.get(answer.code) ?? 0) + 1);
    if (answer.kind === 'failed') {
      pending.failed();
      return answer;
    }
    // What it asked for may still happen, beside what the client asks for next.
    pending.unknown();
    this.#processes.set(client, this.#turnOf(client) + 1);
    return answer;
  }

  #invoke({ client, worker, key, input }: Note): Pending<Told> {
    return this.history.invoke({ process: `${client}#${this.#turnOf(client)}`, node: worker.id, key, input });
  }

  #turnOf(client: string): number {
    return this.#processes.get(client) ?? 0;
  }
}
