// What the parts of one node share. Made by `node.ts`; nothing here is a global, so that many
// nodes live in one process.
import type { Clock, Entropy } from '@devmentor/locks';
import type { Activation, ActivationKind } from './activation.ts';
import type { OwedRow } from './activation-host.ts';
import type { ActorId } from './actor-id.ts';
import type { NodeCounts } from './counts.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { LogEffect } from './effect.ts';
import type { Answer } from './envelope.ts';
import type { Hints } from './hints.ts';
import type { InspectionFeed } from './inspection-feed.ts';
import type { StepViewers } from './inspection-stream.ts';
import type { MailLoad } from './mail-load.ts';
import type { Residents } from './passivation.ts';
import type { PumpQueue } from './pump-queue.ts';
import type { Ask } from './remote-ask.ts';
import type { Incarnation, OutboxRow, Shard, StateStore } from './state-store.ts';
import type { StoreClock } from './store-clock.ts';
import type { Timers } from './timers.ts';
import type { Tracing } from './tracing.ts';
import type { TypeBreaker } from './type-breaker.ts';

export interface NodePorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly state: StateStore;
  readonly storeClock: StoreClock;
  readonly timers: Timers;
  readonly pumps: PumpQueue;
  readonly residents: Residents<Activation>;
  readonly hints: Hints;
  /** For an inspector of XState. */
  readonly feed: InspectionFeed | undefined;
  readonly viewers: StepViewers;
  readonly mailLoad: MailLoad;
  readonly breaker: TypeBreaker;
  readonly counts: NodeCounts;
  /** From the start on, where something is traced. */
  tracing(): Tracing | undefined;
  /** Whether no other node can own what this incarnation owns, as far as clocks can tell. */
  isCertain(by: Incarnation): boolean;
  /** Actors of this type and version are served in the shard. */
  serves(shard: Shard, type: string, version: number): void;
  /** This node has no machine of the version that a record asks for; true when another has, and is to take the shard. */
  lacks(shard: Shard, type: string, version: number): boolean;
  /** Undefined for a type that is not defined here. */
  kindOf(id: ActorId): ActivationKind | undefined;
  deliverOwed(from: ActorId, row: OwedRow, signal: AbortSignal): Promise<Answer>;
  tellOnce(row: OutboxRow): void;
  readonly ask: Ask;
  /** Somebody is in memory. */
  onUsed(): void;
  onDeadLetter(letter: DeadLetter): void;
  onFault(fault: unknown): void;
  onLog(id: ActorId, effect: LogEffect): void;
}
