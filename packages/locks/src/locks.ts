import { grantedLease, type Redact } from './acquisition.ts';
import { Alarms } from './alarms.ts';
import { ChurningMap } from './churning-map.ts';
import {
  checkConnection,
  checkGen,
  checkGrace,
  checkHolder,
  checkLimit,
  checkMeta,
  checkName,
  checkReason,
  checkRef,
  checkRenewal,
  checkResource,
  checkText,
  checkTtl,
  checkUpkeep,
  checkWait,
  DEFAULT_TTL_MS,
} from './claim-arguments.ts';
import { type ClaimHome, Claiming, publicView } from './claiming.ts';
import { systemClock } from './clock.system.ts';
import type { Cancel, Clock, Unsubscribe } from './clock.ts';
import { type Entropy, systemEntropy } from './entropy.ts';
import { CoordinationError } from './errors.ts';
import { type GrantFacts, HeldLease, type LeaseHome, type Term } from './held-lease.ts';
import type {
  AnswerOutcome,
  HandOff,
  HandOffOutcome,
  Holder,
  Lease,
  LeaseView,
  ReleaseOutcome,
  RenewOutcome,
} from './lease.ts';
import type { Notice, OwnView, Replies, RequestCommand } from './lease-command.ts';
import { type LeaseStore, SWEEP_MS } from './lease-store.ts';
import { type AuditOptions, type AuditRecord, audit } from './lock-audit.ts';
import type { LockLog } from './lock-event.ts';
import { LockEvents } from './lock-events.ts';
import type {
  AnswerRequest,
  AttachOutcome,
  AwayOutcome,
  CancelOutcome,
  ClaimOptions,
  ClaimOutcome,
  Connection,
  ForceOptions,
  ForceOutcome,
  LeaseChange,
  LeasePage,
  LeaseRef,
  Lock,
  LockManager,
  ResumeOutcome,
  TakeoverName,
  TakeoverOptions,
  TakeoverOutcome,
  Upkeep,
  WithdrawOutcome,
} from './lock-manager.ts';
import { LockMetrics } from './lock-metrics.ts';
import { grantedAll, type MultiLease, type MultiOptions, type MultiOutcome, tryAcquireAll } from './multi-lock.ts';
import { ended, tooLate, type Unavailable, unavailable } from './outcomes.ts';
import type { PoolView } from './permit-command.ts';
import type { PermitStore } from './permit-store.ts';
import { Permits } from './permits.ts';
import { ReadWriteLock } from './read-write.ts';
import { isTermOver } from './renewal.ts';
import { Semaphore } from './semaphore.ts';
import { checkLock, ShortLock } from './short-lock.ts';
import { Sleeps } from './sleeps.ts';
import { Takeovers } from './takeovers.ts';

export interface LocksOptions {
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  /** Where pools of permits are kept; without it there are none. */
  readonly permits?: PermitStore;
  /**
   * How people are called in audit records and in the errors that `acquire` throws, which may end up
   * where no name may be: `({ id }) => ({ id: hash(id) })`. In memory and on Redis they stay as they
   * are, and so do answers to who asks for them (outcomes, `inspect`, `list`, `watch`, `log`) and reasons.
   */
  readonly redact?: Redact;
  /** Told of a term in which an unanswered renewal could not be repeated. */
  readonly onShortTerm?: (ttlMs: number) => void;
}

type CancelRequest = Pick<RequestCommand, 'resource' | 'requestId'> & { readonly leaseId?: string };

/** The manager over any lease store: it sends commands, keeps leases alive, and waits. */
export class Locks implements LockManager, LeaseHome, ClaimHome<RequestCommand> {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly sleeps: Sleeps;
  readonly alarms: Alarms;
  readonly log: LockLog;
  readonly metrics: LockMetrics;
  readonly redact: Redact | undefined;
  /** Names this process to the store, and is the holder of claims that name none. */
  readonly #self: string;
  readonly #events: LockEvents;
  readonly #leases = new ChurningMap<string, HeldLease>();
  /** Leases and requests whose end is on the way to the store. */
  readonly #ending = new Map<string, Promise<unknown>>();
  readonly #claiming: Claiming<RequestCommand>;
  readonly #takeovers: Takeovers;
  readonly #permits: Permits | undefined;
  readonly #onShortTerm: ((ttlMs: number) => void) | undefined;
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #isClosed = false;
  #stopSweeping: Cancel = () => undefined;
  #stopListening: Unsubscribe = () => undefined;

  constructor(store: LeaseStore, options: LocksOptions = {}) {
    this.store = store;
    this.clock = options.clock ?? systemClock;
    this.entropy = options.entropy ?? systemEntropy;
    this.alarms = new Alarms(this.clock);
    this.sleeps = new Sleeps(this.clock);
    this.#self = this.entropy.id();
    this.redact = options.redact;
    this.#events = new LockEvents(store, this.clock);
    this.metrics = new LockMetrics(() => this.#leases.size + (this.#permits?.holding ?? 0));
    this.#claiming = new Claiming(this, this.#self);
    this.#takeovers = new Takeovers(this, this.#self);
    this.#permits = options.permits === undefined ? undefined : new Permits(this, options.permits);
    this.#onShortTerm = options.onShortTerm;
    this.log = this.#events;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedFault());
    // A failed attempt is not remembered: the next call tries again.
    this.#opening ??= this.#open().catch((fault: unknown) => {
      this.#opening = undefined;
      throw fault;
    });
    return this.#opening;
  }

  tryAcquire(resource: string, options: ClaimOptions = {}): Promise<ClaimOutcome> {
    try {
      return this.#claiming.claim(this.#requestFor(resource, options), options);
    } catch (fault) {
      return Promise.reject(fault);
    }
  }

  async acquire(resource: string, options: ClaimOptions = {}): Promise<Lease> {
    const outcome = await this.tryAcquire(resource, options);
    return grantedLease(resource, outcome, { ...options, redact: this.redact });
  }

  async withLock<T>(resource: string, options: ClaimOptions, work: (lease: Lease) => Promise<T> | T): Promise<T> {
    const lease = await this.acquire(resource, { instance: this.entropy.id(), ...options });
    try {
      return await work(lease);
    } finally {
      await lease.release();
    }
  }

  tryAcquireAll(resources: readonly string[], options: MultiOptions = {}): Promise<MultiOutcome> {
    return tryAcquireAll(this, resources, options);
  }

  async acquireAll(resources: readonly string[], options: MultiOptions = {}): Promise<MultiLease> {
    return grantedAll(await this.tryAcquireAll(resources, options), { ...options, redact: this.redact });
  }

  async withLocks<T>(
    resources: readonly string[],
    options: MultiOptions,
    work: (lease: MultiLease) => Promise<T> | T,
  ): Promise<T> {
    const lease = await this.acquireAll(resources, options);
    try {
      return await work(lease);
    } finally {
      await lease.release();
    }
  }

  semaphore(resource: string, options: { readonly permits: number }): Semaphore {
    checkResource(resource);
    return new Semaphore(this.#pools(), { resource, capacity: options.permits });
  }

  readWrite(resource: string): ReadWriteLock {
    checkResource(resource);
    return new ReadWriteLock(this.#pools(), resource);
  }

  async resume(request: LeaseRef & Upkeep & { readonly attach?: Connection }): Promise<ResumeOutcome> {
    checkRef(request);
    checkRenewal(request);
    if (request.attach !== undefined) checkConnection(request.attach);
    const first = await this.#resume(request);
    if (first !== 'late') return first;
    const last = await this.#resume(request);
    return last === 'late' ? unavailable(tooLate(request.resource)) : last;
  }

  /** `late`: what the store confirmed was over here before its answer came. */
  async #resume(request: Parameters<LockManager['resume']>[0]): Promise<ResumeOutcome | 'late'> {
    const sentMs = this.clock.nowMs();
    if (request.attach !== undefined) {
      const outcome = await this.asking(() =>
        this.#attach({ ...(request.attach as Connection), resource: request.resource, leaseId: request.leaseId }),
      );
      if (outcome.kind === 'busy') return { kind: 'attached', by: outcome.by };
      if (outcome.kind !== 'attached') return outcome;
      if (this.leaving(outcome.view as OwnView) !== undefined) return { kind: 'ended', how: 'released' };
      if (isTermOver({ sentMs, remainingMs: outcome.view.remainingMs }, this.clock.nowMs())) return 'late';
      const lease = this.adopt(outcome.view as OwnView, sentMs, request);
      return { kind: 'resumed', lease, ...(outcome.displaced === undefined ? {} : { displaced: outcome.displaced }) };
    }
    const outcome = await this.asking(() => this.#renew(request));
    if (outcome.kind !== 'renewed') return outcome;
    if (this.leaving(outcome.view as OwnView) !== undefined) return { kind: 'ended', how: 'released' };
    if (isTermOver({ sentMs, remainingMs: outcome.view.remainingMs }, this.clock.nowMs())) return 'late';
    return { kind: 'resumed', lease: this.adopt(outcome.view as OwnView, sentMs, request) };
  }

  async renew(request: LeaseRef & { readonly ttlMs?: number; readonly gen?: number }): Promise<RenewOutcome> {
    checkRef(request);
    checkGen(request.gen);
    if (request.ttlMs !== undefined) checkTtl(request.ttlMs, 'manual');
    return this.asking(() => this.#renew(request));
  }

  async release(
    request: LeaseRef & { readonly how?: 'released' | 'revoked'; readonly reason?: string; readonly by?: Holder },
  ): Promise<ReleaseOutcome> {
    const { resource, leaseId, how = 'released', reason, by } = request;
    checkRef(request);
    if (reason !== undefined) checkReason(reason);
    if (by !== undefined) checkHolder('by', by);
    try {
      if (!this.#isOpen) await this.open();
      const isByOther = !this.#leases.has(leaseId);
      const command = { kind: 'release', resource, leaseId, how, reason, by, isByOther } as const;
      const reply = await this.#whileEnding(leaseId, this.store.submit<'release'>(command));
      // Whatever the answer, it is held no longer.
      this.#leases.get(leaseId)?.abandon(how === 'revoked' ? 'revoked' : 'released-elsewhere');
      return reply;
    } catch (fault) {
      if (fault instanceof CoordinationError) return { kind: 'unknown', cause: fault };
      throw fault;
    }
  }

  async attach(request: LeaseRef & Connection): Promise<AttachOutcome> {
    checkRef(request);
    checkConnection(request);
    return this.asking(() => this.#attach(request));
  }

  async away(request: LeaseRef & { readonly gen?: number; readonly graceMs: number }): Promise<AwayOutcome> {
    const { resource, leaseId, gen, graceMs } = request;
    checkRef(request);
    checkGen(gen);
    checkGrace(graceMs);
    return this.asking(async () => {
      const sentMs = this.clock.nowMs();
      const reply = await this.store.submit<'away'>({ kind: 'away', resource, leaseId, gen, graceMs });
      if (reply.kind === 'away') this.#leases.get(leaseId)?.confirm(reply.view, sentMs);
      return reply.kind === 'ended' ? ended(reply.how) : reply;
    });
  }

  async cancel(request: { readonly resource: string; readonly requestId: string }): Promise<CancelOutcome> {
    checkResource(request.resource);
    checkName('requestId', request.requestId);
    return this.asking(() => this.leave(request));
  }

  requestTakeover(resource: string, options: TakeoverOptions): Promise<TakeoverOutcome> {
    return this.#takeovers.request(resource, options);
  }

  answerTakeover(request: AnswerRequest): Promise<AnswerOutcome> {
    return this.#takeovers.answer(request);
  }

  withdrawTakeover(request: TakeoverName): Promise<WithdrawOutcome> {
    return this.#takeovers.withdraw(request);
  }

  force(resource: string, options: ForceOptions): Promise<ForceOutcome> {
    return this.#takeovers.force(resource, options);
  }

  handOff(request: LeaseRef & HandOff): Promise<HandOffOutcome> {
    return this.#takeovers.handOff(request);
  }

  async inspect(resource: string, options: { readonly withLeaseId?: boolean } = {}): Promise<LeaseView> {
    checkResource(resource);
    await this.open();
    const { view } = await this.store.submit<'inspect'>({ kind: 'inspect', resource });
    return view.kind === 'held' && options.withLeaseId !== true ? publicView(view) : view;
  }

  async list(query: {
    readonly prefix: string;
    readonly cursor?: string;
    readonly limit?: number;
  }): Promise<LeasePage> {
    const { prefix, cursor = '', limit = 100 } = query;
    checkText('prefix', prefix);
    checkText('cursor', cursor);
    checkLimit(limit);
    await this.open();
    const { views, next } = await this.store.list({ prefix, after: cursor, limit: Math.min(limit, 1_000) });
    return { items: views.map(publicView), ...(next === undefined ? {} : { nextCursor: next }) };
  }

  async listPools(query: {
    readonly prefix: string;
    readonly cursor?: string;
    readonly limit?: number;
  }): Promise<{ items: readonly PoolView[]; nextCursor?: string }> {
    const { prefix, cursor = '', limit = 100 } = query;
    checkText('prefix', prefix);
    checkText('cursor', cursor);
    checkLimit(limit);
    const { views, next } = await this.#pools().list({ prefix, after: cursor, limit: Math.min(limit, 1_000) });
    return { items: views, ...(next === undefined ? {} : { nextCursor: next }) };
  }

  async *watch(resource: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<LeaseChange> {
    checkResource(resource);
    await this.open();
    yield* this.#events.watch(resource, () => this.inspect(resource), options.signal);
  }

  async *audit(options: AuditOptions = {}): AsyncGenerator<AuditRecord> {
    await this.open();
    yield* audit(this.#events, this.clock, () => this.#isClosed, { ...options, redact: this.redact });
  }

  async *auditPools(options: AuditOptions = {}): AsyncGenerator<AuditRecord> {
    const pools = this.#pools();
    await pools.open();
    yield* audit(pools.log, this.clock, () => this.#isClosed, { ...options, redact: this.redact });
  }

  async close(options: { readonly leases?: 'release' | 'keep' } = {}): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOpen = false;
    this.#stopSweeping();
    this.#events.close();
    const pools = this.#permits?.close(closedFault(), options.leases ?? 'release');
    await Promise.all([this.#takeovers.close(closedFault()), this.#claiming.close(closedFault())]);
    const leases = [...this.#leases.values()];
    if (options.leases === 'keep') for (const lease of leases) lease.abandon('shutdown');
    else await Promise.all(leases.map((lease) => lease.end('shutdown')));
    await pools;
    this.#stopListening();
    this.alarms.close();
    await this.store.close();
  }

  async acquireLock(resource: string, ttl: number = DEFAULT_TTL_MS): Promise<Lock> {
    return new ShortLock(await this.acquire(resource, { ttlMs: ttl, instance: this.entropy.id() }));
  }

  async releaseLock(lock: Lock): Promise<boolean> {
    checkLock(lock);
    const outcome = await lock.lease.release();
    return outcome.kind === 'released';
  }

  /** The lease of a view, as this process holds it: the same object for the same lease id. */
  adopt(view: OwnView, sentMs: number, upkeep: Upkeep): HeldLease {
    this.#claiming.waiting.passed(view);
    const known = this.#leases.get(view.leaseId);
    known?.confirm(view, sentMs);
    if (known?.isLive() === true) return known;
    const lease = this.#hold({ ...view, meta: view.meta }, { sentMs, remainingMs: view.remainingMs }, upkeep);
    if (this.#isClosed) lease.abandon('shutdown');
    return lease;
  }

  submit(command: RequestCommand): Promise<Replies['request']> {
    return this.store.submit<'request'>(command);
  }

  understood(_command: RequestCommand, reply: Replies['request']): Replies['request'] {
    return reply;
  }

  /** Leaves the queue, or gives a grant back; what is held of it here is over from the send on. */
  leave({ resource, requestId, leaseId }: CancelRequest): Promise<Replies['cancel']> {
    // An offer that was made before says nothing any more.
    this.#claiming.waiting.passed({ resource, requestId });
    // A request without a name of its own goes by its lease's.
    if (leaseId === requestId) this.#leases.get(leaseId)?.abandon('released-elsewhere');
    else
      for (const lease of this.#leases.values())
        if (lease.resource === resource && lease.requestId === requestId) lease.abandon('released-elsewhere');
    return this.#whileEnding(requestId, this.store.submit<'cancel'>({ kind: 'cancel', resource, requestId }));
  }

  /** While its end is on the way: what the store answered before that says nothing any more. */
  leaving({ leaseId, requestId }: Pick<OwnView, 'leaseId' | 'requestId'>): Promise<unknown> | undefined {
    return this.#leases.get(leaseId)?.leaving ?? this.#ending.get(leaseId) ?? this.#ending.get(requestId);
  }

  #whileEnding<T>(name: string, ending: Promise<T>): Promise<T> {
    // Of two ends of one name, the later one stands.
    const isOver = (): void => {
      if (this.#ending.get(name) === over) this.#ending.delete(name);
    };
    const over: Promise<void> = ending.then(isOver, isOver);
    this.#ending.set(name, over);
    return ending;
  }

  /** A lease that was just granted or offered. */
  begin(facts: GrantFacts, term: Term, upkeep: Upkeep): HeldLease {
    const lease = this.#hold(facts, term, upkeep);
    // Its request was on the way when the manager closed.
    if (this.#isClosed) void lease.end('shutdown');
    return lease;
  }

  #hold(facts: GrantFacts, term: Term, upkeep: Upkeep): HeldLease {
    const lease = new HeldLease(this, facts, term, upkeep);
    this.#leases.set(facts.leaseId, lease);
    return lease;
  }

  leaseOf(leaseId: string): HeldLease | undefined {
    return this.#leases.get(leaseId);
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

  #requestFor(resource: string, options: ClaimOptions): RequestCommand {
    const ttlMs = options.ttlMs ?? DEFAULT_TTL_MS;
    const holder = options.holder ?? { id: this.#self };
    const instance = options.instance ?? 'default';
    checkResource(resource);
    checkUpkeep(options);
    checkWait(options.waitMs ?? 0);
    checkMeta(options.meta);
    if (options.holder !== undefined) checkHolder('holder', holder);
    if (options.instance !== undefined) checkName('instance', instance);
    if (options.requestId !== undefined) checkName('requestId', options.requestId);
    if (ttlMs < 2 * this.store.commandTimeoutMs && options.renew !== 'manual') this.#onShortTerm?.(ttlMs);
    const leaseId = this.entropy.id();
    // Who names no request never asks by its name again: the lease's name does for both.
    const { requestId = leaseId } = options;
    return {
      kind: 'request',
      resource,
      leaseId,
      requestId,
      holder,
      instance,
      ttlMs,
      meta: options.meta,
      waitMs: 0,
      listener: this.#self,
      isFirst: options.requestId === undefined,
    };
  }

  async #renew(request: LeaseRef & { readonly ttlMs?: number; readonly gen?: number }): Promise<RenewOutcome> {
    const sentMs = this.clock.nowMs();
    const { resource, leaseId, ttlMs, gen } = request;
    const reply = await this.store.submit<'renew'>({ kind: 'renew', resource, leaseId, ttlMs, gen });
    if (reply.kind === 'ended') return ended(reply.how);
    this.#leases.get(leaseId)?.confirm(reply.view, sentMs);
    return reply;
  }

  async #attach(request: LeaseRef & Connection): Promise<AttachOutcome> {
    const sentMs = this.clock.nowMs();
    const { resource, leaseId, instance, node, conn } = request;
    const reply = await this.store.submit<'attach'>({ kind: 'attach', resource, leaseId, instance, node, conn });
    if (reply.kind === 'ended') return ended(reply.how);
    if (reply.kind === 'busy') return { kind: 'busy', by: { instance: reply.instance } };
    this.#leases.get(leaseId)?.confirm(reply.view, sentMs);
    return {
      kind: 'attached',
      view: reply.view,
      ...(reply.displaced === undefined ? {} : { displaced: reply.displaced }),
    };
  }

  async asking<T>(ask: () => Promise<T>): Promise<T | Unavailable> {
    try {
      if (!this.#isOpen) await this.open();
      return await ask();
    } catch (fault) {
      return unavailable(fault);
    }
  }

  async #open(): Promise<void> {
    await this.store.open();
    this.#stopListening = await this.store.listen(this.#self, (notice) => this.#noticed(notice));
    this.#isOpen = true;
    this.#sweepSoon();
  }

  #pools(): Permits {
    if (this.#permits !== undefined) return this.#permits;
    throw new CoordinationError('LOCK_CONFIG', 'This manager keeps no pools: make it with a permit store', {
      applied: 'no',
    });
  }

  #noticed(notice: Notice): void {
    if (notice.requestId !== undefined) this.#takeovers.noticed(notice.requestId);
    if (notice.kind === 'ended') this.#leases.get(notice.leaseId)?.endedElsewhere(notice.how);
    else if (notice.kind !== 'look') this.#claiming.waiting.offered(notice);
    else if (notice.requestId === undefined)
      for (const lease of this.#leases.values()) if (lease.resource === notice.resource) void lease.look();
  }

  /** Every process sweeps; the store lets one through per half second. Jitter keeps them apart. */
  #sweepSoon(): void {
    if (this.#isClosed) return;
    this.#stopSweeping = this.clock.background(SWEEP_MS * (0.8 + 0.4 * this.entropy.random()), () => {
      this.sleeps.look();
      // A sweep that fails is the next one's work.
      this.store
        .sweep()
        .catch(() => undefined)
        .finally(() => this.#sweepSoon());
    });
  }
}

function closedFault(): CoordinationError {
  return new CoordinationError('LOCKS_CLOSED', 'The lock manager is closed', { applied: 'no' });
}
