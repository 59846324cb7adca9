// Time and chance

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
// Ids
export { encodeId, encodePart, slotOf } from './id-codec.ts';
export { assert, InvariantViolation, unreachable } from './invariant.ts';
// Leases
export {
  type Breaking,
  type Ended,
  type EndedHow,
  type FencingToken,
  type FreeView,
  fenceOf,
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
} from './lease.ts';
export type { LeaseStore } from './lease-store.ts';
// Events
export type { LockEvent, LockEventType, LockLog, LoggedLockEvent, LogId, LogPage } from './lock-event.ts';
export type {
  AttachOutcome,
  AwayOutcome,
  Busy,
  CancelOutcome,
  ClaimOptions,
  ClaimOutcome,
  Connection,
  Granted,
  ILockManager,
  LeaseChange,
  LeasePage,
  LeaseRef,
  Lock,
  LockManager,
  ResumeOutcome,
} from './lock-manager.ts';
export { Locks, type LocksOptions } from './locks.ts';
// The manager in memory; the one on Redis is in the subpath `redis`
export { MemoryLeaseStore, type MemoryLeaseStoreOptions, MemoryLockManager } from './memory.ts';
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
export type { PermitStore } from './permit-store.ts';
export { type DowngradeOutcome, ReadWriteLock, type ReadWriteView, type UpgradeOutcome } from './read-write.ts';
export { type PermitOptions, Semaphore } from './semaphore.ts';
