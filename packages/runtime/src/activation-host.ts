// What an activation needs of the shard that hosts it; implemented by `ServedShard`.
import type { Clock } from '@devmentor/locks';
import type { Activation } from './activation.ts';
import type { ActorId } from './actor-id.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { Window } from './delay-policy.ts';
import type { EventData, LogEffect } from './effect.ts';
import type { Answer } from './envelope.ts';
import type { Stepper } from './group-step.ts';
import type { InspectedStep } from './inspection-feed.ts';
import type { TopicEvent } from './log-store.ts';
import type { MailLoad } from './mail-load.ts';
import type { Ask } from './remote-ask.ts';
import type { ActorRecord, Commit, CommitOutcome, OutboxRow } from './state-store.ts';
import type { StepSpans } from './step-spans.ts';

/** A message that is owed, on its way. */
export interface OwedRow {
  readonly to: ActorId;
  readonly n: number;
  readonly event: EventData;
  readonly traceparent?: string;
}

export interface ActivationHost {
  readonly clock: Clock;
  /** Of the whole node. */
  readonly mailLoad: MailLoad;
  /** When the shard was not served, as far as a delay's policy asks for it. */
  readonly windows: readonly Window[];
  /** The store's wall clock, never ahead of it. */
  storeNowMs(): number;
  load(
    id: ActorId,
  ): Promise<
    | { readonly kind: 'record'; readonly record: ActorRecord }
    | { readonly kind: 'absent' }
    | { readonly kind: 'fenced' }
  >;
  /** Steps what waits once the running code pauses. */
  pumpSoon(activation: Activation): void;
  nextCommitId(): string;
  commit(commit: Commit): Promise<CommitOutcome | { readonly kind: 'fenced' }>;
  /** Whether this node is the owner for certain, at this moment, without asking. */
  certain(): boolean;
  /** Asks the store whether it is. */
  confirm(): Promise<boolean>;
  /** The store said that another node owns the shard. */
  fenced(): void;
  /** No machine of this version here; true when the shard moves to a node that has one. */
  lacks(type: string, version: number): boolean;
  isTransient(fault: unknown): boolean;
  pause(ms: number): Promise<void>;

  deliver(from: ActorId, row: OwedRow, signal: AbortSignal): Promise<Answer>;
  /** For actors without a record: no outbox, so at most once after a crash. */
  tellOnce(row: OutboxRow): void;
  ask: Ask;
  /** Of an actor that is inspected; the steps that a commit has stored. */
  stepped(stepper: Stepper, steps: readonly InspectedStep[], version: number): void;
  published(events: readonly TopicEvent[]): void;
  emitted(id: ActorId, event: EventData): void;

  wakeAt(id: ActorId, dueAtMs: number | undefined): void;
  /** For the spans of a group; undefined where nothing is traced. */
  spans(stepper: Stepper): StepSpans | undefined;
  /** Runs work in a trace context. */
  within<Result>(traceparent: string | undefined, work: () => Result): Result;
  /** In [0, 1). */
  random(): number;
  /** A letter of this type of actor was given up. */
  gaveUp(type: string): void;
  /** How long nothing of this type is to be given up. */
  heldMs(type: string): number;
  used(activation: Activation): void;
  left(activation: Activation): void;
  onDeadLetter(letter: DeadLetter): void;
  onFault(fault: unknown): void;
  onLog(id: ActorId, effect: LogEffect): void;
}
