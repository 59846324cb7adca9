// Waiting
//
// Claims that stand in a queue. A waiter repeats its request every few seconds: that keeps its
// place alive, and finds an offer whose notification was lost. Otherwise nothing polls.
//
//   WT1  A claim settles once: by an offer, by a reply, by its time, by its signal, or by close.
//   WT2  When it settles without a lease, its place is left, and a grant just made given back,
//        before the caller hears of it.
//   WT3  An offer is used only within its own term, reckoned from the last reply's server time.
import type { Clock } from './clock.ts';
import type { Entropy } from './entropy.ts';
import { CoordinationError } from './errors.ts';
import type { GrantFacts, HeldLease, Term } from './held-lease.ts';
import type { EndedHow } from './lease.ts';
import type { Offer, Replies, RequestCommand } from './lease-command.ts';
import type { ClaimOptions, ClaimOutcome, Upkeep } from './lock-manager.ts';
import { tooLate } from './outcomes.ts';
import { allowanceMs } from './renewal.ts';

/** How often a waiter repeats its request: within an offer's 2 s, so that a lost notification costs no turn. */
export const REPEAT_MS = 1_500;
/** How long its place outlives the last repetition. */
export const ALIVE_MS = 5_000;

/** Whom a claim is made for: leases, or permits of a pool. */
interface Manager<C extends RequestCommand> {
  readonly clock: Clock;
  readonly entropy: Entropy;
  ask(command: C): Promise<Replies['request']>;
  /** Leaves the queue, or gives back what was just granted. */
  leave(command: C): Promise<unknown>;
  begin(facts: GrantFacts, term: Term, upkeep: Upkeep): HeldLease;
  /** Gives back what may have been granted, and nobody can ask for again. */
  takeBack(command: C, options: ClaimOptions): void;
  settled(
    command: C,
    reply: Replies['request'],
    sentMs: number,
    options: ClaimOptions,
  ): ClaimOutcome | 'queued' | 'late';
}

type Wake =
  | { readonly kind: 'repeat' }
  | { readonly kind: 'over' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'closed'; readonly fault: CoordinationError }
  | { readonly kind: 'offer'; readonly offer: Offer };

/** A moment that is known on both clocks: the send of a request, and the store's time when it answered. */
interface Anchor {
  readonly sentMs: number;
  readonly wallLeadMs: number;
  readonly serverMs: number;
}

interface Waiter {
  readonly resource: string;
  requestId: string;
  offer: Offer | undefined;
  /** Another claim of its party was answered with its lease: what an offer says of it may be over. */
  isPassed: boolean;
  wake: (wake: Wake) => void;
}

export class Waiting<C extends RequestCommand = RequestCommand> {
  readonly #manager: Manager<C>;
  readonly #listener: string;
  readonly #waiters = new Map<string, Waiter>();
  readonly #claims = new Set<Promise<ClaimOutcome>>();
  #closed: CoordinationError | undefined;

  constructor(manager: Manager<C>, listener: string) {
    this.#manager = manager;
    this.#listener = listener;
  }

  /** Claims, and stands in the queue for up to `waitMs`. */
  async claim(command: C, waitMs: number, options: ClaimOptions): Promise<ClaimOutcome> {
    const { clock } = this.#manager;
    const endMs = clock.nowMs() + waitMs;
    const { resource, requestId } = command;
    const waiter: Waiter = { resource, requestId, offer: undefined, isPassed: false, wake: () => undefined };
    if (this.#waiters.has(command.requestId))
      throw new CoordinationError(
        'LOCK_CONFIG',
        `Request ${command.requestId} is already waiting here: share its promise`,
        { applied: 'no' },
      );
    this.#waiters.set(command.requestId, waiter);
    const claim = this.#stand(command, waiter, endMs, options);
    this.#claims.add(claim);
    try {
      return await claim;
    } finally {
      this.#claims.delete(claim);
      this.#waiters.delete(waiter.requestId);
    }
  }

  offered(offer: Offer): void {
    const waiter = this.#waiters.get(offer.requestId);
    if (waiter?.resource !== offer.resource || waiter.isPassed) return;
    waiter.offer = offer;
    waiter.wake({ kind: 'offer', offer });
  }

  /** The lease of this request is in somebody's hands here: whoever waits for it asks the store. */
  passed({ resource, requestId }: { readonly resource: string; readonly requestId: string }): void {
    const waiter = this.#waiters.get(requestId);
    if (waiter?.resource !== resource) return;
    waiter.isPassed = true;
    waiter.offer = undefined;
    waiter.wake({ kind: 'repeat' });
  }

  /** Every claim ends as unavailable; resolves when the places are left. */
  async close(fault: CoordinationError): Promise<void> {
    this.#closed = fault;
    for (const waiter of this.#waiters.values()) waiter.wake({ kind: 'closed', fault });
    // Each leaves with one command, which the store's time-out bounds.
    await Promise.allSettled(this.#claims);
  }

  async #stand(first: C, waiter: Waiter, endMs: number, options: ClaimOptions): Promise<ClaimOutcome> {
    const { clock, entropy } = this.#manager;
    let command = first;
    let fault: CoordinationError | undefined;
    let wasLate = false;
    for (;;) {
      const sentMs = clock.nowMs();
      const leftMs = Math.max(0, Math.ceil(endMs - sentMs));
      const isLast = leftMs === 0;
      const wallLeadMs = clock.wallMs() - sentMs;
      let anchor: Anchor | undefined;
      try {
        const reply = await this.#manager.ask({
          ...command,
          waitMs: isLast ? 0 : Math.min(ALIVE_MS, leftMs + 1_000),
          listener: this.#listener,
        });
        fault = undefined;
        command = { ...command, isFirst: false };
        if (reply.kind === 'gone' && isOver(reply.how) && options.requestId === undefined && !isLast) {
          // An offer came and went while this process could not answer, or replicas were too slow
          // to acknowledge a grant and it was given back. Nobody else knows the
          // request's name, so the claim goes on, at the end of the queue, under another.
          this.#waiters.delete(command.requestId);
          command = renamed(command, entropy);
          waiter.requestId = command.requestId;
          this.#waiters.set(command.requestId, waiter);
          waiter.offer = undefined;
          waiter.isPassed = false;
          continue;
        }
        if (options.signal?.aborted === true) return await this.#leave(command, options.signal.reason);
        const outcome = this.#manager.settled(command, reply, sentMs, options);
        if (outcome === 'late') {
          // Asked again, the store says what is left of it.
          if (isLast && wasLate) throw tooLate(command.resource);
          wasLate = isLast;
          continue;
        }
        if (outcome !== 'queued') {
          return isLast && outcome.kind === 'busy' ? { ...outcome, why: 'waited' } : outcome;
        }
        if (reply.kind === 'queued') anchor = { sentMs, wallLeadMs, serverMs: reply.view.serverMs };
      } catch (caught) {
        // What is asked wrongly stays wrong.
        if (!(caught instanceof CoordinationError) || caught.code === 'LOCK_CONFIG') throw caught;
        fault = caught;
        command = { ...command, isFirst: false };
        if (isLast) {
          this.#manager.takeBack(command, options);
          return { kind: 'unavailable', cause: fault };
        }
      }
      const wake = await this.#next(waiter, endMs, fault !== undefined, options.signal);
      if (wake.kind === 'aborted') return await this.#leave(command, options.signal?.reason);
      if (wake.kind === 'closed') return await this.#leave(command, wake.fault);
      if (wake.kind === 'offer') {
        const lease = anchor === undefined ? undefined : this.#take(command, wake.offer, anchor, options);
        if (lease !== undefined) return { kind: 'granted', lease, fresh: true };
        waiter.offer = undefined;
      }
    }
  }

  /** The offered lease, unless what is left of the offer is too little to count on: then the next request confirms first. */
  #take(command: C, offer: Offer, anchor: Anchor, options: ClaimOptions): HeldLease | undefined {
    // Server time `serverMs` came after `sentMs` here, so this end is never too late.
    const endMs = anchor.sentMs + (offer.untilMs - anchor.serverMs);
    const { clock } = this.#manager;
    const nowMs = clock.nowMs();
    if (endMs - nowMs < 50) return undefined;
    // While the machine slept, the offer did not stand still.
    const { wallLeadMs } = anchor;
    if (clock.wallMs() - nowMs - wallLeadMs > allowanceMs(nowMs - anchor.sentMs)) return undefined;
    const { fence, grantedAtMs, untilMs, leaseId } = offer;
    const facts: GrantFacts = { ...command, leaseId, fence, gen: 1, grantedAtMs, untilMs, offered: true };
    return this.#manager.begin(facts, { sentMs: nowMs, remainingMs: endMs - nowMs, wallLeadMs }, options);
  }

  #next(waiter: Waiter, endMs: number, afterFault: boolean, signal: AbortSignal | undefined): Promise<Wake> {
    const { clock, entropy } = this.#manager;
    if (this.#closed !== undefined) return Promise.resolve({ kind: 'closed', fault: this.#closed });
    if (signal?.aborted === true) return Promise.resolve({ kind: 'aborted' });
    if (waiter.offer !== undefined) return Promise.resolve({ kind: 'offer', offer: waiter.offer });
    return new Promise((resolve) => {
      const leftMs = Math.max(0, endMs - clock.nowMs());
      const pauseMs = (afterFault ? REPEAT_MS / 10 : REPEAT_MS) * (1 - entropy.random() / 4);
      const cancel = clock.after(Math.min(leftMs, pauseMs), () =>
        waiter.wake({ kind: leftMs <= pauseMs ? 'over' : 'repeat' }),
      );
      const onAbort = (): void => waiter.wake({ kind: 'aborted' });
      signal?.addEventListener('abort', onAbort, { once: true });
      waiter.wake = (wake) => {
        cancel();
        signal?.removeEventListener('abort', onAbort);
        waiter.wake = () => undefined;
        resolve(wake);
      };
    });
  }

  /** Leaves the queue for good, then throws what the caller is to hear. */
  async #leave(command: C, reason: unknown): Promise<never> {
    await this.#manager.leave(command).catch(() => undefined);
    throw reason;
  }
}

/** The same claim as another request: its lease's name does for both. */
export function renamed<C extends RequestCommand>(command: C, entropy: Entropy): C {
  const leaseId = entropy.id();
  return { ...command, requestId: leaseId, leaseId, isFirst: true };
}

function isOver(how: EndedHow): boolean {
  return how === 'expired' || how === 'cancelled';
}
