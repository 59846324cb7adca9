// Requests
//
// The requests of one node that wait for an answer: ids, outcomes and deadlines, for any transport.
// One map, one alarm for all deadlines, no Error and no timer per request.
//
//   RQ1  Every request settles exactly once; an answer to one that has settled is dropped.
//   RQ2  A deadline settles within one slot (10 ms) after it.
//   RQ3  An id is used once per node; ids of one batch follow each other.
import { assert, type Cancel, type Clock } from '@devmentor/locks';
import type { RequestOutcome } from './transport.ts';

const slotMs = 10;
/** Ids fit into 32 bits on the wire and start over long after the last use. */
const idSpace = 2 ** 32;

/** A request that waits. Known by its id from the moment it is sent. */
export interface Pending {
  id: number;
  readonly slot: number;
  readonly settle: (outcome: RequestOutcome) => void;
  /** Ends the listening to the caller's signal. */
  readonly release: (() => void) | undefined;
  /** False once it has settled; one that settled before it was sent need not be. */
  waits: boolean;
  /** Its neighbours among those of the slot. */
  previous: Pending | undefined;
  next: Pending | undefined;
}

/** The requests of one slot, linked: one leaves without being looked for. */
interface Slot {
  first: Pending | undefined;
}

const lost = {
  deadline: { kind: 'lost', why: 'deadline' },
  disconnected: { kind: 'lost', why: 'disconnected' },
  closed: { kind: 'lost', why: 'closed' },
} as const satisfies Record<string, RequestOutcome>;
const noResponders = { kind: 'no-responders' } as const satisfies RequestOutcome;

export class Requests {
  readonly #clock: Clock;
  readonly #sent = new Map<number, Pending>();
  /** Requests by the slot of their deadline; slots are few, since most deadlines are alike. */
  readonly #slots = new Map<number, Slot>();
  #size = 0;
  #alarm: { readonly slot: number; readonly cancel: Cancel } | undefined;
  #nextId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Waits for an answer; `send` is called at once with the request, which has no id yet. */
  open(
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
    send: (pending: Pending) => void,
  ): Promise<RequestOutcome> {
    const { timeoutMs, signal } = options;
    assert(Number.isFinite(timeoutMs), 'a request has a deadline');
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (!(timeoutMs > 0)) return Promise.resolve(noResponders);
    return new Promise((resolve, reject) => {
      const abort =
        signal === undefined
          ? undefined
          : (): void => {
              if (this.#forget(pending)) reject(signal.reason as Error);
            };
      const slot = Math.ceil((this.#clock.nowMs() + timeoutMs) / slotMs);
      const release = abort === undefined ? undefined : (): void => signal?.removeEventListener('abort', abort);
      const pending: Pending = {
        id: 0,
        slot,
        settle: resolve,
        release,
        waits: true,
        previous: undefined,
        next: undefined,
      };
      if (abort !== undefined) signal?.addEventListener('abort', abort, { once: true });
      this.#keep(pending);
      send(pending);
      if (pending.waits) this.#armFor(slot);
    });
  }

  /** Gives the requests of one batch ids that follow each other; answers the first. Settled ones are left out by the caller. */
  number(batch: readonly Pending[]): number {
    if (this.#nextId + batch.length > idSpace) this.#nextId = 1;
    const first = this.#nextId;
    for (const pending of batch) {
      pending.id = this.#nextId++;
      this.#sent.set(pending.id, pending);
    }
    return first;
  }

  answer(id: number, body: Buffer): void {
    const pending = this.#sent.get(id);
    if (pending !== undefined) this.#settle(pending, { kind: 'reply', body });
  }

  /** Nobody listens where these ids were sent. */
  nobody(firstId: number, count: number): void {
    for (let id = firstId; id < firstId + count; id++) {
      const pending = this.#sent.get(id);
      if (pending !== undefined) this.#settle(pending, noResponders);
    }
  }

  /** Settles one that was never sent. */
  unsent(pending: Pending): void {
    this.#settle(pending, noResponders);
  }

  /** Ends everything that waits. */
  loseAll(why: 'disconnected' | 'closed'): void {
    for (const slot of [...this.#slots.values()]) this.#settleAll(slot, lost[why]);
    this.#alarm?.cancel();
    this.#alarm = undefined;
    // Who was told may have asked again at once.
    for (const slot of this.#slots.keys()) this.#armFor(slot);
  }

  #keep(pending: Pending): void {
    this.#size++;
    const slot = this.#slots.get(pending.slot);
    if (slot === undefined) {
      this.#slots.set(pending.slot, { first: pending });
      return;
    }
    pending.next = slot.first;
    if (slot.first !== undefined) slot.first.previous = pending;
    slot.first = pending;
  }

  #armFor(slot: number): void {
    if (this.#alarm === undefined || slot < this.#alarm.slot) this.#arm(slot);
  }

  #settleAll(slot: Slot, outcome: RequestOutcome): void {
    let pending = slot.first;
    while (pending !== undefined) {
      const { next } = pending;
      this.#settle(pending, outcome);
      pending = next;
    }
  }

  #arm(slot: number): void {
    this.#alarm?.cancel();
    this.#alarm = { slot, cancel: this.#clock.background(slot * slotMs - this.#clock.nowMs(), () => this.#expire()) };
  }

  #expire(): void {
    this.#alarm = undefined;
    const now = this.#clock.nowMs() / slotMs;
    let next = Number.POSITIVE_INFINITY;
    for (const [slot, due] of [...this.#slots]) {
      if (slot <= now) this.#settleAll(due, lost.deadline);
      else next = Math.min(next, slot);
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  }

  #settle(pending: Pending, outcome: RequestOutcome): void {
    if (this.#forget(pending)) pending.settle(outcome);
  }

  /** True for the first caller only. An alarm that nobody waits for any more stays: setting one costs more. */
  #forget(pending: Pending): boolean {
    if (!pending.waits) return false;
    pending.waits = false;
    this.#size--;
    this.#sent.delete(pending.id);
    pending.release?.();
    const { previous, next } = pending;
    pending.previous = undefined;
    pending.next = undefined;
    if (next !== undefined) next.previous = previous;
    if (previous !== undefined) previous.next = next;
    else if (next === undefined) this.#slots.delete(pending.slot);
    else {
      const slot = this.#slots.get(pending.slot);
      if (slot !== undefined) slot.first = next;
    }
    return true;
  }
}
