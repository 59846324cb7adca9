// Actor types and references
export { type ActorId, type Address, formatActorId, parseActorId, shardOf } from './actor-id.ts';
export { type ActorOptions, type ActorType, type ActorTypes, type ContextOf, defineActor, type EventOf, type Returns, returns } from './define-actor.ts';
export type { ActorRef, ActorView, Heard, ReadOptions, TellOptions } from './actor-ref.ts';
export type { Migration } from './behavior.ts';
export { type EventData, publish, reply, tell } from './effect.ts';

// The runtime
export { createRuntime, type DeadLetter, type NodeView, type Runtime, type RuntimeOptions } from './runtime.ts';

// Errors
export { ActorError, RUNTIME_CODES, type RuntimeCode, StaleFenceError } from './errors.ts';

// Ports
export type { LogId, LogStore, TopicEvent } from './log-store.ts';
export type { RecordStore } from './record-store.ts';
export type { ActorRecord, Commit, CommitOutcome, Epoch, Fenced, Incarnation, Json, OutboxRow, Ownership, SenderId, Settled, Shard, StateStore, TimerRow } from './state-store.ts';
export type { Message, RequestOutcome, Transport, TransportStatus } from './transport.ts';
