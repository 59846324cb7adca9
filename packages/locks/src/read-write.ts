import { grantedLease } from './acquisition.ts';
import { CoordinationError } from './errors.ts';
import type { Ended, Holder, Lease, ReleaseOutcome } from './lease.ts';
import type { ClaimOptions, ClaimOutcome, ResumeOutcome, Upkeep } from './lock-manager.ts';
import type { PermitHolding, PoolView } from './permit-command.ts';
import { MAX_HOLDERS } from './permit-record.ts';
import type { Pool } from './permit-request.ts';
import type { Permits } from './permits.ts';

/** Who reads, writes and waits. Times are the store's wall clock. */
export interface ReadWriteView {
  readonly resource: string;
  readonly writer: PermitHolding | undefined;
  /** At most the first 256 to lapse. */
  readonly readers: readonly PermitHolding[];
  /** How many read. */
  readonly reading: number;
  /** How many wait. */
  readonly queue: number;
  /** At most the first 256 in line. */
  readonly waiters: readonly {
    readonly holder: Holder;
    readonly instance: string;
    readonly wants: 'read' | 'write';
  }[];
  readonly serverMs: number;
}

export type DowngradeOutcome =
  /** The same lease, under the same fence, now reads. */
  | { readonly kind: 'downgraded'; readonly lease: Lease }
  | { readonly kind: 'ended'; readonly how: Ended }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export type UpgradeOutcome =
  /** A new lease under a new fence; the one that read is over, `superseded`. */
  | { readonly kind: 'granted'; readonly lease: Lease }
  /** Others read as well. */
  | { readonly kind: 'shared'; readonly others: number; readonly message: string }
  | { readonly kind: 'ended'; readonly how: Ended }
  | { readonly kind: 'unavailable'; readonly cause: Error };

/**
 * Many readers or one writer: a pool of 1,024 permits, of which a reader takes one and a writer
 * all. First come, first served: who asks to read after a writer has asked waits for the writer,
 * so neither starves. A writer's fence is above that of everybody who read before it.
 */
export class ReadWriteLock {
  readonly #permits: Permits;
  readonly #pool: Pool;

  constructor(permits: Permits, resource: string) {
    this.#permits = permits;
    this.#pool = { resource, capacity: MAX_HOLDERS };
  }

  get resource(): string {
    return this.#pool.resource;
  }

  tryRead(options: ClaimOptions = {}): Promise<ClaimOutcome> {
    return this.#permits.claim(this.#pool, 1, options);
  }

  tryWrite(options: ClaimOptions = {}): Promise<ClaimOutcome> {
    return this.#permits.claim(this.#pool, MAX_HOLDERS, options);
  }

  /** As `tryRead`, but throws a `LockAcquisitionError` when there is no lease. */
  async read(options: ClaimOptions = {}): Promise<Lease> {
    return grantedLease(this.resource, await this.tryRead(options), { ...options, redact: this.#permits.redact });
  }

  /** As `tryWrite`, but throws a `LockAcquisitionError` when there is no lease. */
  async write(options: ClaimOptions = {}): Promise<Lease> {
    return grantedLease(this.resource, await this.tryWrite(options), { ...options, redact: this.#permits.redact });
  }

  /** Runs `work` as a reader. */
  async withRead<T>(options: ClaimOptions, work: (lease: Lease) => Promise<T> | T): Promise<T> {
    return under(await this.read(options), work);
  }

  /** Runs `work` as the writer. */
  async withWrite<T>(options: ClaimOptions, work: (lease: Lease) => Promise<T> | T): Promise<T> {
    return under(await this.write(options), work);
  }

  /** From writer to reader at once, with nobody writing in between; readers in line are let in. */
  async downgrade(lease: Lease): Promise<DowngradeOutcome> {
    this.#check(lease);
    const outcome = await this.#permits.reweigh(lease, 1, {});
    if (outcome.kind === 'lowered') return { kind: 'downgraded', lease };
    if (outcome.kind === 'ended' || outcome.kind === 'unavailable') return outcome;
    return { kind: 'ended', how: 'expired' };
  }

  /**
   * From the only reader to writer, with nobody writing in between. Refused while others read:
   * two readers that each wait for the other to leave would wait for ever.
   */
  async upgrade(lease: Lease, upkeep: Upkeep = {}): Promise<UpgradeOutcome> {
    this.#check(lease);
    const outcome = await this.#permits.reweigh(lease, MAX_HOLDERS, upkeep);
    if (outcome.kind === 'lowered') return { kind: 'granted', lease };
    if (outcome.kind !== 'shared') return outcome;
    const { others } = outcome;
    const who = others === 1 ? 'Another reader holds' : `${others} other readers hold`;
    return {
      ...outcome,
      message: `${who} ${this.resource}: two readers that wait for each other to leave wait for ever. Release, and ask to write`,
    };
  }

  /** Throws `CoordinationError` when the store cannot answer. */
  async inspect(options: { readonly withLeaseId?: boolean } = {}): Promise<ReadWriteView> {
    return viewOf(await this.#permits.inspect(this.#pool, options));
  }

  /** As `watch` of a semaphore. */
  async *watch(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ReadWriteView> {
    for await (const view of this.#permits.watch(this.#pool, options.signal)) yield viewOf(view);
  }

  /** Continues a lease that another process was granted. */
  resume(request: { readonly leaseId: string } & Upkeep): Promise<ResumeOutcome> {
    return this.#permits.resume(this.#pool, request.leaseId, request);
  }

  /** Ends a lease by its id. Never throws. */
  release(request: { readonly leaseId: string; readonly how?: 'released' | 'revoked' }): Promise<ReleaseOutcome> {
    return this.#permits.release(this.#pool, request.leaseId, request.how ?? 'released');
  }

  #check(lease: Lease): void {
    if (lease.resource !== this.resource)
      throw new CoordinationError('LOCK_CONFIG', `The lease is on ${lease.resource}, not on ${this.resource}`, {
        applied: 'no',
      });
  }
}

function viewOf({ resource, holders, held, queue, waiters, serverMs }: PoolView): ReadWriteView {
  const writer = holders.find(({ weight }) => weight === MAX_HOLDERS);
  return {
    resource,
    writer,
    readers: writer === undefined ? holders : [],
    reading: writer === undefined ? held : 0,
    queue,
    waiters: waiters.map(({ weight, ...who }) => ({ ...who, wants: weight === 1 ? 'read' : 'write' })),
    serverMs,
  };
}

async function under<T>(lease: Lease, work: (lease: Lease) => Promise<T> | T): Promise<T> {
  try {
    return await work(lease);
  } finally {
    await lease.release();
  }
}
