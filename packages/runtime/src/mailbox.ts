// Mailbox
//
// What waits for one activation: messages told, timers due, ends of invokes.
//
//   MB1  Messages leave in the order they came.
//   MB2  More than `max` told messages never wait; one more is refused, and nothing else changes.
//   MB3  A repeated message (same sender and number) joins the one that waits: stepped once,
//        both answered, as long as one of them waits.
//   MB4  What the actor itself caused (timers, ends of invokes) is never refused: there is at
//        most one of each running timer and invoke.
import type { FencingToken } from '@devmentor/locks';
import type { EventData } from './effect.ts';
import type { Answer, Deliver, Numbered } from './envelope.ts';
import type { FaultData } from './errors.ts';

/** A letter that is stepped. */
interface Stepped {
  /** The state that came of it could not be stored: it is given up with this, and not stepped again. */
  unstorable?: FaultData;
}

/** A message on its way through an activation. */
export interface Told extends Stepped {
  readonly kind: 'told';
  readonly event: EventData;
  readonly from: Numbered | undefined;
  readonly fence: FencingToken | undefined;
  readonly asks: boolean;
  /** An earlier attempt may have been committed. */
  again: boolean;
  /** Monotonic; after it nobody waits. */
  expiresAtMs: number;
  readonly traceparent: string | undefined;
  /** Everyone who waits for the outcome. */
  readonly answer: ((answer: Answer) => void)[];
}

/** A timer of the actor is due. */
export interface Due extends Stepped {
  readonly kind: 'due';
  readonly id: string;
  readonly generation: number;
}

/** An invoke has ended. */
export interface Ended extends Stepped {
  readonly kind: 'ended';
  readonly invoke: string;
  /** Which run of it. */
  readonly run: number;
  readonly event: { readonly type: string };
}

/** Asks for nothing but that the actor exists. */
export interface Wake {
  readonly kind: 'wake';
}

export type Letter = Told | Due | Ended | Wake;

/** A request as a letter; its deadline is counted from now. */
export function letterOf(request: Deliver, nowMs: number, answer: (answer: Answer) => void): Told {
  return {
    kind: 'told',
    event: request.event,
    from: request.from,
    fence: request.fence,
    asks: request.asks ?? false,
    again: request.again ?? false,
    expiresAtMs: nowMs + request.remainingMs,
    traceparent: request.traceparent,
    answer: [answer],
  };
}

export class Mailbox {
  readonly #max: number;
  #letters: Letter[] = [];
  #told = 0;
  readonly #numbered = new Map<string, Told>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#letters.length;
  }

  /** Takes a letter in; `full` leaves the mailbox as it was. */
  put(letter: Letter): 'queued' | 'joined' | 'full' {
    if (letter.kind !== 'told') {
      this.#letters.push(letter);
      return 'queued';
    }
    const name = nameOf(letter);
    const twin = name === undefined ? undefined : this.#numbered.get(name);
    if (twin !== undefined) {
      twin.answer.push(...letter.answer);
      twin.again ||= letter.again;
      twin.expiresAtMs = Math.max(twin.expiresAtMs, letter.expiresAtMs);
      return 'joined';
    }
    if (this.#told >= this.#max) return 'full';
    this.#told++;
    if (name !== undefined) this.#numbered.set(name, letter);
    this.#letters.push(letter);
    return 'queued';
  }

  /**
   * The next group to step together, at most `limit` letters. A letter with a fence is a group of
   * its own, so that a stale one disturbs no other. Taken letters can still be joined until
   * `finish`.
   */
  take(limit: number): Letter[] {
    let count = 0;
    for (const letter of this.#letters) {
      const alone = letter.kind === 'told' && letter.fence !== undefined;
      if (count >= limit || (alone && count > 0)) break;
      count++;
      if (alone) break;
    }
    return this.#letters.splice(0, count);
  }

  takeAll(): Letter[] {
    this.#told = 0;
    this.#numbered.clear();
    return this.#letters.splice(0);
  }

  /** Puts a taken group back in front. */
  putBack(letters: readonly Letter[]): void {
    this.#letters = [...letters, ...this.#letters];
  }

  /** The letter has its outcome; a later repeat is a message of its own. */
  finish(letter: Letter): void {
    if (letter.kind !== 'told') return;
    this.#told--;
    const name = nameOf(letter);
    if (name !== undefined) this.#numbered.delete(name);
  }
}

function nameOf({ from }: Told): string | undefined {
  return from === undefined ? undefined : `${from.n} ${from.sender}`;
}
