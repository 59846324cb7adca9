// Workers: takes orders of the sources that are registered here, so many at a time.
import { CoordinationError, encodePart, type Unsubscribe } from '@devmentor/locks';
import type { AgentsPorts, Order } from './agents-ports.ts';
import { isOpen } from './board-status.ts';
import type { IKnowledgeSource } from './knowledge-source.ts';
import { type Abort, Aborted, runActivation } from './run.ts';
import { KnowledgeBases } from './shared-knowledge-base.ts';
import type { Subscription } from './transport.ts';

/** Orders that wait here; more are dropped, and come again. */
const MOST_WAITING = 256;
const QUEUE = 'ks';

export function orderSubject(namespace: string, source: string): string {
  return `ks.${encodePart(namespace)}.${encodePart(source.replace(/@[^@]*$/, ''))}`;
}

export class Workers {
  readonly #ports: AgentsPorts;
  readonly #concurrency: number;
  readonly #bases: KnowledgeBases;
  readonly #waiting = new Map<string, Order>();
  readonly #running = new Map<
    string,
    { readonly order: Order; readonly abort: AbortController; readonly done: Promise<void> }
  >();
  readonly #subscriptions = new Map<string, Promise<Subscription>>();
  #unsubscribe: Unsubscribe = () => undefined;
  #stopped = false;

  constructor(ports: AgentsPorts, concurrency: number) {
    this.#ports = ports;
    this.#concurrency = concurrency;
    this.#bases = new KnowledgeBases(ports.store, ports.clock);
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#ports.hints.on((board) => void this.#look(board));
    await Promise.all([...this.#ports.sources.values()].map((source) => this.serve(source)));
  }

  /** Takes orders for this source from other processes too. */
  async serve(source: IKnowledgeSource): Promise<void> {
    const { transport, namespace } = this.#ports;
    if (transport === undefined || this.#subscriptions.has(source.name)) return;
    const subject = orderSubject(namespace, source.name);
    const subscribed = transport.subscribe(subject, ({ body }) => this.#hear(body), { queue: QUEUE });
    this.#subscriptions.set(source.name, subscribed);
    await subscribed;
  }

  /** Does it now or later, or not at all: whoever ordered looks after it. */
  accept(order: Order): void {
    const name = `${order.board} ${order.key}`;
    if (this.#stopped || this.#waiting.has(name) || this.#running.has(name) || this.#waiting.size >= MOST_WAITING)
      return;
    this.#waiting.set(name, order);
    this.#next();
  }

  /** Ends what runs; the controllers hear of it at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#waiting.clear();
    for (const subscribed of this.#subscriptions.values()) await (await subscribed).unsubscribe();
    for (const { abort } of this.#running.values()) end(abort, 'stopped');
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  #hear(body: Buffer): void {
    const { board, key, source } = JSON.parse(body.toString()) as { readonly [name: string]: unknown };
    if (typeof board === 'string' && typeof key === 'string' && typeof source === 'string')
      this.accept({ board, key, source });
  }

  #next(): void {
    for (const [name, order] of this.#waiting) {
      if (this.#running.size >= this.#concurrency) return;
      this.#waiting.delete(name);
      const abort = new AbortController();
      const done = this.#run(order, abort).finally(() => {
        this.#running.delete(name);
        this.#next();
      });
      this.#running.set(name, { order, abort, done });
    }
  }

  async #run(order: Order, abort: AbortController): Promise<void> {
    try {
      const base = await this.#bases.get(order.board);
      if (base !== undefined) await runActivation(this.#ports, order, base, abort);
    } catch (fault) {
      // The controller sees that nothing came of it, and orders again.
      this.#ports.onFault(fault);
    }
  }

  /** A board that is over ends what still runs for it. */
  async #look(board: string): Promise<void> {
    const concerned = [...this.#running.values()].filter(({ order }) => order.board === board);
    if (concerned.length === 0) return;
    try {
      const head = await this.#ports.store.head(board);
      if (head === undefined || !isOpen(head.status)) for (const { abort } of concerned) end(abort, 'board-over');
    } catch (fault) {
      if (!(fault instanceof CoordinationError)) throw fault;
    }
  }
}

function end(abort: AbortController, why: Abort): void {
  abort.abort(new Aborted(why));
}
