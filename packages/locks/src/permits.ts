// Permits
//
// Claims on pools, for one process. A permit's lease is the same `Lease` as an exclusive one,
// and a claim waits in the same way: only what is sent differs.
import type { Redact } from './acquisition.ts';
import type { Alarms } from './alarms.ts';
import { ChurningMap } from './churning-map.ts';
import { checkRef, checkRenewal } from './claim-arguments.ts';
import { type ClaimHome, Claiming } from './claiming.ts';
import type { Cancel, Clock, Unsubscribe } from './clock.ts';
import type { Entropy } from './entropy.ts';
import { CapacityMismatchError, CoordinationError } from './errors.ts';
import { type GrantFacts, HeldLease, type LeaseHome, type Term } from './held-lease.ts';
import type { Ended, Lease, ReleaseOutcome } from './lease.ts';
import type { CommandKind, CommandOf, LeaseCommand, OwnView, Replies, Reply } from './lease-command.ts';
import { type LeaseStore, SWEEP_MS } from './lease-store.ts';
import type { LockLog } from './lock-event.ts';
import type { ClaimOptions, ClaimOutcome, ResumeOutcome, Upkeep } from './lock-manager.ts';
import type { LockMetrics } from './lock-metrics.ts';
import { ended, isUncertain, tooLate, type Unavailable, unavailable } from './outcomes.ts';
import type { PermitReplies, PermitRequest, PoolView } from './permit-command.ts';
import { type Pool, permitRequest } from './permit-request.ts';
import type { PermitStore, PoolPage, PoolQuery } from './permit-store.ts';
import { watchPool } from './pool-watch.ts';
import { isTermOver } from './renewal.ts';
import type { Sleeps } from './sleeps.ts';

export type ReweighOutcome =
  | { readonly kind: 'lowered' }
  | { readonly kind: 'granted'; readonly lease: Lease }
  | { readonly kind: 'shared'; readonly others: number }
  | { readonly kind: 'ended'; readonly how: Ended }
  | { readonly kind: 'unavailable'; readonly cause: Error };

/** What pools need of the manager that they belong to. */
interface PoolHome extends LeaseHome {
  readonly redact: Redact | undefined;
  open(): Promise<void>;
}

export class Permits implements LeaseHome, ClaimHome<PermitRequest, PermitReplies['request']> {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly alarms: Alarms;
  readonly sleeps: Sleeps;
  readonly metrics: LockMetrics;
  readonly redact: Redact | undefined;
  /** What a held lease sends, to the pool it is of. */
  readonly store: Pick<LeaseStore, 'submit'>;
  readonly #manager: PoolHome;
  readonly #permits: PermitStore;
  readonly #self: string;
  readonly #leases = new ChurningMap<string, HeldLease>();
  readonly #claiming: Claiming<PermitRequest, PermitReplies['request']>;
  #opening: Promise<void> | undefined;
  isOpen = false;
  readonly #closing = new AbortController();
  #stopSweeping: Cancel = () => undefined;
  #stopListening: Unsubscribe = () => undefined;

  constructor(manager: PoolHome, permits: PermitStore) {
    this.clock = manager.clock;
    this.entropy = manager.entropy;
    this.alarms = manager.alarms;
    this.sleeps = manager.sleeps;
    this.metrics = manager.metrics;
    this.redact = manager.redact;
    this.#manager = manager;
    this.#permits = permits;
    this.#self = this.entropy.id();
    this.store = {
      submit: <K extends CommandKind>(command: CommandOf<K>) => this.#pass(command) as Promise<Replies[K]>,
    };
    this.#claiming = new Claiming(this, this.#self);
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Leases on pools that this process holds. */
  get holding(): number {
    return this.#leases.size;
  }

  async claim(pool: Pool, weight: number, options: ClaimOptions): Promise<ClaimOutcome> {
    const from = { self: this.#self, entropy: this.entropy };
    return this.#claiming.claim(permitRequest(pool, weight, options, from), options);
  }

  async resume(pool: Pool, leaseId: string, upkeep: Upkeep): Promise<ResumeOutcome> {
    const { resource } = pool;
    checkRef({ resource, leaseId });
    checkRenewal(upkeep);
    const resume = async (isLast: boolean): Promise<ResumeOutcome> => {
      const sentMs = this.clock.nowMs();
      const reply = await this.#permits.submit<'renew'>({ kind: 'renew', resource, leaseId, ttlMs: undefined });
      if (reply.kind === 'ended') return ended(reply.how);
      if (this.#leases.get(leaseId)?.leaving !== undefined) return { kind: 'ended', how: 'released' };
      if (isTermOver({ sentMs, remainingMs: reply.view.remainingMs }, this.clock.nowMs())) {
        if (isLast) throw tooLate(resource);
        return resume(true);
      }
      return { kind: 'resumed', lease: this.adopt(reply.view, sentMs, upkeep) };
    };
    return this.#asking(() => resume(false));
  }

  /** By id: a holder that cannot do it itself, or must not go on. Never throws. */
  async release(pool: Pool, leaseId: string, how: 'released' | 'revoked'): Promise<ReleaseOutcome> {
    const { resource } = pool;
    checkRef({ resource, leaseId });
    const isByOther = !this.#leases.has(leaseId);
    const outcome = await this.#asking(() =>
      this.#permits.submit<'release'>({ kind: 'release', resource, leaseId, how, reason: undefined, isByOther }),
    );
    if (outcome.kind === 'unavailable') return { kind: 'unknown', cause: outcome.cause };
    if (outcome.kind === 'released')
      this.#leases.get(leaseId)?.abandon(how === 'revoked' ? 'revoked' : 'released-elsewhere');
    return outcome;
  }

  async inspect(pool: Pool, options: { readonly withLeaseId?: boolean }): Promise<PoolView> {
    await this.open();
    const { view } = await this.#permits.submit<'inspect'>({ kind: 'inspect', resource: pool.resource });
    const free = view.permits === 0 ? pool.capacity : view.free;
    const shown = { ...view, permits: view.permits === 0 ? pool.capacity : view.permits, free };
    if (options.withLeaseId === true) return shown;
    return withoutLeaseIds(shown);
  }

  async *watch(pool: Pool, signal: AbortSignal | undefined): AsyncGenerator<PoolView> {
    await this.open();
    const ends = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    yield* watchPool(() => this.inspect(pool, {}), this.clock, ends);
  }

  async list(query: PoolQuery): Promise<PoolPage> {
    await this.open();
    const { views, next } = await this.#permits.list(query);
    return { views: views.map(withoutLeaseIds), next };
  }

  /** What pools went through. Nobody hints: who follows it looks every second. */
  get log(): LockLog {
    const permits = this.#permits;
    return {
      buckets: permits.logs,
      bucketOf: () => 0,
      read: (log, after, limit) => permits.readLog(log, after, limit),
      onHint: () => () => undefined,
    };
  }

  /** More or fewer permits for a lease of the pool; more is a new lease in its place. */
  async reweigh(lease: Lease, weight: number, upkeep: Upkeep): Promise<ReweighOutcome> {
    const { resource, leaseId } = lease;
    const next = { leaseId: this.entropy.id(), requestId: this.entropy.id() };
    const ask = () => this.#permits.submit<'reweigh'>({ kind: 'reweigh', resource, leaseId, weight, next });
    const outcome = await this.#asking<ReweighOutcome>(async () => {
      let sentMs = this.clock.nowMs();
      // The same ids: it is done once, however often it is asked.
      const again = (): ReturnType<typeof ask> => {
        sentMs = this.clock.nowMs();
        return ask();
      };
      let reply = await ask().catch((fault: unknown) => {
        if (!isUncertain(fault)) throw fault;
        return again();
      });
      if (this.#isLate(reply, sentMs)) reply = await again();
      if (this.#isLate(reply, sentMs)) throw tooLate(resource);
      return this.#reweighed(lease, reply, { ...next, sentMs, upkeep });
    });
    if (outcome.kind === 'unavailable' && isUncertain(outcome.cause))
      void this.leave({ resource, ...next }).catch(() => undefined);
    return outcome;
  }

  /** `fault`: what those who wait are told. */
  async close(fault: CoordinationError, leases: 'release' | 'keep'): Promise<void> {
    this.#closing.abort();
    this.isOpen = false;
    this.#stopSweeping();
    await this.#claiming.close(fault);
    const held = [...this.#leases.values()];
    if (leases === 'keep') for (const lease of held) lease.abandon('shutdown');
    else await Promise.all(held.map((lease) => lease.end('shutdown')));
    this.#stopListening();
  }

  submit(command: PermitRequest): Promise<PermitReplies['request']> {
    return this.#permits.submit<'request'>(command);
  }

  understood(command: PermitRequest, reply: PermitReplies['request']): Replies['request'] {
    if (reply.kind === 'capacity') throw new CapacityMismatchError(command.resource, reply.stored, command.capacity);
    return reply;
  }

  /** Its release has overtaken an answer; what is asked after that comes after it. */
  leaving({ leaseId }: { readonly leaseId: string }): Promise<unknown> | undefined {
    return this.#leases.get(leaseId)?.leaving;
  }

  leave({ resource, requestId }: Pick<PermitRequest, 'resource' | 'requestId'>): Promise<Replies['cancel']> {
    return this.#permits.submit<'cancel'>({ kind: 'cancel', resource, requestId });
  }

  /** A lease that was just granted or offered. */
  begin(facts: GrantFacts, term: Term, upkeep: Upkeep): HeldLease {
    const lease = this.#hold(facts, term, upkeep);
    // Its request was on the way when the manager closed.
    if (this.#isClosed) void lease.end('shutdown');
    return lease;
  }

  forget(lease: HeldLease): void {
    if (this.#leases.get(lease.leaseId) === lease) this.#leases.delete(lease.leaseId);
  }

  recall(lease: HeldLease): boolean {
    const held = this.#leases.get(lease.leaseId);
    if (held !== undefined && held !== lease) return false;
    this.#leases.set(lease.leaseId, lease);
    return true;
  }

  /** A lease that was over here before the answer that tells of it came. */
  #isLate(reply: PermitReplies['reweigh'], sentMs: number): boolean {
    if (reply.kind !== 'granted' && reply.kind !== 'held') return false;
    const remainingMs = reply.kind === 'held' ? reply.view.remainingMs : reply.untilMs - reply.serverMs;
    return isTermOver({ sentMs, remainingMs }, this.clock.nowMs());
  }

  #reweighed(
    lease: Lease,
    reply: PermitReplies['reweigh'],
    next: { readonly leaseId: string; readonly requestId: string; readonly sentMs: number; readonly upkeep: Upkeep },
  ): ReweighOutcome {
    const before = this.#leases.get(lease.leaseId);
    switch (reply.kind) {
      case 'lowered':
        before?.confirm(reply.view, next.sentMs);
        return { kind: 'lowered' };
      case 'held':
        void before?.end('superseded');
        return { kind: 'granted', lease: this.adopt(reply.view, next.sentMs, next.upkeep) };
      case 'granted': {
        // The store has put the new lease in its place: all who share the old one are to know.
        void before?.end('superseded');
        const { fence, untilMs, serverMs } = reply;
        const { leaseId, requestId, sentMs, upkeep } = next;
        const { resource, holder, instance, ttlMs, meta } = lease;
        const facts = { resource, leaseId, requestId, holder, instance, ttlMs, meta, fence, gen: 1, untilMs };
        const term = { sentMs, remainingMs: untilMs - serverMs };
        return {
          kind: 'granted',
          lease: this.begin({ ...facts, grantedAtMs: serverMs, offered: false }, term, upkeep),
        };
      }
      case 'shared':
        return reply;
      case 'gone':
        return { kind: 'ended', how: 'expired' };
      case 'ended':
        return ended(reply.how);
    }
  }

  adopt(view: OwnView, sentMs: number, upkeep: Upkeep): HeldLease {
    const known = this.#leases.get(view.leaseId);
    known?.confirm(view, sentMs);
    if (known?.isLive() === true) return known;
    const lease = this.#hold({ ...view, meta: view.meta }, { sentMs, remainingMs: view.remainingMs }, upkeep);
    if (this.#isClosed) lease.abandon('shutdown');
    return lease;
  }

  #hold(facts: GrantFacts, term: Term, upkeep: Upkeep): HeldLease {
    const lease = new HeldLease(this, facts, term, upkeep);
    this.#leases.set(facts.leaseId, lease);
    return lease;
  }

  /** A permit is renewed and released like any lease; it has no connection and no takeover. */
  #pass(command: LeaseCommand): Promise<Reply> {
    const { kind, resource } = command;
    if (kind === 'renew') return this.#permits.submit<'renew'>({ ...command, kind });
    if (kind === 'release') return this.#permits.submit<'release'>(command);
    return Promise.reject(
      new CoordinationError('LOCK_CONFIG', `${resource} is a pool of permits: its leases know no ${kind}`, {
        applied: 'no',
      }),
    );
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T | Unavailable> {
    try {
      await this.open();
      return await ask();
    } catch (fault) {
      return unavailable(fault);
    }
  }

  open(): Promise<void> {
    if (this.#isClosed) return this.#manager.open();
    // A failed attempt is not remembered: the next call tries again.
    this.#opening ??= this.#openOnce().catch((fault: unknown) => {
      this.#opening = undefined;
      throw fault;
    });
    return this.#opening;
  }

  async #openOnce(): Promise<void> {
    await this.#manager.open();
    this.#stopListening = await this.#permits.listen(this.#self, (notice) => {
      if (notice.kind === 'ended') this.#leases.get(notice.leaseId)?.endedElsewhere(notice.how);
      else this.#claiming.waiting.offered(notice);
    });
    this.isOpen = true;
    this.#sweepSoon();
  }

  /** Every process that uses pools sweeps them; what one has settled costs the next nothing. */
  #sweepSoon(): void {
    if (this.#isClosed) return;
    this.#stopSweeping = this.clock.background(SWEEP_MS * (0.8 + 0.4 * this.entropy.random()), () => {
      // A sweep that fails is the next one's work.
      this.#permits
        .sweep()
        .catch(() => undefined)
        .finally(() => this.#sweepSoon());
    });
  }
}

function withoutLeaseIds(view: PoolView): PoolView {
  return { ...view, holders: view.holders.map(({ leaseId: _leaseId, ...one }) => one) };
}
