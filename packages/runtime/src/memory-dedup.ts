// Which messages an actor without a record has settled: what a store remembers for the others.
// It ends with the activation, as the actor's state does. Bounded by senders, the longest silent
// is forgotten first. Replies are kept as they are: a machine changes none of its values.
import type { Answer, Numbered } from './envelope.ts';
import { answerOf, type StoredReply } from './group-step.ts';
import type { SenderId, Settled } from './state-store.ts';

const MOST_SENDERS = 1_000;

/** What is known of one sender; by the rules of `Settlement`, changed in place. */
interface Known {
  readonly sender: SenderId;
  floor: number;
  /** Of all that were kept. */
  highest: number;
  kept: Kept[];
}

interface Kept {
  readonly n: number;
  readonly reply: StoredReply | undefined;
}

/** What is kept of a sender that has nothing to repeat; never added to. */
const NONE: Kept[] = [];

export class MemoryDedup {
  readonly #senders = new Map<SenderId, Known>();
  /** Who was heard last. */
  #last: Known | undefined;

  /** What a repeated message was answered; undefined for a message that is new. */
  find({ sender, n }: Numbered): Answer | undefined {
    const known = this.#of(sender);
    // Nearly every message is above all that came before it.
    if (known === undefined || n > known.highest) return undefined;
    const kept = known.kept.find((one) => one.n === n);
    if (kept === undefined && n >= known.floor) return undefined;
    return answerOf(kept?.reply, 0);
  }

  settle(settled: readonly Settled[]): void {
    for (const { sender, n, floor, reply } of settled) {
      const known = this.#heard(sender);
      if (floor > known.floor) {
        known.floor = floor;
        if (floor > known.highest) known.kept = NONE;
        else known.kept = known.kept.filter((one) => one.n >= floor);
      }
      known.highest = Math.max(known.highest, n);
      if (n < known.floor) continue;
      const one = { n, reply: reply as StoredReply | undefined };
      // Nearly always the only one: an array that is pushed to makes room for many.
      if (known.kept.length === 0) known.kept = [one];
      else known.kept.push(one);
    }
  }

  #of(sender: SenderId): Known | undefined {
    return this.#last?.sender === sender ? this.#last : this.#senders.get(sender);
  }

  #heard(sender: SenderId): Known {
    if (this.#last?.sender === sender) return this.#last;
    const known = this.#senders.get(sender) ?? { sender, floor: 0, highest: -1, kept: NONE };
    this.#last = known;
    this.#senders.delete(sender);
    this.#senders.set(sender, known);
    if (this.#senders.size > MOST_SENDERS) this.#forgetOne();
    return known;
  }

  #forgetOne(): void {
    for (const silent of this.#senders.keys()) {
      this.#senders.delete(silent);
      return;
    }
  }
}
