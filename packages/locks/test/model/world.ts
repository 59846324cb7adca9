// World
//
// One store, a few processes over faulty lines, and what must hold at every moment:
//
//   - every command, answer and event is as the judge allows
//   - a lease that says `valid` is the one the store holds by, unless the store itself was
//     lost, set ahead, or told to end it by somebody else; then the fence has the last word
//   - no guard ever turns the holder away
//   - a claim ends as its outcomes say, and never by a fault of the library
//   - once faults end, everyone who waits is served; once all have left, nothing is left

import { MemoryGuard } from '../../src/guards.ts';
import {
  type Cancel,
  type ClaimOptions,
  CoordinationError,
  type Lease,
  type TakeoverOptions,
} from '../../src/index.ts';
import { MemoryLeaseStore } from '../../src/memory.ts';
import { SimulatedClock } from '../../src/testing.ts';
import { Judge } from './judge.ts';
import { Process, type Server } from './process.ts';
import type {
  CommandKind,
  CommandOf,
  LeaseCommand,
  LeaseStore,
  LoggedLockEvent,
  OnNotice,
  Replies,
  Reply,
} from './product.ts';

export const PROCESSES = 3;
/** What the store's clock shows at the beginning. */
const START_MS = 1_700_000_000_000;
/** Nobody's wait runs out while the world heals. */
export const FOREVER_MS = 3_600_000;

/** The seam for mutants: the store as it is, or not quite. */
export type Pervert = (store: LeaseStore) => LeaseStore;

export interface Claim {
  readonly process: Process;
  readonly abort: AbortController;
  readonly isForEver: boolean;
  outcome: string | undefined;
}

interface Held {
  readonly process: Process;
  readonly lease: Lease;
}

export class World implements Server {
  readonly time = new SimulatedClock();
  readonly processes: Process[] = [];
  readonly claims: Claim[] = [];
  readonly held: Held[] = [];
  readonly objections: string[] = [];
  readonly seen = new Map<string, number>();
  readonly judge: Judge;
  store: LeaseStore;
  readonly #pervert: Pervert;
  readonly #guard = new MemoryGuard();
  readonly #gone: Process[] = [];
  readonly #listeners = new Map<string, OnNotice>();
  /** Leases whose end their holder cannot know of; but the process that ended one does. */
  readonly #tainted = new Map<string, Process | undefined>();
  /** Leases whose holder was told when they end. */
  readonly #drained = new Map<string, Process | undefined>();
  readonly #resources = new Set<string>();
  #jumpedMs = 0;
  #claimsBeforeJump = 0;
  #cursor = 'start';
  #turn: Promise<unknown> = Promise.resolve();
  #seed = 0;

  constructor(pervert: Pervert) {
    this.#pervert = pervert;
    this.judge = new Judge((objection) => this.object(objection));
    this.store = this.#newStore();
    for (let n = 0; n < PROCESSES; n += 1) this.processes.push(this.#newProcess());
  }

  object(objection: string): void {
    this.objections.push(`${objection} (at ${this.time.nowMs()} ms)`);
  }

  count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  claim(process: Process, resource: string, options: ClaimOptions): void {
    const abort = new AbortController();
    const claim: Claim = { process, abort, isForEver: options.waitMs === FOREVER_MS, outcome: undefined };
    const number = this.claims.push(claim);
    this.#resources.add(resource);
    process.locks.tryAcquire(resource, { ...options, signal: abort.signal }).then(
      (outcome) => {
        claim.outcome = outcome.kind;
        this.count(`claim ${outcome.kind}`);
        if (outcome.kind !== 'granted') return;
        // Its term may be reckoned from an answer that was given before the server's clock jumped.
        if (number < this.#claimsBeforeJump) this.#tainted.set(outcome.lease.leaseId, undefined);
        this.hold(process, outcome.lease);
      },
      (error: unknown) => {
        claim.outcome = 'rejected';
        this.count('claim rejected');
        const isAsked = error === abort.signal.reason;
        const isRefused = error instanceof CoordinationError && error.code === 'LOCK_CONFIG';
        if (!isAsked && !isRefused) this.object(`a claim that failed by itself: ${error}`);
      },
    );
  }

  takeOver(process: Process, resource: string, options: TakeoverOptions): void {
    const abort = new AbortController();
    const claim: Claim = { process, abort, isForEver: false, outcome: undefined };
    const number = this.claims.push(claim);
    this.#resources.add(resource);
    process.locks.requestTakeover(resource, { ...options, signal: abort.signal }).then(
      (outcome) => {
        claim.outcome = outcome.kind;
        this.count(`takeover ${outcome.kind}`);
        if (outcome.kind !== 'granted') return;
        // Its term may be reckoned from an answer that was given before the server's clock jumped.
        if (number < this.#claimsBeforeJump) this.#tainted.set(outcome.lease.leaseId, undefined);
        this.hold(process, outcome.lease);
      },
      (error: unknown) => {
        claim.outcome = 'rejected';
        this.count('takeover rejected');
        if (error !== abort.signal.reason) this.object(`a takeover that failed by itself: ${error}`);
      },
    );
  }

  hold(process: Process, lease: Lease): void {
    this.held.push({ process, lease });
    this.check();
  }

  /** What every process that runs believes at this moment. */
  check(): void {
    for (const { process, lease } of this.held) {
      if (process.clock.state !== 'running' || !lease.valid) continue;
      const { resource, leaseId, fence } = lease;
      const isAdmitted = this.#guard.admit(resource, fence).kind === 'admitted';
      if (this.#isTainted(leaseId, process)) {
        if (!isAdmitted) this.count('stale write refused');
        continue;
      }
      const current = this.judge.current(resource);
      if (current?.leaseId !== leaseId || current.fence !== fence) this.object('valid, and not the holder');
      else if (current.untilMs <= this.#serverMs()) this.object('valid, and lapsed');
      if (!isAdmitted) this.object('the holder is turned away');
    }
  }

  /** Everything the store knew is gone: FLUSHALL, or a failover to an empty replica. */
  async lose(): Promise<void> {
    await this.time.advance(5);
    this.#turn = this.#turn.then(() => {
      this.#taintAll();
      this.judge.forget();
      this.#cursor = 'start';
      this.store = this.#newStore();
    });
    await this.time.settle();
  }

  /** The server's clock was set ahead: leases end early. */
  jump(byMs: number): void {
    this.#taintAll();
    this.#claimsBeforeJump = this.claims.length + 1;
    this.#jumpedMs += byMs;
  }

  replace(process: Process, how: 'crash' | 'release' | 'keep'): void {
    const at = this.processes.indexOf(process);
    if (how === 'crash') process.crash();
    else process.locks.close({ leases: how }).catch((error: unknown) => this.object(`close failed: ${error}`));
    this.#gone.push(process);
    this.processes[at] = this.#newProcess();
  }

  take<K extends CommandKind>(command: CommandOf<K>, from: Process | undefined): Promise<Replies[K]> {
    const taken = this.#turn.then(async () => {
      const reply = (await this.store.submit<K>(command)) as Replies[K];
      const events = await this.#news();
      this.count(`${command.kind} ${(reply as Reply).kind}`);
      this.judge.took(command, reply, events, this.#serverMs());
      const asked: LeaseCommand = command;
      if (asked.kind === 'answer' && reply.kind === 'draining') {
        this.#drained.set(asked.leaseId, from);
        // Whoever else continues the lease hears of it with the next renewal.
        this.#taint(asked.leaseId, from);
      }
      for (const { type, leaseId, how } of events) {
        if (type !== 'released') continue;
        // What others force or time decides, its holder learns later; what it answered, it knows.
        const isOwn = how !== 'revoked' && command.kind !== 'takeover';
        const knows = how === 'handed-over' && asked.kind !== 'answer' ? (this.#drained.get(leaseId) ?? from) : from;
        this.#taint(leaseId, isOwn ? knows : this.#silent(leaseId));
      }
      return reply;
    });
    this.#turn = taken.catch((error: unknown) => this.object(`the store failed: ${error}`));
    return taken;
  }

  /** Who was told that silence would grant the lease, and when: it has stopped by itself. */
  #silent(leaseId: string): Process | undefined {
    const isTold = ({ breaking }: Lease): boolean =>
      breaking?.onSilence === 'grant' && breaking.state === 'asked' && breaking.answerByMs <= this.#serverMs();
    return this.held.find(({ lease }) => lease.leaseId === leaseId && isTold(lease))?.process;
  }

  listen(listener: string, onNotice: OnNotice): Cancel {
    this.#listeners.set(listener, onNotice);
    void this.store.listen(listener, onNotice);
    return () => void this.#listeners.delete(listener);
  }

  sweep(): Promise<void> {
    const swept = this.#turn.then(async () => {
      await this.store.sweep();
      const events = await this.#news();
      this.judge.swept(events, this.#serverMs());
      for (const { type, leaseId } of events)
        if (type === 'released') this.#taint(leaseId, this.#drained.get(leaseId) ?? this.#silent(leaseId));
    });
    this.#turn = swept;
    return swept;
  }

  /** Faults end, holders give back: now everyone who waits has to be served. */
  async heal(): Promise<void> {
    for (const process of this.processes) {
      process.line.heal();
      process.clock.go(false);
    }
    const waiting = (): Claim[] =>
      this.claims.filter(({ outcome, process }) => outcome === undefined && process.clock.state !== 'dead');
    let leftMs = 20_000 + 4_000 * waiting().length;
    for (; waiting().length > 0 && leftMs > 0; leftMs -= 250) {
      for (const { process, lease } of this.held)
        if (process.clock.state === 'running' && lease.state !== 'lost') void lease.release();
      await this.time.advance(250);
    }
    if (waiting().length > 0) this.object('a queue that is stuck');
    for (const { isForEver, outcome } of this.claims)
      if (isForEver && outcome === 'busy') this.object('a wait that ended before its time');
  }

  /** Everybody leaves: no timer, no subscription and no record stays. */
  async leave(): Promise<void> {
    for (const process of [...this.processes]) this.replace(process, 'release');
    // The new ones were never used.
    for (const process of this.processes) process.crash();
    await this.time.advance(5_000);
    for (const process of this.#gone) {
      if (process.clock.state === 'dead') continue;
      if (process.clock.pending > 0) this.object('a timer that outlives its manager');
      if (process.line.subscriptions > 0) this.object('a subscription that outlives its manager');
    }
    if (this.time.pending > 0) this.object('a timer of nobody’s');
    // As any process that is left would: what was held lapses, and so do offers to the dead.
    for (let sweeps = 0; sweeps < 6; sweeps += 1) {
      await this.sweep();
      await this.time.advance(2_500);
    }
    await this.time.advance(700_000);
    await this.sweep();
    for (const resource of this.#resources) {
      const { view } = await this.store.submit<'inspect'>({ kind: 'inspect', resource });
      if (view.kind !== 'free' || view.queue > 0 || view.cursor !== '')
        this.object(`a record of ${resource} that stays`);
    }
  }

  async #news(): Promise<readonly LoggedLockEvent[]> {
    const { events, next } = await this.store.readLog(0, this.#cursor, 1_000);
    this.#cursor = next;
    for (const { type } of events) this.count(`event ${type}`);
    return events;
  }

  #newStore(): LeaseStore {
    const server = {
      nowMs: () => this.#serverMs(),
      wallMs: () => this.#serverMs(),
      after: (delayMs: number, wake: () => void) => this.time.after(delayMs, wake),
      background: (delayMs: number, wake: () => void) => this.time.after(delayMs, wake),
      soon: (wake: () => void) => this.time.soon(wake),
    };
    const store = this.#pervert(new MemoryLeaseStore({ clock: server, buckets: 1 }));
    for (const [listener, onNotice] of this.#listeners) void store.listen(listener, onNotice);
    return store;
  }

  #newProcess(): Process {
    this.#seed += 1;
    return new Process(this.time, this, this.#seed, () => this.check());
  }

  #taintAll(): void {
    for (const { leaseId } of this.judge.grants) this.#tainted.set(leaseId, undefined);
  }

  /** A lease that was lost here is released all the same; who continues it, here too, learns later. */
  releasedLate(leaseId: string): void {
    this.#taint(leaseId, undefined);
  }

  /** @param knower the one process that can know of the end */
  #taint(leaseId: string, knower: Process | undefined): void {
    const isUnknowable = this.#tainted.has(leaseId) && this.#tainted.get(leaseId) === undefined;
    this.#tainted.set(leaseId, isUnknowable ? undefined : knower);
  }

  #isTainted(leaseId: string, process: Process): boolean {
    return this.#tainted.has(leaseId) && this.#tainted.get(leaseId) !== process;
  }

  #serverMs(): number {
    return START_MS + Math.floor(this.time.nowMs()) + this.#jumpedMs;
  }
}
