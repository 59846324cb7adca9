// Those who wait at one activation for an answer that its machine gives later.
import type { Answer } from './envelope.ts';
import type { Told } from './mailbox.ts';

/** A request that waits longer than a second is sent again: the ones before it are deaf by then. */
const MOST_PER_ASK = 4;

interface Waiting {
  expiresAtMs: number;
  answer: ((answer: Answer) => void)[];
}

export class Askers {
  /** There while somebody waits. */
  #waiting: Map<string, Waiting> | undefined;

  park(address: string, { answer, expiresAtMs }: Told): void {
    this.#waiting ??= new Map();
    const before = this.#waiting.get(address);
    this.#waiting.set(address, {
      expiresAtMs: Math.max(expiresAtMs, before?.expiresAtMs ?? 0),
      answer: [...(before?.answer ?? []), ...answer].slice(-MOST_PER_ASK),
    });
  }

  answer(address: string, answer: Answer): void {
    const waiting = this.#waiting?.get(address);
    this.#forget(address);
    for (const give of waiting?.answer ?? []) give(answer);
  }

  isEmpty(nowMs: number): boolean {
    for (const [address, { expiresAtMs }] of this.#waiting ?? []) if (expiresAtMs <= nowMs) this.#forget(address);
    return this.#waiting === undefined;
  }

  dismiss(answer: Answer): void {
    for (const address of [...(this.#waiting?.keys() ?? [])]) this.answer(address, answer);
  }

  #forget(address: string): void {
    this.#waiting?.delete(address);
    if (this.#waiting?.size === 0) this.#waiting = undefined;
  }
}
