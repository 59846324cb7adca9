// A lease, as anyone may count on it
//
//   M1  At most one unlapsed lease. A grant over one that was neither released nor taken over is legal
//       only where the term can have ended: the earliest moment of the grant or last renewal, and the
//       term, are not later than the end of the claim.
//   M2  Every grant carries a greater fence than every grant before it; a party that asks again for
//       what it has is given the same.
//   M3  A lease is renewed, released and seen only under its own fence.
//
// Clients do not see all that happens to their leases: they are renewed in the background, offered and
// passed on, given back when an answer came too late. So `unseen` is the default: a term may have been
// prolonged, refusals need no reason, a lease may be seen that no client was told of. A lease that came
// of a claim with unknown outcome, that was handed off, or that its holder called lost, may end at any
// time. Nothing right is ever called wrong; M1 to M3 are held against every answer that says yes.

import {
  describeLease,
  fenceSeen,
  type LeaseInput,
  type LeaseOperation,
  type LeaseOutput,
  short,
} from './lease-operation.ts';
import * as Terms from './lease-term.ts';
import type { SequentialModel } from './sequential-model.ts';

interface Held {
  readonly by: string;
  readonly request: string | undefined;
  /** Undefined: granted, and nobody was told under which. */
  readonly fence: string | undefined;
  /** It may end, or have ended, without anything in the history to tell it. */
  readonly loose: boolean;
}

export interface LeaseState {
  readonly held: Held | undefined;
  /** The highest fence granted or seen. */
  readonly top: string;
  readonly term: Terms.Term;
}

/** What a history of leases shows, and how exact its clocks are. */
export interface LeaseModelOptions {
  /** How far the clocks of clients and store may be apart; default 0, for one clock. */
  readonly slackMs?: number;
  /** False where every grant, renewal and end is an operation of the history. Default true. */
  readonly unseen?: boolean;
}

const INITIAL: LeaseState = { held: undefined, top: '', term: Terms.beginning };

/** One resource's lease with a term. */
export function leaseModel(options: LeaseModelOptions = {}): SequentialModel<LeaseState, LeaseInput, LeaseOutput> {
  const slackMs = options.slackMs ?? 0;
  const unseen = options.unseen ?? true;
  const observes = ({ input, outcome }: LeaseOperation): boolean => {
    if (outcome.kind !== 'ok') return input.kind === 'look';
    return unseen && input.kind === 'claim' && outcome.value.kind === 'refused';
  };
  return {
    name: 'lease',
    initial: () => INITIAL,
    step(state, operation) {
      if (observes(operation)) return [state];
      const { invokedMs, returnedMs, outcome } = operation;
      const until = outcome.kind === 'ok' && returnedMs !== undefined ? returnedMs : Number.POSITIVE_INFINITY;
      const term = Terms.at(state.term, invokedMs - slackMs, until + slackMs);
      if (term === undefined) return [];
      const next = new Step({ ...state, term }, unseen).take(operation);
      return unseen ? next.map((reached) => ({ ...reached, term: Terms.earliest(reached.term) })) : next;
    },
    fingerprint({ held, top, term }) {
      if (held === undefined) return `${top} ${term.nowMin}`;
      const { by, request, fence, loose } = held;
      return `${top} ${Terms.termName(term)} ${loose ? '~' : '='}${JSON.stringify([by, request, fence])}`;
    },
    observes,
    rank: fenceSeen,
    describe: describeLease,
    believes({ held, term }) {
      if (held === undefined) return 'nobody holds it';
      const fence = held.fence === undefined ? 'a fence that nobody was told' : short(held.fence);
      const end = held.loose ? 'which may have ended' : `which cannot have lapsed before ${term.endMin} ms`;
      return `${held.by} holds it under ${fence}, ${end}`;
    },
  };
}

/** One operation taking effect at a moment within its time. */
class Step {
  readonly #state: LeaseState;
  readonly #unseen: boolean;

  constructor(state: LeaseState, unseen: boolean) {
    this.#state = state;
    this.#unseen = unseen;
  }

  take({ input, outcome }: LeaseOperation): readonly LeaseState[] {
    const told = outcome.kind === 'ok' ? outcome.value : undefined;
    switch (input.kind) {
      case 'claim':
      case 'takeover':
        if (told === undefined) return this.#granted(input, undefined);
        if (told.kind === 'granted') return this.#granted(input, told.fence);
        return told.kind === 'refused' ? this.#refused(input.kind) : [];
      case 'renew':
        if (told === undefined || told.kind === 'renewed') return this.#renewed(input);
        return told.kind === 'ended' ? this.#ended(input.fence) : [];
      case 'release':
        if (told === undefined || told.kind === 'released') return this.#released(input.fence);
        return told.kind === 'ended' ? this.#ended(input.fence) : [];
      case 'hand-off':
        if (told === undefined) return this.#handedOff(input, undefined);
        if (told.kind === 'granted') return this.#handedOff(input, told.fence);
        return told.kind === 'ended' ? this.#ended(input.fence) : [];
      case 'look':
        if (told?.kind === 'held') return this.#seen(told.fence, told.by);
        return told === undefined || told.kind === 'free' ? this.#free() : [];
      case 'lost':
        return this.#lost(input.fence);
    }
  }

  #granted(
    input: Extract<LeaseInput, { readonly kind: 'claim' | 'takeover' }>,
    fence: string | undefined,
  ): readonly LeaseState[] {
    const { held, top, term } = this.#state;
    const next: LeaseState[] = [];
    const isOwn =
      held !== undefined &&
      (held.by === input.by || (held.request !== undefined && held.request === input.request)) &&
      fence !== undefined &&
      this.#is(held, fence);
    if (isOwn) next.push(...this.#alive().map((alive) => this.#pinned(alive, fence)));
    if (fence !== undefined && fence <= top) return next;
    const free = input.kind === 'takeover' ? [term] : this.#over();
    for (const term of free)
      next.push({
        held: { by: input.by, request: input.request, fence, loose: fence === undefined },
        top: fence ?? top,
        term: Terms.begun(term, input.ttlMs),
      });
    return next;
  }

  /** A takeover that came to nothing may have got the lease for a moment, and given it back. */
  #refused(kind: 'claim' | 'takeover'): readonly LeaseState[] {
    const { held } = this.#state;
    if (kind === 'takeover') return held === undefined ? [this.#state] : [this.#state, this.#loosened(held)];
    return held === undefined ? [] : this.#alive();
  }

  #renewed(input: Extract<LeaseInput, { readonly kind: 'renew' }>): readonly LeaseState[] {
    if (!this.#isCurrent(input.fence)) return [];
    return this.#alive().map((state) => {
      const pinned = this.#pinned(state, input.fence);
      return { ...pinned, term: Terms.begun(pinned.term, input.ttlMs) };
    });
  }

  #released(fence: string | undefined): readonly LeaseState[] {
    const { held } = this.#state;
    if (held === undefined || (fence !== undefined && !this.#isCurrent(fence))) return [];
    return this.#alive().map(({ top, term }) => ({
      held: undefined,
      top: greater(fence ?? top, top),
      term: Terms.over(term),
    }));
  }

  #handedOff(
    input: Extract<LeaseInput, { readonly kind: 'hand-off' }>,
    fence: string | undefined,
  ): readonly LeaseState[] {
    const { top } = this.#state;
    if (!this.#isCurrent(input.fence) || (fence !== undefined && (fence <= top || fence <= input.fence))) return [];
    const held: Held = { by: input.to, request: undefined, fence, loose: true };
    return this.#alive().map(({ term }) => ({
      held,
      top: fence ?? greater(input.fence, top),
      term: Terms.begun(term, input.ttlMs),
    }));
  }

  /** What was to be renewed or released was not there any more; without a fence, nothing was. */
  #ended(fence: string | undefined): readonly LeaseState[] {
    const { held } = this.#state;
    if (held === undefined || (fence !== undefined && !this.#isCurrent(fence))) return [this.#state];
    const gone = this.#free();
    // A lease under an untold fence need not be the one that was meant.
    return held.fence === undefined ? [this.#state, ...gone] : gone;
  }

  #seen(fence: string, by: string | undefined): readonly LeaseState[] {
    const { held, top } = this.#state;
    const next: LeaseState[] = [];
    if (held !== undefined && this.#is(held, fence) && (by === undefined || by === held.by))
      next.push(...this.#alive().map((alive) => this.#pinned(alive, fence)));
    if (this.#unseen && fence > top)
      for (const term of this.#over())
        next.push({
          held: { by: by ?? 'somebody', request: undefined, fence, loose: true },
          top: fence,
          term: Terms.over(term),
        });
    return next;
  }

  #free(): readonly LeaseState[] {
    const { top } = this.#state;
    return this.#over().map((term) => ({ held: undefined, top, term: Terms.over(term) }));
  }

  #lost(fence: string): readonly LeaseState[] {
    const { held } = this.#state;
    return [held !== undefined && this.#isCurrent(fence) ? this.#loosened(held) : this.#state];
  }

  #isCurrent(fence: string): boolean {
    return this.#state.held !== undefined && this.#is(this.#state.held, fence);
  }

  /** A lease whose fence nobody was told may have any that is greater than those before. */
  #is(held: Held, fence: string): boolean {
    return held.fence === undefined ? fence > this.#state.top : held.fence === fence;
  }

  #pinned(state: LeaseState, fence: string): LeaseState {
    return state.held === undefined || state.held.fence !== undefined
      ? state
      : { ...state, held: { ...state.held, fence }, top: fence };
  }

  #loosened(held: Held): LeaseState {
    return { ...this.#state, held: { ...held, loose: true } };
  }

  /** The lease stands at this moment. */
  #alive(): readonly LeaseState[] {
    if (this.#unseen) return [this.#state];
    const term = Terms.unlapsed(this.#state.term);
    return term === undefined ? [] : [{ ...this.#state, term }];
  }

  /** No lease stands at this moment: what is known of it then. */
  #over(): readonly Terms.Term[] {
    const { held, term } = this.#state;
    if (held === undefined || held.loose) return [term];
    const ended = Terms.lapsed(term);
    return ended === undefined ? [] : [ended];
  }
}

function greater(fence: string, other: string): string {
  if (fence > other) return fence;
  return other;
}
