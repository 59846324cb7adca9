// Activation
//
// One actor in memory, under the epoch of its shard: loads the record, steps letters in groups,
// commits each group in one fenced write, and only then answers and lets effects out.
//
//   AC1  At most one commit is under way; letters that come meanwhile are the next group.
//   AC2  Nothing is answered and no effect leaves before the store said `committed`.
//   AC3  After an unknown outcome it is frozen: it answers nobody until the record, read under
//        its epoch, says whether its commit id is there; then it goes on from it or commits the
//        same again.
//   AC4  A foreign commit under its own epoch is a bug: the actor is quarantined, and takes
//        nothing until the node restarts.
//   AC5  It leaves memory only with nothing waiting, running or owed, in one synchronous step: a
//        message finds either this activation or the next.
//   AC6  `fenced` by the store ends it: what waits is answered `elsewhere`, what was being
//        committed was not applied.
import { InvariantViolation } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import { createdState, loadedState, storedForm, viewOf, type ActorState } from './actor-state.ts';
import type { ActivationHost } from './activation-host.ts';
import type { Answer, Deliver, Read, Watch } from './envelope.ts';
import { ActorError, type FaultData } from './errors.ts';
import { DueTimers } from './due-timers.ts';
import { type KnownOutcome, knownOutcome, longer } from './known-outcome.ts';
import { MemoryDedup } from './memory-dedup.ts';
import { Invokes } from './invokes.ts';
import { Mailbox, type Letter, type Told } from './mailbox.ts';
import { Onlookers, type Onlooker } from './onlookers.ts';
import { OutboxRelay } from './outbox-relay.ts';
import type { Commit, OutboxRow } from './state-store.ts';
import { answerOf, stepGroup, type AfterEffect, type GroupStep, type StoredReply, type Stepper } from './stepping.ts';

type Phase =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly state: ActorState }
  | { readonly kind: 'committing'; readonly state: ActorState; readonly group: GroupStep; readonly commit: Commit }
  /** The commit may or may not have been applied. */
  | { readonly kind: 'frozen'; readonly state: ActorState; readonly group: GroupStep; readonly commit: Commit }
  | { readonly kind: 'quarantined'; readonly fault: FaultData }
  /** Passivated, or its shard is served elsewhere. */
  | { readonly kind: 'gone' };

const LARGEST_GROUP = 64;
const FIRST_RETRY_MS = 20;

const nothing = (): void => {};

export class Activation {
  readonly id: ActorId;
  readonly idleMs: number;
  readonly #host: ActivationHost;
  readonly #stepper: Stepper;
  readonly #mailbox: Mailbox;
  readonly #onlookers = new Onlookers();
  readonly #invokes: Invokes;
  readonly #relay: OutboxRelay;
  readonly #due = new DueTimers();
  /** Of an actor without a record. */
  readonly #dedup = new MemoryDedup();
  #phase: Phase = { kind: 'loading' };
  /** Outbox rows their receivers have settled, not yet removed from the record. */
  #paid: OutboxRow[] = [];
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
    this.#invokes = new Invokes(this.id, stepper.driver, (letter) => this.#take(letter));
    this.#relay = new OutboxRelay({
      clock: host.clock,
      deliver: (row, signal) => host.deliver(this.id, row, signal),
      settled: (row, refusal) => this.#outboxSettled(row, refusal),
    });
    void this.#load();
  }

  get kind(): Phase['kind'] {
    return this.#phase.kind;
  }

  /** Takes a message; `answer` is called once, or never when nobody could know the outcome. */
  deliver(request: Deliver, answer: (answer: Answer) => void): void {
    const letter: Told = {
      kind: 'told',
      event: request.event,
      from: request.from,
      fence: request.fence,
      asks: request.asks ?? false,
      again: request.again ?? false,
      expiresAtMs: this.#host.clock.nowMs() + request.remainingMs,
      traceparent: request.traceparent,
      answer: [answer],
    };
    if (this.#phase.kind === 'gone') return answer({ kind: 'elsewhere' });
    if (this.#phase.kind === 'quarantined') return answer({ kind: 'fault', fault: this.#phase.fault });
    const before = letter.from && this.#dedup.find(letter.from);
    if (before !== undefined) return answer(answerOf(before.reply as object as StoredReply | undefined, 0));
    if (this.#mailbox.put(letter) === 'full') {
      return answer({ kind: 'fault', fault: { code: 'MAILBOX_FULL', message: `${this.id} has no room for more messages`, applied: letter.again ? 'unknown' : 'no' } });
    }
    this.#pumpSoon();
  }

  /** Answers a read at once when it can be, a watch when there is something new. */
  show(request: Read | Watch, answer: (answer: Answer) => void): void {
    const onlooker = { request, answer, expiresAtMs: this.#host.clock.nowMs() + request.remainingMs };
    const phase = this.#phase;
    if (phase.kind === 'gone') return answer({ kind: 'elsewhere' });
    if (phase.kind === 'quarantined') return answer({ kind: 'fault', fault: phase.fault });
    const known = phase.kind === 'ready' || phase.kind === 'committing';
    if (known && (request.op === 'read' || phase.state.version > request.after)) return this.#showTo(onlooker, phase.state);
    if (!this.#onlookers.add(onlooker, this.#host.clock.nowMs())) {
      answer({ kind: 'fault', fault: { code: 'MAILBOX_FULL', message: `${this.id} has too many watchers`, applied: 'no' } });
    }
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
    if (this.#phase.kind !== 'ready') return false;
    this.#onlookers.expire(this.#host.clock.nowMs());
    const held = this.#mailbox.size + this.#invokes.size + this.#relay.size + this.#paid.length + this.#onlookers.size > 0;
    const memoryOnly = !this.#stepper.behavior.durable && this.#phase.state.timers.size > 0;
    if (held || memoryOnly || this.#pumping) return false;
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
    for (let pauseMs = FIRST_RETRY_MS; this.#phase.kind === 'loading'; pauseMs = longer(pauseMs)) {
      try {
        const { driver, behavior } = this.#stepper;
        const loaded = behavior.durable ? await this.#host.load(this.id) : ({ kind: 'absent' } as const);
        if (this.#phase.kind !== 'loading') return;
        if (loaded.kind === 'fenced') return this.#host.fenced();
        if (loaded.kind === 'absent') return this.#begin(this.#firstState(), []);
        const state = loadedState(driver, behavior, loaded.record);
        return this.#begin(state, loaded.record.outbox);
      } catch (fault) {
        if (!this.#host.isTransient(fault)) return this.#quarantine(fault);
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
    for (const invoke of this.#stepper.driver.invokes(state.snapshot)) {
      const run = state.runs[invoke.id];
      if (run !== undefined) this.#invokes.start(invoke, run);
    }
    this.#relay.add(outbox);
    if (!this.#stepper.behavior.durable) this.#take({ kind: 'wake' });
    this.#resume(state);
  }

  /** The state is committed: show it, arm its timers, go on with what waits. */
  #resume(state: ActorState): void {
    for (const onlooker of this.#onlookers.ready(state.version)) this.#showTo(onlooker, state);
    this.#takeDue(state);
    this.#pumpSoon();
  }

  #takeDue(state: ActorState): void {
    for (const due of this.#due.ring(state.timers, this.#host.storeNowMs())) this.#take(due);
    this.#host.wakeAt(this.id, this.#due.nextMs(state.timers));
  }

  #take(letter: Letter): void {
    if (this.#phase.kind === 'gone' || this.#phase.kind === 'quarantined') return;
    this.#mailbox.put(letter);
    this.#pumpSoon();
  }

  /** The rest of the tick may bring more for the same group. */
  #pumpSoon(): void {
    if (this.#pumping || this.#phase.kind !== 'ready' || (this.#mailbox.size === 0 && this.#paid.length === 0)) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#phase.kind !== 'ready') return;
    const { state } = this.#phase;
    const letters = this.#mailbox.take(this.#singly > 0 ? 1 : LARGEST_GROUP);
    this.#singly = Math.max(0, this.#singly - letters.length);
    const group = stepGroup(this.#stepper, state, letters, { storeMs: this.#host.storeNowMs(), clockMs: this.#host.clock.nowMs() });
    this.#host.used(this);
    if (!group.changes && this.#paid.length === 0) {
      this.#finish(group, state.version, 'uncommitted');
      this.#resume(state);
    } else if (!this.#stepper.behavior.durable) {
      this.#committed(group, state.version + 1, []);
    } else {
      this.#prepare(state, group);
    }
  }

  #prepare(state: ActorState, group: GroupStep): void {
    let commit: Commit;
    try {
      commit = this.#commitOf(state, group);
    } catch (cause) {
      return this.#unstorable(group, { code: 'ACTOR_FAILED', message: `${this.id} has a state that cannot be stored: ${String(cause)}`, applied: 'no' });
    }
    void this.#submit(state, group, commit);
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
      outbox: { add: group.outbox, remove: this.#paid.map(({ to, n }) => ({ to, n })) },
      settles: group.settles,
      events: group.events,
      ...(fence === undefined ? {} : { fence }),
    };
  }

  async #submit(state: ActorState, group: GroupStep, commit: Commit): Promise<void> {
    const phase = { state, group, commit };
    const outcome = await knownOutcome(this.#host, commit, {
      isOver: () => this.#phase.kind === 'gone',
      committing: (attempt) => {
        this.#phase = { kind: 'committing', ...phase };
        this.#attempt = attempt.then(nothing, nothing);
      },
      frozen: () => {
        this.#phase = { kind: 'frozen', ...phase };
      },
    });
    this.#decided(outcome, state, group, commit);
  }

  #decided(outcome: KnownOutcome, state: ActorState, group: GroupStep, commit: Commit): void {
    switch (outcome.kind) {
      case 'abandoned':
        return;
      case 'committed':
        this.#paid = this.#paid.slice(commit.outbox.remove.length);
        return this.#committed(group, outcome.version, outcome.events);
      case 'fenced':
        if (outcome.applied === 'no') this.#putBack(state, group.letters);
        return this.#host.fenced();
      case 'duplicate':
        return this.#without(state, group, (letter) => {
          const settled = outcome.settled.find(({ sender, n }) => sender === letter.from?.sender && n === letter.from.n);
          return settled && answerOf(settled.reply as object as StoredReply | undefined, state.version);
        });
      case 'overloaded':
        return this.#without(state, group, (letter) =>
          letter.from?.sender === outcome.sender ? { kind: 'fault', fault: { code: 'MAILBOX_FULL', message: `${outcome.sender} has too many unsettled messages to ${this.id}`, applied: 'no' } } : undefined,
        );
      case 'stale':
        return this.#without(state, group, () => ({ kind: 'fault', fault: { code: 'STALE_FENCE', message: `A newer claim guards ${this.id}`, applied: 'no', guard: outcome.guard } }));
      case 'refused': {
        const { code, message } = outcome.fault;
        if (code !== 'TOO_LARGE' && code !== 'NOT_JSON') return this.#quarantine(outcome.fault);
        return this.#unstorable(group, { code, message: `${this.id}: ${message}`, applied: 'no' });
      }
      case 'conflict':
        return this.#quarantine(new InvariantViolation(`${this.id} is at version ${outcome.version} by commit ${outcome.commitId}, under the epoch of this node, which knows version ${state.version}`));
    }
  }

  #committed(group: GroupStep, version: number, events: Parameters<ActivationHost['published']>[0]): void {
    const state = { ...(group.changes ? group.next : this.#stateNow()), version };
    this.#phase = { kind: 'ready', state };
    this.#finish(group, version, 'committed');
    this.#host.published(events);
    for (const effect of group.after) this.#let(effect);
    if (this.#stepper.behavior.durable) {
      this.#relay.add(group.outbox);
    } else {
      this.#dedup.settle(group.settles);
      for (const row of group.outbox) this.#host.tellOnce(row);
    }
    this.#resume(state);
  }

  #stateNow(): ActorState {
    if ('state' in this.#phase) return this.#phase.state;
    throw new InvariantViolation('only an activation with a state commits');
  }

  /** Answers a group. Refusals that changed nothing say what the state is, so they need what a read needs. */
  #finish(group: GroupStep, version: number, state: 'committed' | 'uncommitted'): void {
    for (const letter of group.letters) {
      this.#mailbox.finish(letter);
      if (letter.kind === 'due') this.#due.settled(letter);
    }
    for (const deadLetter of group.deadLetters) this.#host.onDeadLetter(deadLetter);
    if (group.answers.size === 0) return;
    const answerAll = (): void => {
      for (const [letter, answer] of group.answers) for (const give of letter.answer) give(answer.kind === 'committed' ? { ...answer, version } : answer);
    };
    if (state === 'committed' || this.#host.certain()) return answerAll();
    this.#confirmed(answerAll, () => {
      for (const letter of group.answers.keys()) for (const give of letter.answer) give({ kind: 'elsewhere' });
    });
  }

  /** Some letters of a group have an answer of their own; the others are stepped again without them. */
  #without(state: ActorState, group: GroupStep, answerTo: (letter: Told) => Answer | undefined): void {
    const others: Letter[] = [];
    for (const letter of group.letters) {
      const answer = letter.kind === 'told' ? answerTo(letter) : undefined;
      if (letter.kind !== 'told' || answer === undefined) {
        others.push(letter);
      } else {
        this.#mailbox.finish(letter);
        for (const give of letter.answer) give(answer);
      }
    }
    if (others.length === group.letters.length) return this.#quarantine(new InvariantViolation(`${this.id} was refused a commit for a message that is not in it`));
    this.#again(state, others);
  }

  /** The group could not be stored: find the letter it is for by stepping them singly. */
  #unstorable(group: GroupStep, fault: FaultData): void {
    const state = this.#stateNow();
    const [only, second] = group.letters;
    if (second !== undefined) {
      this.#singly += group.letters.length;
      return this.#again(state, group.letters);
    }
    if (only?.kind === 'told') return this.#without(state, group, () => ({ kind: 'fault', fault }));
    // Nobody waits for an answer, and the actor's own event would come for ever.
    this.#quarantine(new ActorError(fault.code, fault.message, { applied: 'no', actor: this.id }));
  }

  #again(state: ActorState, letters: readonly Letter[]): void {
    this.#putBack(state, letters);
    this.#pumpSoon();
  }

  #putBack(state: ActorState, letters: readonly Letter[]): void {
    this.#mailbox.putBack(letters);
    this.#phase = { kind: 'ready', state };
  }

  #let(effect: AfterEffect): void {
    switch (effect.kind) {
      case 'start':
        return this.#invokes.start(effect.invoke, effect.run);
      case 'stop':
        return this.#invokes.stop(effect.id);
      case 'emit':
        return this.#host.emitted(this.id, effect.event);
      case 'action':
        try {
          return effect.run();
        } catch (fault) {
          return this.#host.onFault(fault);
        }
      case 'log':
        return this.#host.onLog(this.id, effect);
    }
  }

  #outboxSettled(row: OutboxRow, refusal: ActorError | undefined): void {
    if (refusal !== undefined) this.#host.onDeadLetter({ to: row.to, from: this.id, event: row.event, why: refusal.code, cause: refusal });
    this.#paid.push(row);
    this.#pumpSoon();
  }

  #showTo({ request, answer }: Onlooker, state: ActorState): void {
    const show = (): void => answer(this.#view(state));
    if (this.#host.certain() && !(request.op === 'read' && request.fresh)) return show();
    this.#confirmed(show, () => answer({ kind: 'elsewhere' }));
  }

  #view(state: ActorState): Answer {
    try {
      return { kind: 'view', view: viewOf(this.#stepper.driver, state, state.version) };
    } catch (cause) {
      return { kind: 'fault', fault: { code: 'ACTOR_FAILED', message: `${this.id} has a state that is not JSON: ${String(cause)}`, applied: 'no' } };
    }
  }

  /** One fenced round trip: is this node still the owner? */
  #confirmed(yes: () => void, no: () => void): void {
    this.#host.confirm().then(
      (own) => {
        if (own) return yes();
        no();
        this.#host.fenced();
      },
      (fault: unknown) => {
        this.#host.onFault(fault);
        no();
      },
    );
  }

  #quarantine(cause: unknown): void {
    const known = cause instanceof ActorError && cause.code === 'VERSION_UNSUPPORTED';
    const fault: FaultData = { code: known ? 'VERSION_UNSUPPORTED' : 'ACTOR_QUARANTINED', message: known ? cause.message : `${this.id} is quarantined: ${String(cause)}`, applied: 'unknown' };
    const taken = 'group' in this.#phase ? this.#phase.group.letters : [];
    this.#mailbox.putBack(taken);
    this.#phase = { kind: 'quarantined', fault };
    this.#host.wakeAt(this.id, undefined);
    this.#host.onFault(cause);
    this.#empty({ kind: 'fault', fault });
  }

  #leave(): void {
    // What is being committed has an unknown outcome: its senders ask the next owner.
    const taken = 'group' in this.#phase ? this.#phase.group.letters : [];
    this.#phase = { kind: 'gone' };
    for (const letter of taken) if (letter.kind === 'told') for (const give of letter.answer) give({ kind: 'lost' });
    this.#empty({ kind: 'elsewhere' });
    this.#host.left(this);
  }

  #empty(answer: Answer): void {
    this.#invokes.stopAll();
    this.#relay.stop();
    for (const letter of this.#mailbox.takeAll()) if (letter.kind === 'told') for (const give of letter.answer) give(answer);
    for (const onlooker of this.#onlookers.takeAll()) onlooker.answer(answer);
  }
}
