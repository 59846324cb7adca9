import { grantedLease } from './acquisition.ts';
import { CoordinationError } from './errors.ts';
import type { Lease, ReleaseOutcome } from './lease.ts';
import type { ClaimOptions, ClaimOutcome, ResumeOutcome, Upkeep } from './lock-manager.ts';
import type { PoolView } from './permit-command.ts';
import { MAX_PERMITS } from './permit-record.ts';
import type { Pool } from './permit-request.ts';
import type { Permits } from './permits.ts';

export interface PermitOptions extends ClaimOptions {
  /** How many permits, all or none; default 1. */
  readonly count?: number;
}

/**
 * A number of permits that many may hold at a time.
 *
 * Each claim is a lease of its own, with its own term, fence and signal; the same party may hold
 * several. First come, first served: a claim for many permits is not passed by claims for few.
 * All users of one name give the same number of permits.
 */
export class Semaphore {
  readonly #permits: Permits;
  readonly #pool: Pool;

  constructor(permits: Permits, pool: Pool) {
    if (!Number.isInteger(pool.capacity) || pool.capacity < 1 || pool.capacity > MAX_PERMITS)
      throw new CoordinationError(
        'LOCK_CONFIG',
        `permits ${pool.capacity} is not a whole number from 1 to ${MAX_PERMITS}`,
        { applied: 'no' },
      );
    this.#permits = permits;
    this.#pool = pool;
  }

  get resource(): string {
    return this.#pool.resource;
  }
  get permits(): number {
    return this.#pool.capacity;
  }

  /** Claims permits. Throws a `CapacityMismatchError` when the pool is in use with another number of them. */
  async tryAcquire(options: PermitOptions = {}): Promise<ClaimOutcome> {
    const { count = 1 } = options;
    if (!Number.isInteger(count) || count < 1 || count > this.permits)
      throw new CoordinationError(
        'LOCK_CONFIG',
        `count ${count} is not a whole number from 1 to the ${this.permits} permits of ${this.resource}`,
        { applied: 'no' },
      );
    return this.#permits.claim(this.#pool, count, options);
  }

  /** As `tryAcquire`, but throws a `LockAcquisitionError` when there is no lease. */
  async acquire(options: PermitOptions = {}): Promise<Lease> {
    return grantedLease(this.resource, await this.tryAcquire(options), { ...options, redact: this.#permits.redact });
  }

  /** Runs `work` under a lease and releases it. */
  async withPermits<T>(options: PermitOptions, work: (lease: Lease) => Promise<T> | T): Promise<T> {
    const lease = await this.acquire(options);
    try {
      return await work(lease);
    } finally {
      await lease.release();
    }
  }

  /** Who holds and who waits. Throws `CoordinationError` when the store cannot answer. */
  inspect(options: { readonly withLeaseId?: boolean } = {}): Promise<PoolView> {
    return this.#permits.inspect(this.#pool, options);
  }

  /**
   * Where the pool stands, and again within a second whenever others hold or wait; a renewal is no
   * change. Ends with the signal or with the manager; throws as `inspect` does.
   */
  watch(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<PoolView> {
    return this.#permits.watch(this.#pool, options.signal);
  }

  /** Continues a lease that another process was granted. */
  resume(request: { readonly leaseId: string } & Upkeep): Promise<ResumeOutcome> {
    return this.#permits.resume(this.#pool, request.leaseId, request);
  }

  /** Ends a lease by its id. Never throws. */
  release(request: { readonly leaseId: string; readonly how?: 'released' | 'revoked' }): Promise<ReleaseOutcome> {
    return this.#permits.release(this.#pool, request.leaseId, request.how ?? 'released');
  }
}
