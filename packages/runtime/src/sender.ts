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

/** A number for one message, until it is settled. */
export interface Ticket {
  /** With the floor of this moment. */
  numbered(): Numbered;
  settle(): void;
}

interface Lane {
  /** Numbers from the floor up, in order; true once settled. */
  readonly window: Map<number, boolean>;
  readonly waiting: { readonly admit: () => void }[];
}

export class Sender {
  readonly id: SenderId;
  readonly #maxWaiting: number;
  readonly #lanes = new Map<ActorId, Lane>();
  #last = 0;

  constructor(id: SenderId, maxWaiting = 1_000) {
    this.id = id;
    this.#maxWaiting = maxWaiting;
  }

  /** A place at once, or `wait` for one; `full` when too many wait already. */
  open(to: ActorId): Ticket | 'full' | { readonly wait: Promise<Ticket>; readonly giveUp: () => void } {
    const lane = this.#lanes.get(to) ?? { window: new Map<number, boolean>(), waiting: [] };
    this.#lanes.set(to, lane);
    if (lane.window.size < WINDOW && lane.waiting.length === 0) return this.#ticket(to, lane);
    if (lane.waiting.length >= this.#maxWaiting) return 'full';
    let place: { readonly admit: () => void };
    const wait = new Promise<Ticket>((resolve) => {
      place = { admit: () => resolve(this.#ticket(to, lane)) };
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

  #ticket(to: ActorId, lane: Lane): Ticket {
    const n = ++this.#last;
    lane.window.set(n, false);
    return {
      numbered: () => ({ sender: this.id, n, floor: lane.window.keys().next().value ?? n }),
      settle: () => {
        if (!lane.window.has(n)) return;
        lane.window.set(n, true);
        for (const [number, settled] of lane.window) {
          if (!settled) break;
          lane.window.delete(number);
        }
        while (lane.window.size < WINDOW && lane.waiting.length > 0) lane.waiting.shift()?.admit();
        if (lane.window.size === 0 && this.#lanes.get(to) === lane) this.#lanes.delete(to);
      },
    };
  }
}
