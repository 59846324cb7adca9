// Which messages an actor without a record has settled: what a store remembers for the others.
// It ends with the activation, as the actor's state does. Bounded by senders, the longest silent
// is forgotten first.
import type { Answer, Numbered } from './envelope.ts';
import { answerOf, type StoredReply } from './group-step.ts';
import { isSettled, nothingSettled, type Settlement, settledAfter } from './settlement.ts';
import type { SenderId, Settled } from './state-store.ts';

const MOST_SENDERS = 1_000;

export class MemoryDedup {
  readonly #senders = new Map<SenderId, Settlement>();

  /** What a repeated message was answered; undefined for a message that is new. */
  find({ sender, n }: Numbered): Answer | undefined {
    const settlement = this.#senders.get(sender);
    if (settlement === undefined || !isSettled(settlement, n)) return undefined;
    const text = settlement.kept.get(n);
    return answerOf(text === undefined ? undefined : (JSON.parse(text) as StoredReply), 0);
  }

  settle(settled: readonly Settled[]): void {
    const replies = settled.map(({ reply }) => (reply === undefined ? undefined : JSON.stringify(reply)));
    const after = settledAfter(settled, replies, (sender) => this.#senders.get(sender) ?? nothingSettled);
    for (const [sender, settlement] of after) {
      this.#senders.delete(sender);
      this.#senders.set(sender, settlement);
    }
    for (const sender of this.#senders.keys()) {
      if (this.#senders.size <= MOST_SENDERS) break;
      this.#senders.delete(sender);
    }
  }
}
