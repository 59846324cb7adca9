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
  readonly #waiting = new Map<string, Waiting>();

  park(address: string, { answer, expiresAtMs }: Told): void {
    const before = this.#waiting.get(address);
    this.#waiting.set(address, {
      expiresAtMs: Math.max(expiresAtMs, before?.expiresAtMs ?? 0),
      answer: [...(before?.answer ?? []), ...answer].slice(-MOST_PER_ASK),
    });
  }

  answer(address: string, answer: Answer): void {
    const waiting = this.#waiting.get(address);
    this.#waiting.delete(address);
    for (const give of waiting?.answer ?? []) give(answer);
  }

  isEmpty(nowMs: number): boolean {
    for (const [address, { expiresAtMs }] of this.#waiting) if (expiresAtMs <= nowMs) this.#waiting.delete(address);
    return this.#waiting.size === 0;
  }

  dismiss(answer: Answer): void {
    for (const address of [...this.#waiting.keys()]) this.answer(address, answer);
  }
}
