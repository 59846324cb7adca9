// Asks
//
// What an actor was asked and answers in a later step. The machine keeps a reply address, which is
// plain data, where it likes; what is behind it is in the actor's record, so that the answer finds
// the one who asks over passivation and failover: a repeat of the ask is told it, or waits for it.
//
//   AK1  The first answer to an ask counts.
//   AK2  An ask is kept until its deadline, an answered one for ten minutes, for repeats of it; at
//        most 1,000 of both, of which the answered go first.
//   AK3  One that is not answered by its deadline is DEADLINE for whoever asked.
import type { Numbered } from './envelope.ts';
import type { Json } from './json.ts';

declare const brand: unique symbol;

/** Where an answer is to go; text, which a machine may keep in its context. */
export type ReplyAddress = string & { readonly [brand]: 'ReplyAddress' };

export interface AskKept {
  /** Store time after which nobody needs it. */
  readonly untilMs: number;
  readonly answer?: { readonly v: Json };
}

/** By reply address, in the order they were asked. */
export type Asks = Readonly<Record<string, AskKept>>;

export const noAsks: Asks = {};

const MOST_ASKS = 1_000;
const KEPT_MS = 600_000;

export function replyAddressOf({ sender, n }: Numbered): ReplyAddress {
  return `${n} ${sender}` as ReplyAddress;
}

/** Undefined when there is no room for one more. */
export function withAsk(asks: Asks, address: ReplyAddress, untilMs: number): Asks | undefined {
  const all = Object.entries(asks);
  if (all.length >= MOST_ASKS) {
    const answered = all.findIndex(([, { answer }]) => answer !== undefined);
    if (answered < 0) return undefined;
    all.splice(answered, 1);
    return { ...Object.fromEntries(all), [address]: { untilMs } };
  }
  return { ...asks, [address]: { untilMs } };
}

export function withoutAsk(asks: Asks, address: ReplyAddress): Asks {
  if (asks[address] === undefined) return asks;
  const { [address]: _answered, ...others } = asks;
  return others;
}

/** `late`: it was answered before, or nobody asks any more. */
export function answered(
  asks: Asks,
  address: string,
  value: Json,
  nowMs: number,
): { readonly kind: 'answered'; readonly asks: Asks } | { readonly kind: 'late' } {
  const ask = asks[address];
  if (ask === undefined || ask.answer !== undefined || ask.untilMs < nowMs) return { kind: 'late' };
  return {
    kind: 'answered',
    asks: { ...asks, [address]: { untilMs: Math.ceil(nowMs + KEPT_MS), answer: { v: value } } },
  };
}

export function withoutExpired(asks: Asks, nowMs: number): Asks {
  for (const address in asks)
    if ((asks[address]?.untilMs ?? 0) < nowMs)
      return Object.fromEntries(Object.entries(asks).filter(([, { untilMs }]) => untilMs >= nowMs));
  return asks;
}

/** Registered, so that a machine built with another copy of this package is understood as well. */
const mark: unique symbol = Symbol.for('devmentor.reply');

/**
 * The address of whoever asked the event, for `reply({ to, value })` in this or a later step; null for an
 * event that nobody waits on. Taking it is a promise to answer: the ask then waits, instead of NO_REPLY.
 */
export function replyAddress(event: object): ReplyAddress | null {
  return (event as { readonly [mark]?: () => ReplyAddress })[mark]?.() ?? null;
}

/** The event with its reply address, which `taken` gives and so hears of being asked for. */
export function askedEvent<Event extends object>(event: Event, taken: () => ReplyAddress): Event {
  // Not enumerable: a copy of the event promises nothing.
  return Object.defineProperty({ ...event }, mark, { value: taken });
}
