// Actor types, and what their machines may ask for

export { type ReplyAddress, replyAddress } from './asks.ts';
export type { Migration } from './behavior.ts';
export {
  type ActorOptions,
  type ActorType,
  type ActorTypes,
  type ContextOf,
  defineActor,
  type EventOf,
  type Returns,
  returns,
} from './define-actor.ts';
export type { DelayPolicy } from './delay-policy.ts';
export { type DurableWork, durable } from './durable.ts';
export { type EventData, publish, reply, tell, unwatch, watch } from './effect.ts';
export type { Finding, LintError, LintRule, LintWarning } from './finding.ts';
export { type Askable, type RemoteAskInput, remoteAsk } from './remote-ask.ts';
export type { Directive } from './supervision.ts';
export type { Terminated } from './watchers.ts';

// The runtime, and references to actors

export { type ActorId, type Address, formatActorId, parseActorId, shardOf } from './actor-id.ts';
export type { ActorRef, ActorView, Heard, ReadOptions, TellOptions } from './actor-ref.ts';
export type { Inspect } from './inspection-feed.ts';
export type { MailLimits } from './mail-load.ts';
export { createRuntime, type NodeView, type Runtime, type RuntimeOptions } from './runtime.ts';
export type { Attributes, Span, SpanOptions, Tracer } from './tracing.ts';

// Errors

export { ActorError, RUNTIME_CODES, type RuntimeCode, StaleFenceError } from './errors.ts';
export { type GuardOutcome, MachineFailed, MachineRefused } from './machine-driver.ts';
export { STORE_CODES, type StoreCode, StoreFault } from './store-faults.ts';
export { TRANSPORT_CODES, type TransportCode, TransportError } from './transport.ts';

// For operators

export { Admin, type Named } from './admin.ts';
export type { BuriedLetter, DeadLetter } from './dead-letter.ts';
export type { SuspendedActor } from './dead-letter-office.ts';
export type { Inspection } from './inspection.ts';
export type { NamedEffect } from './inspection-feed.ts';
export type {
  ActorFilter,
  ActorsPage,
  ActorsQuery,
  InspectionEvent,
  InspectionOptions,
} from './inspection-stream.ts';
export type { NodeMetrics, RuntimeMetrics, RuntimeMetricsSnapshot, TypeMetrics } from './runtime-metrics.ts';
export { runtimeMetricsText } from './runtime-metrics-text.ts';
export type { Halt } from './supervision.ts';

// Hints

export { emittedSubject, topicSubject } from './hints.ts';

// Leases as actors

export { type LeaseActorTypes, type LeaseContext, leaseActor } from './lease-actor.ts';
export {
  type Concern,
  concernsOf,
  LEASE_RELAY,
  type LeaseRelayOptions,
  leaseEvent,
  leaseRelay,
} from './lease-relay.ts';

// Ports

export type { Json } from './json.ts';
export type { LogId, LogStore, TopicEvent } from './log-store.ts';
export type { RecordStore } from './record-store.ts';
export type {
  ActorRecord,
  Commit,
  CommitOutcome,
  Epoch,
  Fenced,
  Incarnation,
  OutboxRow,
  Ownership,
  SenderId,
  Settled,
  Shard,
  StateStore,
  TimerRow,
} from './state-store.ts';
export {
  MAX_BODY_BYTES,
  type Message,
  type RequestOutcome,
  type Subscription,
  type Transport,
  type TransportStatus,
} from './transport.ts';

// Memory adapters

export { MemoryLogStore } from './log-store.memory.ts';
export { memoryStores } from './memory-stores.ts';
export { MemoryRecordStore } from './record-store.memory.ts';
export { MemoryStateStore } from './state-store.memory.ts';
export { MemoryBus, type MemoryTransport } from './transport.memory.ts';
