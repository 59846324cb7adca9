// Sender
//
// Numbers what this node tells, so that a receiver can tell a repeat from a new message. One
// counter serves all receivers: numbers to one receiver rise, with gaps.
//
//   SE1  At most 64 numbers from the lowest unsettled one up are given out per receiver; who
//        comes later waits for a place, in order, and at most `maxWaiting` wait.
//   SE2  A number is settled when its caller has an answer or has given up on it.
//   SE3  A lane without unsettled numbers is forgotten; a silent sender costs nothing.
import type { ActorId } from './actor-id.ts';
import type { Numbered } from './envelope.ts';
import type { SenderId } from './state-store.ts';

const WINDOW = 64;

interface Lane {
  readonly to: ActorId;
  /** Unsettled numbers from the floor up, in order, and settled ones between them. */
  readonly window: Ticket[];
  readonly waiting: { readonly admit: () => void }[];
}

/** A number for one message, until it is settled. */
export class Ticket {
  readonly n: number;
  settled = false;
  readonly #sender: SenderId;
  readonly #lane: Lane;
  readonly #onSettled: (lane: Lane) => void;

  constructor(n: number, sender: SenderId, lane: Lane, onSettled: (lane: Lane) => void) {
    this.n = n;
    this.#sender = sender;
    this.#lane = lane;
    this.#onSettled = onSettled;
  }

  /** With the floor of this moment. */
  numbered(): Numbered {
    return { sender: this.#sender, n: this.n, floor: this.#lane.window[0]?.n ?? this.n };
  }

  settle(): void {
    if (this.settled) return;
    this.settled = true;
    this.#onSettled(this.#lane);
  }
}

export class Sender {
  readonly id: SenderId;
  readonly #maxWaiting: number;
  readonly #lanes = new Map<ActorId, Lane>();
  readonly #onSettled = (lane: Lane): void => this.#settled(lane);
  #last = 0;

  constructor(id: SenderId, maxWaiting = 1_000) {
    this.id = id;
    this.#maxWaiting = maxWaiting;
  }

  /** A place at once, or `wait` for one; `full` when too many wait already. */
  open(to: ActorId): Ticket | 'full' | { readonly wait: Promise<Ticket>; readonly giveUp: () => void } {
    const lane = this.#lane(to);
    if (lane.window.length < WINDOW && lane.waiting.length === 0) return this.#ticket(lane);
    if (lane.waiting.length >= this.#maxWaiting) return 'full';
    let place: { readonly admit: () => void };
    const wait = new Promise<Ticket>((resolve) => {
      place = { admit: () => resolve(this.#ticket(lane)) };
      lane.waiting.push(place);
    });
    return {
      wait,
      giveUp: () => {
        const at = lane.waiting.indexOf(place);
        if (at !== -1) lane.waiting.splice(at, 1);
        // Admitted in the same moment: the place goes to the next.
        else void wait.then((ticket) => ticket.settle());
      },
    };
  }

  get lanes(): number {
    return this.#lanes.size;
  }

  #lane(to: ActorId): Lane {
    const known = this.#lanes.get(to);
    if (known !== undefined) return known;
    const lane: Lane = { to, window: [], waiting: [] };
    this.#lanes.set(to, lane);
    return lane;
  }

  #ticket(lane: Lane): Ticket {
    const ticket = new Ticket(++this.#last, this.id, lane, this.#onSettled);
    lane.window.push(ticket);
    return ticket;
  }

  #settled(lane: Lane): void {
    const { window, waiting } = lane;
    while (window[0]?.settled === true) window.shift();
    while (window.length < WINDOW && waiting.length > 0) waiting.shift()?.admit();
    if (window.length === 0) this.#lanes.delete(lane.to);
  }
}
