// Actor types and references
export { type ActorId, type Address, formatActorId, parseActorId, shardOf } from './actor-id.ts';
export type { ActorRef, ActorView, Heard, ReadOptions, TellOptions } from './actor-ref.ts';
// For operators
export { Admin, type Named } from './admin.ts';
export { type ReplyAddress, replyAddress } from './asks.ts';
export type { Migration } from './behavior.ts';
export type { BuriedLetter, DeadLetter } from './dead-letter.ts';
export type { SuspendedActor } from './dead-letter-office.ts';
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
export { type EventData, publish, reply, tell } from './effect.ts';
export { ActorError, RUNTIME_CODES, type RuntimeCode, StaleFenceError } from './errors.ts';
export type { Finding, LintError, LintRule, LintWarning } from './finding.ts';
// Hints
export { emittedSubject, topicSubject } from './hints.ts';
export type { Inspect } from './inspect.ts';
export type { Inspection } from './inspection.ts';
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
// Memory adapters
export { MemoryLogStore } from './log-store.memory.ts';
// Ports
export type { LogId, LogStore, TopicEvent } from './log-store.ts';
// Errors
export { MachineFailed, MachineRefused } from './machine-driver.ts';
export type { MailLimits } from './mail-load.ts';
export { memoryStores } from './memory-stores.ts';
export { MemoryRecordStore } from './record-store.memory.ts';
export type { RecordStore } from './record-store.ts';
export { type Askable, type RemoteAskInput, remoteAsk } from './remote-ask.ts';
// The runtime
export { createRuntime, type NodeView, type Runtime, type RuntimeOptions } from './runtime.ts';
// Metrics
export type { NodeMetrics, RuntimeMetrics, RuntimeMetricsSnapshot, TypeMetrics } from './runtime-metrics.ts';
export { runtimeMetricsText } from './runtime-metrics-text.ts';
export { MemoryStateStore } from './state-store.memory.ts';
export type {
  ActorRecord,
  Commit,
  CommitOutcome,
  Epoch,
  Fenced,
  Incarnation,
  Json,
  OutboxRow,
  Ownership,
  SenderId,
  Settled,
  Shard,
  StateStore,
  TimerRow,
} from './state-store.ts';
export type { Directive, Halt } from './supervision.ts';
// Tracing
export type { Attributes, Span, SpanOptions, Tracer } from './tracing.ts';
export { MemoryBus, type MemoryTransport } from './transport.memory.ts';
export {
  MAX_BODY_BYTES,
  type Message,
  type RequestOutcome,
  type Subscription,
  TRANSPORT_CODES,
  type Transport,
  type TransportCode,
  TransportError,
  type TransportStatus,
} from './transport.ts';
