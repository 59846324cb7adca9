// Hints: "this board has changed", within the process and to the others. One may be lost, late or
// doubled; whoever needs the truth reads the log, and does so now and then without a hint.
import { encodePart, type Unsubscribe } from '@devmentor/locks';
import type { Subscription, Transport } from './transport.ts';

export class BoardHints {
  readonly #transport: Transport | undefined;
  readonly #subject: string;
  readonly #listeners = new Set<(board: string) => void>();
  readonly #told = new Set<string>();
  #subscription: Subscription | undefined;

  constructor(namespace: string, transport: Transport | undefined) {
    this.#transport = transport;
    this.#subject = `bb.${encodePart(namespace)}`;
  }

  async open(): Promise<void> {
    this.#subscription = await this.#transport?.subscribe(this.#subject, ({ body }) => this.#hear(body.toString()));
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#subscription?.unsubscribe();
  }

  on(listener: (board: string) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Those of one tick about one board are one. */
  tell(board: string): void {
    if (this.#told.has(board)) return;
    this.#told.add(board);
    queueMicrotask(() => {
      this.#told.delete(board);
      this.#hear(board);
      if (this.#transport?.status === 'connected') this.#transport.publish(this.#subject, Buffer.from(board));
    });
  }

  #hear(board: string): void {
    for (const listener of [...this.#listeners]) listener(board);
  }
}
