import { CoordinationError } from './errors.ts';
import type { Lease } from './lease.ts';
import type { Lock } from './lock-manager.ts';

/** The short form over a lease. */
export class ShortLock implements Lock {
  readonly id: string;
  readonly resource: string;
  readonly ttl: number;
  readonly lease: Lease;

  constructor(lease: Lease) {
    this.id = lease.leaseId;
    this.resource = lease.resource;
    this.ttl = lease.ttlMs;
    this.lease = lease;
  }

  startAutoRenewal(): void {
    this.lease.renewal('auto');
  }

  stopAutoRenewal(): void {
    this.lease.renewal('manual');
  }
}

/** For callers whose types were not checked. */
export function checkLock(lock: Lock): void {
  const given: Partial<Lock> | null | undefined = lock;
  if (typeof given?.lease?.release !== 'function')
    throw new CoordinationError('LOCK_CONFIG', 'This is no lock: pass what acquireLock resolved with', {
      applied: 'no',
    });
}
