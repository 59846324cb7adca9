// Time and chance

// Events
export type { Redact } from './acquisition.ts';
export { systemClock } from './clock.system.ts';
export type { Cancel, Clock, Unsubscribe } from './clock.ts';
export { type Entropy, seededEntropy, systemEntropy } from './entropy.ts';
// Errors and invariants
export {
  type AcquisitionCode,
  type Applied,
  CapacityMismatchError,
  CoordinationError,
  type FaultFacts,
  LeaseLostError,
  LOCK_CODES,
  LockAcquisitionError,
  type LockCode,
} from './errors.ts';
// The end of a process
export { type ExitOptions, releaseOnExit } from './exit.ts';
// What people are shown
export { expectedWaitMs } from './expected-wait.ts';
// Counting
export { Histogram, type HistogramSnapshot } from './histogram.ts';
// Ids
export { encodeId, encodePart, slotOf } from './id-codec.ts';
export { assert, InvariantViolation, unreachable } from './invariant.ts';
// Leases
export {
  type AnswerOutcome,
  type Breaking,
  type Ended,
  type EndedHow,
  type FencingToken,
  type FreeView,
  fenceOf,
  type HandedHow,
  type HandedOver,
  type HandOff,
  type HandOffOutcome,
  type HeldView,
  type Holder,
  type Json,
  type JsonObject,
  type Lease,
  type LeaseState,
  type LeaseView,
  type Link,
  type LossReason,
  parseFence,
  type ReleaseOutcome,
  type RenewOutcome,
  type TakeoverAnswer,
} from './lease.ts';
export type { LeaseStore } from './lease-store.ts';
export type { AuditEntry, AuditGap, AuditOptions, AuditRecord } from './lock-audit.ts';
export type {
  EventHow,
  LockEvent,
  LockEventType,
  LockLog,
  LoggedLockEvent,
  LogId,
  LogPage,
} from './lock-event.ts';
export type {
  AnswerRequest,
  AttachOutcome,
  AwayOutcome,
  Busy,
  CancelOutcome,
  ClaimOptions,
  ClaimOutcome,
  Connection,
  ForceOptions,
  ForceOutcome,
  Granted,
  ILockManager,
  LeaseChange,
  LeasePage,
  LeaseRef,
  Lock,
  LockManager,
  ResumeOutcome,
  TakeoverName,
  TakeoverOptions,
  TakeoverOutcome,
  TakerOptions,
  Upkeep,
  WithdrawOutcome,
} from './lock-manager.ts';
export type { ClaimResult, LockCounts, LockMetricsSnapshot } from './lock-metrics.ts';
export { Locks, type LocksOptions } from './locks.ts';
// The manager in memory; the one on Redis is in the subpath `redis`
export { MemoryLeaseStore, type MemoryLeaseStoreOptions, MemoryLockManager } from './memory.ts';
export { type Labels, MetricsText } from './metrics-text.ts';
// Several at once
export {
  MultiLease,
  type MultiOptions,
  type MultiOutcome,
  type MultiRefusal,
  type MultiReleaseOutcome,
} from './multi-lock.ts';
// Pools of permits
export type { PermitHolding, PermitQueuer, PoolView } from './permit-command.ts';
export { MemoryPermitStore } from './permit-store.memory.ts';
export type { PermitStore } from './permit-store.ts';
export { prometheusText } from './prometheus.ts';
export { type DowngradeOutcome, ReadWriteLock, type ReadWriteView, type UpgradeOutcome } from './read-write.ts';
export { type PermitOptions, Semaphore } from './semaphore.ts';
