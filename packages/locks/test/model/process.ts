// Process
//
// One process of a history: its own clock and its own line to the store. It can be stopped and
// continued (SIGSTOP), put to sleep with its machine, set to another wall time, and killed.
import { type Cancel, type Clock, CoordinationError, seededEntropy } from '../../src/index.ts';
import { Locks } from '../../src/locks.ts';
import type { SimulatedClock } from '../../src/testing.ts';
import type { CommandKind, CommandOf, LeaseStore, OnNotice, Replies } from './product.ts';

/** What the line does to one command. */
export type Fault =
  /** Turned away unseen. */
  | 'refused'
  | 'request-lost'
  | 'reply-lost'
  /** Takes effect twice, and the second answer arrives. */
  | 'twice'
  /** There and back slower than anything renews. */
  | 'slow'
  /** Given up on, and takes effect after others that were sent later. */
  | 'late';

export const COMMAND_TIMEOUT_MS = 200;
const SLOW_MS = 90;
const LATE_MS = 700;

/** The store as a line reaches it. */
export interface Server {
  /** @param from undefined when it comes late: then nobody expects what it does */
  take<K extends CommandKind>(command: CommandOf<K>, from: Process | undefined): Promise<Replies[K]>;
  sweep(): Promise<void>;
  readonly store: LeaseStore;
  listen(listener: string, onNotice: OnNotice): Cancel;
}

export class Process {
  readonly clock: ProcessClock;
  readonly line: Line;
  readonly locks: Locks;

  constructor(time: SimulatedClock, server: Server, seed: number, onWake: () => void) {
    this.clock = new ProcessClock(time, onWake);
    this.line = new Line(time, server, this);
    this.locks = new Locks(this.line, { clock: this.clock, entropy: seededEntropy(seed) });
  }

  /** Kill -9. */
  crash(): void {
    this.clock.kill();
  }
}

/** Time as one process has it. */
export class ProcessClock implements Clock {
  readonly #time: SimulatedClock;
  readonly #onWake: () => void;
  readonly #alarms = new Set<Cancel>();
  #deferred: (() => void)[] = [];
  #state: 'running' | 'stopped' | 'dead' = 'running';
  /** Monotonic time stood still for this long. */
  #sleptMs = 0;
  #stoppedAtMs = 0;
  #wallMs = 0;
  #wasSetBack = false;

  constructor(time: SimulatedClock, onWake: () => void) {
    this.#time = time;
    this.#onWake = onWake;
  }

  get state(): 'running' | 'stopped' | 'dead' {
    return this.#state;
  }
  get pending(): number {
    return this.#alarms.size;
  }

  nowMs(): number {
    return this.#time.nowMs() - this.#sleptMs;
  }
  wallMs(): number {
    return this.#time.wallMs() + this.#wallMs;
  }

  after(delayMs: number, wake: () => void): Cancel {
    // No timer is finer than this; what is left by rounding would be waited for again and again.
    const dueMs = this.nowMs() + (delayMs > 0 ? Math.max(delayMs, 0.001) : 0);
    let cancel: Cancel = () => undefined;
    const stop = (): void => {
      cancel();
      this.#alarms.delete(stop);
    };
    const arm = (): void => {
      cancel = this.#time.after(dueMs - this.nowMs(), () => this.whenRunning(ring));
    };
    const ring = (): void => {
      if (!this.#alarms.has(stop)) return;
      // The machine slept meanwhile: its timers slept with it.
      if (this.nowMs() < dueMs - 1e-6) {
        arm();
        return;
      }
      this.#alarms.delete(stop);
      wake();
      this.#onWake();
    };
    this.#alarms.add(stop);
    arm();
    return stop;
  }

  background(delayMs: number, wake: () => void): Cancel {
    return this.after(delayMs, wake);
  }

  soon(wake: () => void): void {
    this.#time.soon(() => this.whenRunning(wake));
  }

  /** Now, or when the process goes on, or never. */
  whenRunning(then: () => void): void {
    if (this.#state === 'running') then();
    else if (this.#state === 'stopped') this.#deferred.push(then);
  }

  setWall(byMs: number): void {
    this.#wallMs += byMs;
    this.#wasSetBack ||= byMs < 0;
  }

  stop(): void {
    if (this.#state !== 'running') return;
    this.#state = 'stopped';
    this.#stoppedAtMs = this.#time.nowMs();
  }

  /** @param slept the whole machine stood still, its monotonic clock too */
  go(slept: boolean): void {
    if (this.#state !== 'stopped') return;
    // Wall time set back by more than a sleep hides it; nothing else that Node can read shows it.
    if (slept && !this.#wasSetBack) this.#sleptMs += this.#time.nowMs() - this.#stoppedAtMs;
    this.#state = 'running';
    // Before any timer fires and any reply is read: the first statement after a stall.
    this.#onWake();
    for (const then of this.#deferred.splice(0)) this.#time.soon(() => this.whenRunning(then));
  }

  kill(): void {
    this.#state = 'dead';
    this.#deferred = [];
    for (const cancel of [...this.#alarms]) cancel();
  }
}

/** A process's line to the store: in order, unless a fault says otherwise. */
export class Line implements LeaseStore {
  readonly buckets = 1;
  readonly commandTimeoutMs = COMMAND_TIMEOUT_MS;
  readonly #time: SimulatedClock;
  readonly #server: Server;
  readonly #process: Process;
  readonly faults: Fault[] = [];
  /** How many notices it will not deliver. */
  deafTo = 0;
  subscriptions = 0;
  #there: Promise<unknown> = Promise.resolve();
  #back: Promise<unknown> = Promise.resolve();

  constructor(time: SimulatedClock, server: Server, process: Process) {
    this.#time = time;
    this.#server = server;
    this.#process = process;
  }

  heal(): void {
    this.faults.length = 0;
    this.deafTo = 0;
  }

  async open(): Promise<void> {}

  async submit<K extends CommandKind>(command: CommandOf<K>): Promise<Replies[K]> {
    const fault = this.faults.shift();
    const take = (): Promise<Replies[K]> => this.#server.take(command, this.#process);
    if (fault === 'refused') throw new CoordinationError('STORE_UNAVAILABLE', 'refused', { applied: 'no' });
    if (fault === 'request-lost' || fault === 'late') {
      if (fault === 'late') this.#time.after(LATE_MS, () => void this.#server.take(command, undefined));
      return this.#lost();
    }
    const there = this.#there.then(() => (fault === 'slow' ? this.#delay(SLOW_MS) : undefined));
    this.#there = there;
    await there;
    let answer = take();
    if (fault === 'twice') answer = answer.then(take);
    this.#there = answer;
    if (fault === 'reply-lost') return this.#lost();
    const back = Promise.all([answer, this.#back])
      .then(() => (fault === 'slow' ? this.#delay(SLOW_MS) : undefined))
      .then(() => this.#running());
    this.#back = back;
    await back;
    return answer;
  }

  sweep(): Promise<void> {
    return this.#server.sweep();
  }
  bucketOf(): number {
    return 0;
  }
  list: LeaseStore['list'] = (query) => this.#server.store.list(query);
  readLog: LeaseStore['readLog'] = (bucket, after, limit) => this.#server.store.readLog(bucket, after, limit);

  async listen(listener: string, onNotice: OnNotice): Promise<Cancel> {
    this.subscriptions += 1;
    const stop = this.#server.listen(listener, (notice) => {
      if (this.deafTo > 0) this.deafTo -= 1;
      else this.#process.clock.whenRunning(() => onNotice(notice));
    });
    return () => {
      this.subscriptions -= 1;
      stop();
    };
  }
  hints: LeaseStore['hints'] = async () => () => undefined;
  async close(): Promise<void> {}

  /** Gives up after its time; whether the store took it, nobody here knows. */
  async #lost(): Promise<never> {
    await this.#delay(COMMAND_TIMEOUT_MS);
    await this.#running();
    throw new CoordinationError('REPLY_LOST', 'no answer', { applied: 'unknown' });
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#time.after(ms, resolve));
  }
  #running(): Promise<void> {
    return new Promise((resolve) => this.#process.clock.whenRunning(resolve));
  }
}
