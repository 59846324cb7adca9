// Activation
//
// One actor in memory, under the epoch of its shard: loads the record, steps letters in groups,
// commits each group in one fenced write, and only then answers and lets effects out.
//
//   AC1  At most one commit is under way; letters that come meanwhile are the next group.
//   AC2  Nothing is answered and no effect leaves before the store said `committed`.
//   AC3  After an unknown outcome it is frozen: it answers nobody until the outcome is known.
//   AC4  A foreign commit under its own epoch is a bug: the actor is quarantined, and takes
//        nothing until the node restarts.
//   AC5  It leaves memory only with nothing waiting, running or owed, in one synchronous step: a
//        message finds either this activation or the next.
//   AC6  `fenced` by the store ends it: what waits is answered `elsewhere`.
//   AC7  While a letter waits to be tried again those behind it wait too; reads do not.
import type { Cancel } from '@devmentor/locks';
import {
  answerIn,
  type Committed,
  commitOf,
  type Decision,
  decided,
  refusal,
  unstorable,
} from './activation-commit.ts';
import type { ActivationHost } from './activation-host.ts';
import { inspectionOf } from './activation-inspection.ts';
import { load } from './activation-load.ts';
import { closedIn, committedIn, type Phase, takenIn } from './activation-phase.ts';
import type { ActorId } from './actor-id.ts';
import type { ActorState } from './actor-state.ts';
import { Askers } from './askers.ts';
import type { TypeCounts } from './counts.ts';
import { DueTimers } from './due-timers.ts';
import type { Answer, Deliver, Order, Read, Watch } from './envelope.ts';
import { ActorError, type FaultData } from './errors.ts';
import type { ActorKind, GroupStep, Stepper } from './group-step.ts';
import type { Inspection } from './inspection.ts';
import { knownOutcome } from './known-outcome.ts';
import {
  type Bounced,
  type Closed,
  type Emptied,
  type Ended,
  type Letter,
  letterOf,
  Mailbox,
  type Said,
  type Told,
} from './mailbox.ts';
import { MemoryDedup } from './memory-dedup.ts';
import { Onlookers, whenOwner } from './onlookers.ts';
import { Outflow } from './outflow.ts';
import type { Resident } from './passivation.ts';
import type { Commit, OutboxRow } from './state-store.ts';
import { stepGroup } from './stepping.ts';

const LARGEST_GROUP = 64;
const NO_TIMERS: ActorState['timers'] = new Map();
const NOTHING_PAID: Commit['outbox']['remove'] = [];
const LOADING: Phase = { kind: 'loading' };

/** What the activations of one type share. */
export interface ActivationKind extends ActorKind {
  readonly counts: TypeCounts;
}

export class Activation implements Stepper, Resident<Activation> {
  readonly id: ActorId;
  usedAtMs: number | undefined;
  earlier: Activation | undefined;
  later: Activation | undefined;
  readonly #host: ActivationHost;
  readonly #kind: ActivationKind;
  // Each of these is there while it holds something: an idle actor has none of them.
  #mailbox: Mailbox | undefined;
  #onlookers: Onlookers | undefined;
  #outflow: Outflow | undefined;
  #due: DueTimers | undefined;
  #askers: Askers | undefined;
  /** Of an actor without a record. */
  readonly #dedup: MemoryDedup | undefined;
  #phase: Phase = LOADING;
  /** So many letters are stepped one by one, since their group could not be stored whole. */
  #singly = 0;
  #pumping = false;
  /** Whether the host may have a time set for it; it has for some of those that it activates. */
  #mayRing = true;
  /** Ends the pause before a letter is tried again. */
  #retry: Cancel | undefined;
  /** Ends with the store call that is under way. */
  #attempt: Promise<void> | undefined;

  constructor(host: ActivationHost, kind: ActivationKind, id: ActorId) {
    this.id = id;
    this.#host = host;
    this.#kind = kind;
    this.#dedup = kind.behavior.durable ? undefined : new MemoryDedup();
    void load(host, this, {
      isOver: () => this.#phase.kind !== 'loading',
      begin: (state, outbox) => this.#begin(state, outbox),
      leave: () => this.#leave(),
      quarantine: (fault) => this.#quarantine(fault),
    });
  }

  get behavior(): Stepper['behavior'] {
    return this.#kind.behavior;
  }

  get driver(): Stepper['driver'] {
    return this.#kind.driver;
  }

  get counts(): TypeCounts {
    return this.#kind.counts;
  }

  get idleMs(): number {
    return this.#kind.behavior.idleMs;
  }

  isInspected(): boolean {
    return this.#kind.isInspected?.() === true;
  }

  /** Takes a message; `answer` is called once, or never when nobody could know the outcome. */
  deliver(request: Deliver, answer: (answer: Answer) => void): void {
    const closed = closedIn(this.#phase);
    const before = closed ?? (request.from && this.#dedup?.find(request.from));
    if (before !== undefined) {
      answer(before);
      return;
    }
    const { counts } = this.#kind;
    const letter = letterOf(request, this.#host.clock.nowMs(), answer);
    const mailbox = this.#mail();
    if (mailbox.put(letter) === 'full') {
      counts.refusals++;
      const retryAfterMs = Math.round(Math.min(5_000, Math.max(5, mailbox.size * counts.paceMs)));
      const applied = letter.again ? 'unknown' : 'no';
      answer(refusal('MAILBOX_FULL', `${this.id} has no room for more messages`, applied, retryAfterMs));
    } else {
      counts.messages++;
      this.#pumpSoon();
    }
  }

  /** Answers a read as soon as there is a state to show, a watch when there is a newer one. */
  show(request: Read | Watch, answer: (answer: Answer) => void): void {
    const closed = closedIn(this.#phase);
    if (closed !== undefined) {
      answer(closed);
      return;
    }
    const onlookers = this.#onlookers ?? new Onlookers(this.#host, this);
    onlookers.add(request, committedIn(this.#phase), answer);
    this.#onlookers = onlookers.isEmpty ? undefined : onlookers;
  }

  /** Does what an operator wants, once what waits before it is done. */
  order({ order, why, from }: Order, answer: (answer: Answer) => void): void {
    const before = closedIn(this.#phase) ?? (from && this.#dedup?.find(from));
    if (before !== undefined) answer(before);
    else if (this.#mail().put({ kind: 'ordered', order, why, from, answer: [answer] }) === 'full')
      answer(refusal('MAILBOX_FULL', `${this.id} has too many orders already`, 'no'));
    else this.#pumpSoon();
  }

  inspect(): Inspection {
    return inspectionOf(this.id, this.#phase, {
      mailbox: this.#mailbox,
      outflow: this.#outflow,
      due: this.#due,
      retries: this.#retry !== undefined,
      heldMs: this.#host.heldMs(this.behavior.name),
    });
  }

  /** What it owes to others; undefined for nothing. */
  get debt(): ReturnType<Outflow['debt']> {
    return this.#outflow?.debt();
  }

  /** Something of its own happened, to an invoke or to what it owes. */
  happened(letter: Said | Ended | Bounced | Emptied | Closed): void {
    this.#take(letter);
  }

  /** A row of its outbox has been paid. */
  paid(): void {
    this.#pumpSoon();
  }

  /** Makes sure that the actor exists and that its invokes run. */
  wake(): void {
    this.#take({ kind: 'wake' });
  }

  /** Something of its timers is due. */
  ring(): void {
    const state = committedIn(this.#phase);
    if (state !== undefined) this.#takeDue(state);
  }

  /** Leaves memory if nothing holds it here. */
  passivate(): boolean {
    if (this.#phase.kind !== 'ready' || this.#pumping || this.#retry !== undefined) return false;
    const memoryOnly = !this.behavior.durable && this.#phase.state.timers.size > 0;
    const nowMs = this.#host.clock.nowMs();
    this.#onlookers?.forgetExpired();
    const waited = this.#onlookers?.isEmpty === false || this.#askers?.isEmpty(nowMs) === false;
    if (this.#waiting > 0 || this.#outflow?.isBusy === true || waited || memoryOnly) return false;
    this.counts.passivations++;
    this.#leave();
    return true;
  }

  /** The shard is no longer served here. */
  drop(): void {
    if (this.#phase.kind !== 'gone') this.#leave();
  }

  /** Resolves when no commit is under way; what waits may be left waiting. */
  async settled(): Promise<void> {
    while (this.#phase.kind === 'committing') await this.#attempt;
  }

  get #waiting(): number {
    return this.#mailbox?.size ?? 0;
  }

  #mail(): Mailbox {
    this.#mailbox ??= new Mailbox(this.behavior.mailbox, this.#host.mailLoad);
    return this.#mailbox;
  }

  #out(): Outflow {
    this.#outflow ??= new Outflow(this.#host, this, this);
    return this.#outflow;
  }

  #begin(state: ActorState, outbox: readonly OutboxRow[]): void {
    this.#phase = { kind: 'ready', state };
    this.#host.used(this);
    this.#out().resume(state, outbox);
    if (!this.behavior.durable) this.wake();
    this.#resume(state);
  }

  /** The state is the committed one: show it, ring what fell due meanwhile, go on with what waits. */
  #resume(state: ActorState): void {
    if (this.#outflow?.isBusy === false) this.#outflow = undefined;
    this.#onlookers?.see(state);
    if (this.#onlookers?.isEmpty === true) this.#onlookers = undefined;
    this.#takeDue(state);
    this.#pumpSoon();
  }

  #takeDue(state: ActorState): void {
    // One that stands still hears of its timers when it goes on.
    const timers = state.halt === undefined ? state.timers : NO_TIMERS;
    // Most actors have none, and had none before.
    if (timers.size === 0 && !this.#mayRing) return;
    const due = this.#due ?? new DueTimers();
    for (const rung of due.ring(timers, this.#host.storeNowMs())) this.#take(rung);
    this.#due = due.isEmpty ? undefined : due;
    const nextMs = due.nextMs(timers);
    this.#mayRing = nextMs !== undefined;
    this.#host.wakeAt(this.id, nextMs);
  }

  #take(letter: Letter): void {
    if (closedIn(this.#phase) !== undefined) return;
    this.#mail().put(letter);
    this.#pumpSoon();
  }

  /** The rest of the tick may bring more for the same group. */
  #pumpSoon(): void {
    if (this.#pumping || this.#retry !== undefined || this.#phase.kind !== 'ready') return;
    if (this.#waiting === 0 && this.#paid.length === 0) return;
    this.#pumping = true;
    this.#host.pumpSoon(this);
  }

  /** Its turn, after `pumpSoon`. */
  pump(): 'answered' | 'committing' {
    this.#pumping = false;
    if (this.#phase.kind === 'ready') this.#pump(this.#phase.state);
    return this.#phase.kind === 'committing' ? 'committing' : 'answered';
  }

  #pump(state: ActorState): void {
    const { behavior } = this.#kind;
    const letters = this.#mailbox?.take(this.#singly > 0 ? 1 : LARGEST_GROUP) ?? [];
    const clockMs = this.#host.clock.nowMs();
    const group = stepGroup(this, state, letters, {
      storeMs: this.#host.storeNowMs(),
      clockMs,
      owed: this.#outflow?.owed ?? 0,
      heldMs: this.#host.heldMs(behavior.name),
      jitter: this.#host.random(),
      spans: this.#host.spans(this),
    });
    this.#singly = Math.max(0, this.#singly - group.letters.length);
    this.#count(group, state, clockMs);
    this.#host.used(this);
    this.#leaveForLater(group);
    // Before the commit: the next actor of the type may be stepped in the same tick.
    for (let i = 0; i < group.givenUp; i++) this.#host.gaveUp(behavior.name);
    if (!group.changes && this.#paid.length === 0) {
      // Refusals say what the state is, so they need what a read needs.
      group.spans?.end({ outcome: 'not committed' });
      whenOwner(this.#host, 'trust lease', {
        yes: () => this.#answer(group, state),
        no: () => answerAll(group.letters, { kind: 'elsewhere' }),
      });
      this.#finish(group);
      this.#resume(state);
    } else if (!behavior.durable) {
      this.#dedup?.settle(group.settles);
      this.counts.took(this.#host.clock.nowMs() - clockMs, group.letters.length);
      this.#committed(state, group, { version: state.version + 1, events: [] });
    } else {
      this.#commit(state, group);
    }
  }

  get #paid(): Commit['outbox']['remove'] {
    return this.#outflow?.paid ?? NOTHING_PAID;
  }

  #count({ letters }: GroupStep, { timers }: ActorState, nowMs: number): void {
    const { counts } = this;
    counts.steps += letters.length;
    for (const letter of letters) {
      if (letter.kind === 'told') counts.queueWait.add(nowMs - letter.atMs);
      else if (letter.kind === 'due') {
        const row = timers.get(letter.id);
        if (row?.generation === letter.generation) counts.timerLateness.add(this.#host.storeNowMs() - row.dueAtMs);
      }
    }
  }

  /** The first of those left failed; all of them wait until it is tried again. */
  #leaveForLater({ left, pauseMs }: GroupStep): void {
    const [failed] = left;
    if (failed === undefined) return;
    if (failed.kind !== 'wake') failed.failures = (failed.failures ?? 0) + 1;
    this.#mail().putBack(left);
    this.#retry = this.#host.clock.background(pauseMs, () => {
      this.#retry = undefined;
      this.#pumpSoon();
    });
  }

  #commit(state: ActorState, group: GroupStep): void {
    try {
      const facts = {
        commitId: this.#host.nextCommitId(),
        storeMs: this.#host.storeNowMs(),
        paid: this.#paid,
      };
      void this.#submit(state, group, commitOf(this, state, group, facts));
    } catch (cause) {
      const message = `${this.id} has a state that cannot be stored: ${String(cause)}`;
      this.#carryOut(unstorable(this.id, group, { code: 'ACTOR_FAILED', message, applied: 'no' }), state, group);
    }
  }

  async #submit(state: ActorState, group: GroupStep, commit: Commit): Promise<void> {
    const sentMs = this.#host.clock.nowMs();
    try {
      const outcome = await knownOutcome(this.#host, commit, {
        isOver: () => this.#phase.kind === 'gone',
        committing: (attempt) => {
          this.#phase = { kind: 'committing', state, group };
          this.#attempt = attempt.then(nothing, nothing);
        },
        frozen: () => {
          this.#phase = { kind: 'frozen', state, group };
        },
      });
      if (outcome.kind === 'committed') {
        this.counts.commits++;
        const tookMs = this.#host.clock.nowMs() - sentMs;
        this.counts.commit.add(tookMs);
        this.counts.took(tookMs, group.letters.length);
        group.spans?.committed(tookMs);
        this.#outflow?.removed(commit.outbox.remove.length - group.bounced.length);
      }
      this.#carryOut(decided(this.id, state, group, outcome), state, group);
    } catch (bug) {
      group.spans?.end({ outcome: 'quarantine', isError: true });
      if (this.#phase.kind !== 'gone') this.#quarantine(bug);
    }
  }

  #carryOut(decision: Decision, state: ActorState, group: GroupStep): void {
    if (decision.kind !== 'committed')
      group.spans?.end({ outcome: decision.kind, isError: decision.kind === 'quarantine' });
    switch (decision.kind) {
      case 'nothing':
        break;
      case 'committed':
        this.#committed(state, group, decision);
        break;
      case 'fenced':
        if (decision.mayGoBack) this.#putBack(state, group.letters);
        this.#host.fenced();
        break;
      case 'without':
        for (const [letter, answer] of decision.answers) {
          this.#mailbox?.finish(letter);
          answerAll([letter], answer);
        }
        this.#putBack(
          state,
          group.letters.filter((letter) => !('from' in letter) || !decision.answers.has(letter)),
        );
        break;
      case 'singly':
        this.#singly += group.letters.length;
        this.#putBack(state, group.letters);
        break;
      case 'spoilt':
        decision.letter.unstorable = decision.fault;
        this.#putBack(state, group.letters);
        break;
      case 'quarantine':
        this.#quarantine(decision.cause);
        break;
    }
  }

  #committed(before: ActorState, group: GroupStep, committed: Committed): void {
    const { version, events } = committed;
    const state = { ...(group.changes ? group.next : before), version };
    this.#phase = { kind: 'ready', state };
    this.#attempt = undefined;
    group.spans?.end({ outcome: 'committed', version });
    this.#finish(group);
    this.#answer(group, committed);
    this.#host.published(events);
    if (group.steps.length > 0) this.#host.stepped(this, group.steps, version);
    if (group.after.length > 0) this.#out().let(group.after, state);
    if (group.outbox.length > 0) this.#out().owe(group.outbox);
    this.#resume(state);
  }

  #finish(group: GroupStep): void {
    for (const letter of group.letters) {
      this.#mailbox?.finish(letter);
      if (letter.kind === 'due') this.#due?.settled(letter);
    }
    if (this.#mailbox?.isEmpty === true) this.#mailbox = undefined;
    this.counts.deadLetters += group.deadLetters.length;
    for (const deadLetter of group.deadLetters) this.#host.onDeadLetter(deadLetter);
  }

  #answer(group: GroupStep, committed: Pick<Committed, 'version' | 'crowded'>): void {
    for (const [letter, answer] of group.answers) {
      if (answer.kind !== 'later') answerAll([letter], answerIn(committed, letter, answer));
      else if (letter.kind === 'told') this.#park(answer.address, letter);
    }
    const { version } = committed;
    for (const { to, value } of group.replies) this.#askers?.answer(to, { kind: 'committed', version, reply: value });
    if (this.#askers?.isEmpty(0) === true) this.#askers = undefined;
  }

  #park(address: string, letter: Told): void {
    this.#askers ??= new Askers();
    this.#askers.park(address, letter);
  }

  #putBack(state: ActorState, letters: readonly Letter[]): void {
    this.#mail().putBack(letters);
    this.#phase = { kind: 'ready', state };
    this.#resume(state);
  }

  #quarantine(cause: unknown): void {
    const known = cause instanceof ActorError && cause.code === 'VERSION_UNSUPPORTED';
    const message = known ? cause.message : `${this.id} is quarantined: ${String(cause)}`;
    const fault: FaultData = { code: known ? 'VERSION_UNSUPPORTED' : 'ACTOR_QUARANTINED', message, applied: 'unknown' };
    const taken = takenIn(this.#phase);
    this.#phase = { kind: 'quarantined', fault };
    this.#host.wakeAt(this.id, undefined);
    this.#host.onFault(cause);
    answerAll(taken, { kind: 'fault', fault });
    this.#empty({ kind: 'fault', fault });
  }

  #leave(): void {
    // What is being committed has an unknown outcome: its senders ask the next owner.
    const taken = takenIn(this.#phase);
    this.#phase = { kind: 'gone' };
    answerAll(taken, { kind: 'lost' });
    this.#askers?.dismiss({ kind: 'lost' });
    this.#empty({ kind: 'elsewhere' });
    this.#host.left(this);
  }

  #empty(answer: Answer): void {
    this.#retry?.();
    this.#retry = undefined;
    this.#outflow?.stop();
    answerAll(this.#mailbox?.takeAll() ?? [], answer);
    this.#onlookers?.dismiss(answer);
    this.#askers?.dismiss(answer);
  }
}

function answerAll(letters: readonly Letter[], answer: Answer): void {
  for (const letter of letters) if ('answer' in letter) for (const give of letter.answer) give(answer);
}

function nothing(): void {}
