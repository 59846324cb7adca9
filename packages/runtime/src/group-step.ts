// What a group of letters comes to: data between stepping, the commit and what goes out after it.
import type { ActorId } from './actor-id.ts';
import type { ActorState } from './actor-state.ts';
import type { ReplyAddress } from './asks.ts';
import type { Behavior } from './behavior.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { ActionEffect, EmitEffect, InvokeEffect, LogEffect, SendEffect } from './effect.ts';
import type { Answer } from './envelope.ts';
import type { FaultData } from './errors.ts';
import type { InspectedStep } from './inspection-feed.ts';
import type { MachineDriver } from './machine-driver.ts';
import type { Letter, Ordered, Told } from './mailbox.ts';
import type { Commit, Json, OutboxRow, Settled } from './state-store.ts';
import type { StepSpans } from './step-spans.ts';

/** An effect for the time after the commit. */
export type AfterEffect =
  | EmitEffect
  | ActionEffect
  | LogEffect
  | SendEffect
  | { readonly kind: 'start'; readonly invoke: InvokeEffect; readonly run: number }
  | { readonly kind: 'stop'; readonly id: string }
  /** It stands still: what it invokes is stopped, to be started again when it goes on. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'rise' }
  /** What it owes to this one has new numbers. */
  | { readonly kind: 'renumbered'; readonly to: ActorId };

export interface GroupStep {
  readonly letters: readonly Letter[];
  /** Those that were not stepped, the first of which failed and is to be tried again after the pause. */
  readonly left: readonly Letter[];
  readonly pauseMs: number;
  readonly next: ActorState;
  /** False when there is nothing to commit. */
  readonly changes: boolean;
  readonly settles: readonly Settled[];
  /** Lanes that their senders close. */
  readonly closes: NonNullable<Commit['closes']>;
  readonly outbox: readonly OutboxRow[];
  /** Rows that leave the outbox here, not by being paid: refused for good, numbered anew, the last of a lane that is closed. */
  readonly bounced: readonly OutboxRow[];
  readonly events: readonly { readonly type: string; readonly data: Json }[];
  /** `version` of a committed answer is filled in by the commit. */
  readonly answers: ReadonlyMap<Told | Ordered, Answer | Later>;
  /** Answers to asks of earlier groups. */
  readonly replies: readonly { readonly to: string; readonly value: Json }[];
  /** One by one, where the actor is inspected. */
  readonly steps: readonly InspectedStep[];
  readonly after: readonly AfterEffect[];
  readonly deadLetters: readonly DeadLetter[];
  /** How many letters were given up since their steps threw. */
  readonly givenUp: number;
  /** Where steps are traced. */
  readonly spans?: StepSpans | undefined;
}

/** The machine has taken the address of the ask, and answers it later. */
export interface Later {
  readonly kind: 'later';
  readonly address: ReplyAddress;
}

/** What the actors of one type share on a node. */
export interface ActorKind {
  readonly behavior: Behavior;
  readonly driver: MachineDriver;
  /** Whether its steps are to be shown one by one. */
  isInspected?(): boolean;
}

export interface Stepper extends ActorKind {
  readonly id: ActorId;
}

/** How a settled message's answer is stored: a value, or the refusal. */
export type StoredReply = { readonly v: Json } | { readonly f: FaultData } | { readonly later: true };

/** What a group is stepped at. */
export interface StepMoment {
  readonly storeMs: number;
  readonly clockMs: number;
  /** Messages in the outbox already. */
  readonly owed: number;
  /** How long the breaker of the type is open. */
  readonly heldMs: number;
  /** In [0, 1). */
  readonly jitter: number;
  readonly spans?: StepSpans | undefined;
}

/** What a sender is answered, from what was stored for it. */
export function answerOf(
  reply: StoredReply | undefined,
  version: number,
): Extract<Answer, { kind: 'committed' | 'fault' }> {
  if (reply === undefined) return { kind: 'committed', version };
  if ('f' in reply) return { kind: 'fault', fault: reply.f };
  if ('later' in reply)
    return { kind: 'fault', fault: { code: 'DEADLINE', message: 'It was not answered in time', applied: 'unknown' } };
  return { kind: 'committed', version, reply: reply.v };
}
