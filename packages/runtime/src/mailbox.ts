// Mailbox
//
// What waits for one activation: messages told, timers due, ends of invokes.
//
//   MB1  Messages leave in the order they came.
//   MB2  Told messages never wait beyond the mailbox's bounds in number and bytes, nor beyond the
//        node's; one more is refused, and nothing else changes.
//   MB3  A repeated message (same sender and number) joins the one that waits: stepped once,
//        both answered, as long as one of them waits.
//   MB4  What the actor itself caused (timers, ends of invokes) is never refused: there is at
//        most one of each running timer and end of an invoke, and the events of one are bounded (IV3).
import type { FencingToken } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import type { EventData } from './effect.ts';
import type { Answer, Deliver, Numbered, Order } from './envelope.ts';
import type { ActorError, FaultData } from './errors.ts';
import type { MailLimits, MailLoad } from './mail-load.ts';
import type { OutboxRow } from './state-store.ts';
import { soundTraceparent } from './traceparent.ts';

/** A letter that is stepped. */
interface Stepped {
  /** The state that came of it could not be stored: it is given up with this, and not stepped again. */
  unstorable?: FaultData;
  /** How often its step threw so far. */
  failures?: number;
}

/** A message on its way through an activation. */
export interface Told extends Stepped {
  readonly kind: 'told';
  /** Monotonic; when it came. */
  readonly atMs: number;
  readonly event: EventData;
  readonly from: Numbered | undefined;
  readonly fence: FencingToken | undefined;
  readonly asks: boolean;
  /** What the actor itself once caused, replayed. */
  readonly own?: boolean | undefined;
  /** An earlier attempt may have been committed. */
  again: boolean;
  /** Monotonic; after it nobody waits. */
  expiresAtMs: number;
  /** Sound, where there is one. */
  readonly traceparent: string | undefined;
  /** As JSON, about. */
  readonly bytes: number;
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

/** An invoke that runs has sent its machine an event. */
export interface Said extends Stepped {
  readonly kind: 'said';
  readonly invoke: string;
  /** Which run of it. */
  readonly run: number;
  readonly event: { readonly type: string };
  /** It waits no more. */
  readonly finished: () => void;
}

/** A message the actor owes was refused for good. */
export interface Bounced extends Stepped {
  readonly kind: 'bounced';
  readonly row: OutboxRow;
  readonly refusal: ActorError;
  /** The receiver asks to close the lane, which is empty now. */
  readonly closes: boolean;
}

/** The last message owed on a lane was taken by its receiver, who asks to close the lane. */
export interface Emptied extends Stepped {
  readonly kind: 'emptied';
  readonly row: OutboxRow;
}

/** The receiver has no lane of this actor, and numbers below `floor` are over. */
export interface Closed extends Stepped {
  readonly kind: 'closed';
  readonly to: ActorId;
  readonly floor: number;
  /** All that is owed to it and committed, at the time it is stepped. */
  readonly rows: readonly OutboxRow[];
}

/** What an operator wants of the actor. */
export interface Ordered extends Stepped {
  readonly kind: 'ordered';
  readonly order: Order['order'];
  readonly why: string;
  readonly from: Numbered | undefined;
  readonly answer: ((answer: Answer) => void)[];
}

/** Asks for nothing but that the actor exists. */
export interface Wake {
  readonly kind: 'wake';
}

export type Letter = Told | Due | Said | Ended | Bounced | Emptied | Closed | Ordered | Wake;

/** What a message weighs beside its event. */
const ENVELOPE_BYTES = 128;
const MOST_ORDERS = 16;

/** A request as a letter; its deadline is counted from now. */
export function letterOf(request: Deliver, nowMs: number, answer: (answer: Answer) => void): Told {
  return {
    kind: 'told',
    atMs: nowMs,
    event: request.event,
    from: request.from,
    fence: request.fence,
    asks: request.asks ?? false,
    own: request.own,
    again: request.again ?? false,
    expiresAtMs: nowMs + request.remainingMs,
    traceparent: soundTraceparent(request.traceparent),
    bytes: ENVELOPE_BYTES + (request.bytes ?? weightOf(request.event)),
    answer: [answer],
  };
}

/**
 * What waits in every empty mailbox; never added to. An array of its own would grow old while the actor
 * idles, and then keep its next letter, with all that hangs on it, from the young collector.
 */
const NONE: Letter[] = [];

export class Mailbox {
  readonly #limits: MailLimits;
  readonly #load: MailLoad;
  #letters: Letter[] = NONE;
  #told = 0;
  #bytes = 0;
  #orders = 0;
  /** A numbered letter that waits; by name those that came while it waited, there while something waits. */
  #lone: Told | undefined;
  #numbered: Map<string, Told> | undefined;

  constructor(limits: MailLimits, load: MailLoad) {
    this.#limits = limits;
    this.#load = load;
  }

  get size(): number {
    return this.#letters.length;
  }

  /** How often the letter that is next has failed. */
  get failures(): number | undefined {
    const [next] = this.#letters;
    return next === undefined || next.kind === 'wake' ? undefined : next.failures;
  }

  /** Nothing waits, and nothing that was taken is unfinished. */
  get isEmpty(): boolean {
    return this.#letters.length === 0 && this.#told === 0 && this.#orders === 0;
  }

  /** Takes a letter in; `full` leaves the mailbox as it was. */
  put(letter: Letter): 'queued' | 'joined' | 'full' {
    if (letter.kind !== 'told') {
      if (letter.kind === 'ordered' && ++this.#orders > MOST_ORDERS) {
        this.#orders--;
        return 'full';
      }
      this.#add(letter);
      return 'queued';
    }
    const twin = letter.from === undefined ? undefined : this.#twinOf(letter.from);
    if (twin !== undefined) {
      twin.answer.push(...letter.answer);
      twin.again ||= letter.again;
      twin.expiresAtMs = Math.max(twin.expiresAtMs, letter.expiresAtMs);
      return 'joined';
    }
    const { messages, bytes } = this.#limits;
    if (this.#told >= messages || this.#bytes + letter.bytes > bytes || !this.#load.take(letter.bytes)) return 'full';
    this.#told++;
    this.#bytes += letter.bytes;
    if (letter.from !== undefined) this.#name(letter, letter.from);
    this.#add(letter);
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
    if (count < this.#letters.length) return this.#letters.splice(0, count);
    return this.#all();
  }

  takeAll(): Letter[] {
    this.#load.give(this.#told, this.#bytes);
    this.#told = 0;
    this.#bytes = 0;
    this.#orders = 0;
    this.#lone = undefined;
    this.#numbered = undefined;
    return this.#all();
  }

  /** Puts a taken group back in front. */
  putBack(letters: readonly Letter[]): void {
    this.#letters = [...letters, ...this.#letters];
  }

  /** The letter has its outcome; a later repeat is a message of its own. */
  finish(letter: Letter): void {
    if (letter.kind === 'ordered') this.#orders--;
    if (letter.kind === 'said') letter.finished();
    if (letter.kind !== 'told') return;
    this.#load.give(1, letter.bytes);
    this.#told--;
    this.#bytes -= letter.bytes;
    if (this.#lone === letter) this.#lone = undefined;
    else if (letter.from !== undefined) this.#numbered?.delete(nameOf(letter.from));
    if (this.#told === 0) this.#numbered = undefined;
  }

  #add(letter: Letter): void {
    if (this.#letters === NONE) this.#letters = [letter];
    else this.#letters.push(letter);
  }

  #all(): Letter[] {
    const all = this.#letters;
    this.#letters = NONE;
    return all;
  }

  #twinOf(from: Numbered): Told | undefined {
    const lone = this.#lone?.from;
    if (lone?.n === from.n && lone.sender === from.sender) return this.#lone;
    return this.#numbered?.get(nameOf(from));
  }

  #name(letter: Told, from: Numbered): void {
    if (this.#lone === undefined) {
      this.#lone = letter;
      return;
    }
    this.#numbered ??= new Map();
    this.#numbered.set(nameOf(from), letter);
  }
}

function nameOf({ n, sender }: Numbered): string {
  return `${n} ${sender}`;
}

/** The size of a value as JSON, without writing it; not exact for text that has to be escaped. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  let weight = 2;
  for (const key in value) weight += key.length + 4 + weightOf((value as Record<string, unknown>)[key]);
  return weight;
}
