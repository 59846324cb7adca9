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
import { InvariantViolation } from '@devmentor/locks';
import type { ActivationHost } from './activation-host.ts';
import type { ActorId } from './actor-id.ts';
import { type ActorState, createdState, loadedState, storedForm } from './actor-state.ts';
import { DueTimers } from './due-timers.ts';
import type { Answer, Deliver, Read, Watch } from './envelope.ts';
import { ActorError, type FaultData } from './errors.ts';
import { type KnownOutcome, knownOutcome, longer } from './known-outcome.ts';
import { type Letter, letterOf, Mailbox, type Told } from './mailbox.ts';
import { MemoryDedup } from './memory-dedup.ts';
import { Onlookers, whenOwner } from './onlookers.ts';
import { Outflow } from './outflow.ts';
import type { Commit, OutboxRow } from './state-store.ts';
import { answerOf, type GroupStep, type Stepper, type StoredReply, stepGroup } from './stepping.ts';

type Phase =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly state: ActorState }
  | { readonly kind: 'committing'; readonly state: ActorState; readonly group: GroupStep }
  /** The commit may or may not have been applied. */
  | { readonly kind: 'frozen'; readonly state: ActorState; readonly group: GroupStep }
  | { readonly kind: 'quarantined'; readonly fault: FaultData }
  /** Passivated, or its shard is served elsewhere. */
  | { readonly kind: 'gone' };

const LARGEST_GROUP = 64;
const FIRST_RETRY_MS = 20;

export class Activation {
  readonly id: ActorId;
  readonly idleMs: number;
  readonly #host: ActivationHost;
  readonly #stepper: Stepper;
  readonly #mailbox: Mailbox;
  readonly #onlookers: Onlookers;
  readonly #outflow: Outflow;
  readonly #due = new DueTimers();
  /** Of an actor without a record. */
  readonly #dedup = new MemoryDedup();
  #phase: Phase = { kind: 'loading' };
  /** So many letters are stepped one by one, since their group could not be stored whole. */
  #singly = 0;
  #pumping = false;
  /** Ends with the store call that is under way. */
  #attempt: Promise<void> = Promise.resolve();

  constructor(host: ActivationHost, stepper: Stepper) {
    this.id = stepper.id;
    this.idleMs = stepper.behavior.idleMs;
    this.#host = host;
    this.#stepper = stepper;
    this.#mailbox = new Mailbox(stepper.behavior.mailboxMax);
    this.#onlookers = new Onlookers(host, stepper);
    this.#outflow = new Outflow(host, stepper, {
      ended: (letter) => this.#take(letter),
      changed: () => this.#pumpSoon(),
    });
    void this.#load();
  }

  /** Takes a message; `answer` is called once, or never when nobody could know the outcome. */
  deliver(request: Deliver, answer: (answer: Answer) => void): void {
    const closed = this.#closed();
    const before = closed ?? (request.from && this.#dedup.find(request.from));
    if (before !== undefined) {
      answer(before);
      return;
    }
    const letter = letterOf(request, this.#host.clock.nowMs(), answer);
    if (this.#mailbox.put(letter) === 'full') {
      answer(refusal('MAILBOX_FULL', `${this.id} has no room for more messages`, letter.again ? 'unknown' : 'no'));
    } else {
      this.#pumpSoon();
    }
  }

  /** Answers a read as soon as there is a state to show, a watch when there is a newer one. */
  show(request: Read | Watch, answer: (answer: Answer) => void): void {
    const closed = this.#closed();
    const phase = this.#phase;
    if (closed !== undefined) answer(closed);
    else
      this.#onlookers.add(
        request,
        phase.kind === 'ready' || phase.kind === 'committing' ? phase.state : undefined,
        answer,
      );
  }

  /** Makes sure that the actor exists and that its invokes run. */
  wake(): void {
    this.#take({ kind: 'wake' });
  }

  /** Something of its timers is due. */
  ring(): void {
    if (this.#phase.kind === 'ready' || this.#phase.kind === 'committing') this.#takeDue(this.#phase.state);
  }

  /** Leaves memory if nothing holds it here. */
  passivate(): boolean {
    if (this.#phase.kind !== 'ready' || this.#pumping) return false;
    const memoryOnly = !this.#stepper.behavior.durable && this.#phase.state.timers.size > 0;
    if (this.#mailbox.size > 0 || this.#outflow.isBusy || !this.#onlookers.isEmpty || memoryOnly) return false;
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

  async #load(): Promise<void> {
    const { behavior } = this.#stepper;
    for (let pauseMs = FIRST_RETRY_MS; this.#phase.kind === 'loading'; pauseMs = longer(pauseMs)) {
      try {
        const loaded = behavior.durable ? await this.#host.load(this.id) : ({ kind: 'absent' } as const);
        if (this.#phase.kind !== 'loading') return;
        if (loaded.kind === 'fenced') this.#host.fenced();
        else if (loaded.kind === 'absent') this.#begin(this.#firstState(), []);
        else this.#begin(loadedState(this.#stepper.driver, behavior, loaded.record), loaded.record.outbox);
        return;
      } catch (fault) {
        if (!this.#host.isTransient(fault)) {
          this.#quarantine(fault);
          return;
        }
        this.#host.onFault(fault);
        await this.#host.pause(pauseMs);
      }
    }
  }

  #firstState(): ActorState {
    const { driver, behavior } = this.#stepper;
    const state = createdState(driver, behavior.input(this.id.slice(behavior.name.length + 1)));
    // A memory-only actor has no stored version; its versions rise over activations all the same.
    return behavior.durable ? state : { ...state, version: Math.floor(this.#host.storeNowMs() * 1_000) };
  }

  #begin(state: ActorState, outbox: readonly OutboxRow[]): void {
    this.#phase = { kind: 'ready', state };
    this.#host.used(this);
    this.#outflow.resume(state, outbox);
    if (!this.#stepper.behavior.durable) this.wake();
    this.#resume(state);
  }

  /** The state is the committed one: show it, ring what fell due meanwhile, go on with what waits. */
  #resume(state: ActorState): void {
    this.#onlookers.see(state);
    this.#takeDue(state);
    this.#pumpSoon();
  }

  #takeDue(state: ActorState): void {
    for (const due of this.#due.ring(state.timers, this.#host.storeNowMs())) this.#take(due);
    this.#host.wakeAt(this.id, this.#due.nextMs(state.timers));
  }

  #take(letter: Letter): void {
    if (this.#closed() !== undefined) return;
    this.#mailbox.put(letter);
    this.#pumpSoon();
  }

  /** The rest of the tick may bring more for the same group. */
  #pumpSoon(): void {
    const idle = this.#mailbox.size === 0 && this.#outflow.paid.length === 0;
    if (this.#pumping || this.#phase.kind !== 'ready' || idle) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      if (this.#phase.kind === 'ready') this.#pump(this.#phase.state);
    });
  }

  #pump(state: ActorState): void {
    const letters = this.#mailbox.take(this.#singly > 0 ? 1 : LARGEST_GROUP);
    this.#singly = Math.max(0, this.#singly - letters.length);
    const now = { storeMs: this.#host.storeNowMs(), clockMs: this.#host.clock.nowMs(), owed: this.#outflow.owed };
    const group = stepGroup(this.#stepper, state, letters, now);
    this.#host.used(this);
    if (!group.changes && this.#outflow.paid.length === 0) {
      // Refusals say what the state is, so they need what a read needs.
      whenOwner(this.#host, 'trust lease', {
        yes: () => this.#answer(group, state.version),
        no: () => answerAll(group.letters, { kind: 'elsewhere' }),
      });
      this.#finish(group);
      this.#resume(state);
    } else if (!this.#stepper.behavior.durable) {
      this.#dedup.settle(group.settles);
      this.#committed(state, group, { version: state.version + 1, events: [] });
    } else {
      this.#commit(state, group);
    }
  }

  #commit(state: ActorState, group: GroupStep): void {
    try {
      const commit = this.#commitOf(state, group);
      void this.#submit(state, group, commit);
    } catch (cause) {
      const message = `${this.id} has a state that cannot be stored: ${String(cause)}`;
      this.#unstorable(state, group, { code: 'ACTOR_FAILED', message, applied: 'no' });
    }
  }

  #commitOf(state: ActorState, group: GroupStep): Commit {
    const [first] = group.letters;
    const fence = first?.kind === 'told' ? first.fence : undefined;
    const next = group.changes ? group.next : state;
    return {
      id: this.id,
      commitId: this.#host.nextCommitId(),
      basis: state.version,
      machineVersion: this.#stepper.behavior.version,
      snapshot: storedForm(this.#stepper.driver, next),
      timers: [...next.timers.values()],
      outbox: { add: group.outbox, remove: this.#outflow.paid },
      settles: group.settles,
      events: group.events,
      ...(fence === undefined ? {} : { fence }),
    };
  }

  async #submit(state: ActorState, group: GroupStep, commit: Commit): Promise<void> {
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
      this.#decided(outcome, state, group, commit);
    } catch (bug) {
      if (this.#phase.kind !== 'gone') this.#quarantine(bug);
    }
  }

  #decided(outcome: KnownOutcome, state: ActorState, group: GroupStep, commit: Commit): void {
    switch (outcome.kind) {
      case 'abandoned':
        break;
      case 'committed':
        this.#outflow.removed(commit.outbox.remove.length);
        this.#committed(state, group, outcome);
        break;
      case 'fenced':
        if (outcome.applied === 'no') this.#putBack(state, group.letters);
        this.#host.fenced();
        break;
      case 'duplicate':
        this.#without(state, group, (letter) => {
          const before = outcome.settled.find(({ sender, n }) => sender === letter.from?.sender && n === letter.from.n);
          return before && answerOf(before.reply as object as StoredReply | undefined, state.version);
        });
        break;
      case 'overloaded':
        this.#without(state, group, (letter) =>
          letter.from?.sender === outcome.sender
            ? refusal('MAILBOX_FULL', `${outcome.sender} has too many unsettled messages to ${this.id}`, 'no')
            : undefined,
        );
        break;
      case 'stale': {
        const { guard } = outcome;
        const message = `A newer claim guards ${this.id}`;
        this.#without(state, group, () => ({
          kind: 'fault',
          fault: { code: 'STALE_FENCE', message, applied: 'no', guard },
        }));
        break;
      }
      case 'refused': {
        const { code, message } = outcome.fault;
        if (code === 'TOO_LARGE' || code === 'NOT_JSON')
          this.#unstorable(state, group, { code, message: `${this.id}: ${message}`, applied: 'no' });
        else this.#quarantine(outcome.fault);
        break;
      }
      case 'conflict': {
        const { version, commitId } = outcome;
        this.#quarantine(
          new InvariantViolation(
            `${this.id} is at version ${version} by commit ${commitId}, under the epoch of this node, which knows version ${state.version}`,
          ),
        );
        break;
      }
    }
  }

  #committed(
    before: ActorState,
    group: GroupStep,
    { version, events }: { readonly version: number; readonly events: Parameters<ActivationHost['published']>[0] },
  ): void {
    const state = { ...(group.changes ? group.next : before), version };
    this.#phase = { kind: 'ready', state };
    this.#finish(group);
    this.#answer(group, version);
    this.#host.published(events);
    this.#outflow.let(group.after);
    this.#outflow.owe(group.outbox);
    this.#resume(state);
  }

  #finish(group: GroupStep): void {
    for (const letter of group.letters) {
      this.#mailbox.finish(letter);
      if (letter.kind === 'due') this.#due.settled(letter);
    }
    for (const deadLetter of group.deadLetters) this.#host.onDeadLetter(deadLetter);
  }

  #answer(group: GroupStep, version: number): void {
    for (const [letter, answer] of group.answers)
      answerAll([letter], answer.kind === 'committed' ? { ...answer, version } : answer);
  }

  /** Some letters of a group have an answer of their own; the others are stepped again without them. */
  #without(state: ActorState, group: GroupStep, answerTo: (letter: Told) => Answer | undefined): void {
    const others: Letter[] = [];
    for (const letter of group.letters) {
      const answer = letter.kind === 'told' ? answerTo(letter) : undefined;
      if (answer === undefined) {
        others.push(letter);
      } else {
        this.#mailbox.finish(letter);
        answerAll([letter], answer);
      }
    }
    if (others.length === group.letters.length) {
      this.#quarantine(new InvariantViolation(`${this.id} was refused a commit for a message that is not in it`));
    } else {
      this.#putBack(state, others);
    }
  }

  /**
   * The group could not be stored: find the letter it is for by stepping them singly. That one is
   * given up. A message is so by a refusal: if it is a repeat, the store then says whether it was
   * committed before.
   */
  #unstorable(state: ActorState, group: GroupStep, fault: FaultData): void {
    const [only, second] = group.letters;
    if (second !== undefined) {
      this.#singly += group.letters.length;
      this.#putBack(state, group.letters);
    } else if (only !== undefined && only.kind !== 'wake' && only.unstorable === undefined) {
      only.unstorable = fault;
      this.#putBack(state, [only]);
    } else if (only?.kind === 'told') {
      this.#without(state, group, () => ({
        kind: 'fault',
        fault: { ...fault, applied: only.again ? 'unknown' : 'no' },
      }));
    } else {
      // Its state is not the work of any letter.
      this.#quarantine(new ActorError(fault.code, fault.message, { applied: 'no', actor: this.id }));
    }
  }

  #putBack(state: ActorState, letters: readonly Letter[]): void {
    this.#mailbox.putBack(letters);
    this.#phase = { kind: 'ready', state };
    this.#resume(state);
  }

  /** What everybody is told who comes too late. */
  #closed(): Answer | undefined {
    if (this.#phase.kind === 'gone') return { kind: 'elsewhere' };
    if (this.#phase.kind === 'quarantined') return { kind: 'fault', fault: this.#phase.fault };
    return undefined;
  }

  #quarantine(cause: unknown): void {
    const known = cause instanceof ActorError && cause.code === 'VERSION_UNSUPPORTED';
    const message = known ? cause.message : `${this.id} is quarantined: ${String(cause)}`;
    const fault: FaultData = { code: known ? 'VERSION_UNSUPPORTED' : 'ACTOR_QUARANTINED', message, applied: 'unknown' };
    const taken = 'group' in this.#phase ? this.#phase.group.letters : [];
    this.#phase = { kind: 'quarantined', fault };
    this.#host.wakeAt(this.id, undefined);
    this.#host.onFault(cause);
    answerAll(taken, { kind: 'fault', fault });
    this.#empty({ kind: 'fault', fault });
  }

  #leave(): void {
    // What is being committed has an unknown outcome: its senders ask the next owner.
    const taken = 'group' in this.#phase ? this.#phase.group.letters : [];
    this.#phase = { kind: 'gone' };
    answerAll(taken, { kind: 'lost' });
    this.#empty({ kind: 'elsewhere' });
    this.#host.left(this);
  }

  #empty(answer: Answer): void {
    this.#outflow.stop();
    answerAll(this.#mailbox.takeAll(), answer);
    this.#onlookers.dismiss(answer);
  }
}

function answerAll(letters: readonly Letter[], answer: Answer): void {
  for (const letter of letters) if (letter.kind === 'told') for (const give of letter.answer) give(answer);
}

function refusal(code: 'MAILBOX_FULL', message: string, applied: 'no' | 'unknown'): Answer {
  return { kind: 'fault', fault: { code, message, applied } };
}

function nothing(): void {}
