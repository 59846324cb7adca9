// Draft
//
// The state of an actor while a group of letters is stepped, and what goes with it: changed only
// here, and nothing of it is anybody else's before `result`.
import { type ActorId, formatActorId } from './actor-id.ts';
import { type ActorState, isEmpty, nextNumber } from './actor-state.ts';
import { type Asks, answered, type ReplyAddress, withAsk, withoutAsk, withoutExpired } from './asks.ts';
import { buried, type DeadLetter, isOffice, officeOf } from './dead-letter.ts';
import { type KeptDelay, policyOf } from './delay-policy.ts';
import type { Effect, EventData, ScheduleEffect } from './effect.ts';
import type { Answer } from './envelope.ts';
import {
  type AfterEffect,
  answerOf,
  type GroupStep,
  type Later,
  type StepMoment,
  type Stepper,
  type StoredReply,
} from './group-step.ts';
import type { InspectedStep, NamedEffect } from './inspection-feed.ts';
import { laneClosedEvent } from './lanes.ts';
import { carriedEvent, isBoundFor, type Step } from './machine-driver.ts';
import type { Letter, Ordered, Told } from './mailbox.ts';
import type { Json, OutboxRow, SenderId, Settled, TimerRow } from './state-store.ts';
import { type Halt, noStrikes, type Strikes, type Verdict } from './supervision.ts';
import { noWatchers, terminated, type Watchers, watchEvent, withoutWatcher, withWatcher } from './watchers.ts';

// Most actors have none of these: they share them.
const NO_TIMERS: ReadonlyMap<string, TimerRow> = new Map();
const NO_EFFECTS: readonly Effect[] = [];
const NOTHING = Object.freeze({});

export class Draft {
  /** The trace context of what it does now. */
  cause: string | undefined;
  readonly #stepper: Stepper;
  readonly #nowMs: number;
  readonly #spans: StepMoment['spans'];
  readonly #before: ActorState;
  #snapshot: ActorState['snapshot'];
  #mark: number;
  #changes = false;
  #halt: Halt | undefined;
  #strikes: Strikes;
  readonly #delays: Record<string, KeptDelay>;
  #givenUp = 0;
  /** Those of the state before until they change. */
  #timers: ReadonlyMap<string, TimerRow>;
  #ownTimers: Map<string, TimerRow> | undefined;
  #lastOut: number;
  #runs: Record<string, number>;
  readonly #settles: Settled[] = [];
  readonly #closes: { readonly sender: SenderId; readonly n: number }[] = [];
  #outbox: OutboxRow[] = [];
  readonly #bounced: OutboxRow[] = [];
  readonly #events: { type: string; data: Json }[] = [];
  readonly #answers = new Map<Told | Ordered, Answer | Later>();
  readonly #replies: { to: string; value: Json }[] = [];
  readonly #steps: InspectedStep[] = [];
  #asks: Asks;
  #watchers: Watchers;
  #traces: Record<string, string> | undefined;
  readonly #after: AfterEffect[] = [];
  readonly #deadLetters: DeadLetter[] = [];

  /** `cause` is the trace context of the first letter, which is also what an actor without a record begins with. */
  constructor(stepper: Stepper, before: ActorState, moment: StepMoment, cause: string | undefined) {
    this.cause = cause;
    this.#spans = moment.spans;
    this.#stepper = stepper;
    this.#before = before;
    this.#nowMs = moment.storeMs;
    this.#halt = before.halt;
    this.#asks = before.asks;
    this.#watchers = before.watchers;
    this.#strikes = before.strikes;
    this.#delays = { ...before.delays };
    this.#snapshot = before.snapshot;
    this.#mark = before.mark;
    this.#timers = before.timers;
    this.#lastOut = before.lastOut;
    this.#runs = { ...before.runs };
    this.#apply(before.unborn);
  }

  get snapshot(): ActorState['snapshot'] {
    return this.#snapshot;
  }

  get halt(): Halt | undefined {
    return this.#halt;
  }

  get strikes(): Strikes {
    return this.#strikes;
  }

  get asks(): Asks {
    return this.#asks;
  }

  /** Messages that this group adds to the outbox. */
  get owes(): number {
    return this.#outbox.length;
  }

  timer(id: string): TimerRow | undefined {
    return this.#timers.get(id);
  }

  /** Whether an event of its own, once given up, is not on its way again: no such timer is set, no such invoke runs. */
  misses(event: EventData): boolean {
    const { actorId } = carriedEvent(event);
    if (typeof actorId === 'string' && this.run(actorId) !== undefined) return false;
    for (const row of this.#timers.values()) if (isSameEvent(row.event as object as EventData, event)) return false;
    return true;
  }

  timerIsOver(id: string): void {
    this.#changing().delete(id);
  }

  /** Which run of an invoke is waited for. */
  run(invoke: string): number | undefined {
    return this.#runs[invoke];
  }

  /** The trace context of the step that asked for an invoke. */
  traceOf(invoke: string): string | undefined {
    return (this.#traces ?? this.#before.traces)[invoke];
  }

  runIsOver(invoke: string): void {
    delete this.#runs[invoke];
  }

  changed(): void {
    this.#changes = true;
  }

  /** The state moves on; answers the first reply to the message, `address` being that of the message. */
  advance(
    step: Step,
    by: { readonly event: { readonly type: string }; readonly sender: string | undefined },
    address?: ReplyAddress,
  ): { readonly value: Json } | undefined {
    this.#changes = true;
    if (this.#stepper.isInspected?.() !== true) {
      this.#snapshot = step.snapshot;
      return this.#apply(step.effects, address);
    }
    const [before, mark, owed] = [this.#snapshot, this.#mark, this.#outbox.length];
    this.#snapshot = step.snapshot;
    const reply = this.#apply(step.effects, address);
    const effects = named(step.effects, mark, this.#outbox.slice(owed));
    this.#steps.push({ ...by, before, snapshot: step.snapshot, guards: step.guards, effects });
    return reply;
  }

  answer(letter: Told | Ordered, answer: Answer | Later): void {
    this.#answers.set(letter, answer);
  }

  /** By a letter before it in the group. */
  isSettled({ from }: Ordered): boolean {
    return from !== undefined && this.#settles.some(({ sender, n }) => sender === from.sender && n === from.n);
  }

  settle(letter: Told | Ordered, reply: StoredReply | undefined): void {
    if (letter.from !== undefined)
      this.#settles.push({ ...letter.from, ...(reply === undefined ? {} : { reply: reply as object as Json }) });
    this.#answers.set(letter, answerOf(reply, 0));
  }

  /** False when too many asks are open. */
  open(address: ReplyAddress, untilMs: number): boolean {
    const asks = withAsk(this.#asks, address, untilMs);
    this.#asks = asks ?? this.#asks;
    return asks !== undefined;
  }

  /** The ask was answered by its own step. */
  closed(address: ReplyAddress): void {
    this.#asks = withoutAsk(this.#asks, address);
  }

  /** Who is to be told of its end; false when there are too many. */
  watch(watcher: ActorId, on: boolean): boolean {
    const watchers = on ? withWatcher(this.#watchers, watcher) : withoutWatcher(this.#watchers, watcher);
    if (watchers === undefined) return false;
    this.#changes = true;
    this.#watchers = watchers;
    return true;
  }

  /** A row leaves the outbox undelivered. */
  bounce(row: OutboxRow): void {
    this.#changes = true;
    this.#bounced.push(row);
  }

  /** Ends the lane to the receiver of this row: of what was told up to it nothing is owed after this commit. */
  closeLane(row: OutboxRow): void {
    this.#owe(row.to, () => laneClosedEvent(row));
  }

  /** An actor that tells this one has closed its lane up to `n`. */
  laneClosed(sender: SenderId, n: number): void {
    this.#changes = true;
    this.#closes.push({ sender, n });
  }

  /** All that is owed to a receiver, in its order, under numbers from `floor` up; what this group tells it too. */
  renumber(to: ActorId, rows: readonly OutboxRow[], floor: number): void {
    const told = this.#outbox.filter((row) => row.to === to);
    this.#outbox = this.#outbox.filter((row) => row.to !== to);
    this.#lastOut = Math.max(this.#lastOut, floor - 1);
    this.#changes = true;
    this.#bounced.push(...rows);
    this.#after.push({ kind: 'renumbered', to });
    for (const row of [...rows, ...told]) {
      this.#lastOut = nextNumber(this.#lastOut, this.#nowMs);
      this.#outbox.push({ ...row, n: this.#lastOut });
    }
  }

  /** Carries out what supervision says of a letter that was given up. */
  giveUp(verdict: Verdict & { readonly kind: 'give-up' }, cause: string): void {
    this.#changes = true;
    this.#givenUp++;
    this.#strikes = verdict.strikes;
    const why = `${verdict.loops ? 'failed again and again, last ' : ''}failed: ${cause}`;
    switch (verdict.directive) {
      case 'resume':
        break;
      case 'restart':
        this.restart();
        break;
      case 'stop':
        this.#stop(why);
        break;
      case 'escalate':
        if (this.#watchers.length > 0) this.#stop(why);
        else this.suspend(why);
        break;
      case 'suspend':
        this.suspend(why);
        break;
    }
  }

  #stop(why: string): void {
    this.#halt = { kind: 'stopped', why, atMs: this.#nowMs };
    this.#endAll();
  }

  suspend(why: string): void {
    this.#changes = true;
    const atMs = Math.floor(this.#nowMs);
    this.#halt = { kind: 'suspended', why, atMs };
    this.#after.push({ kind: 'rest' });
    this.#tellOffice(() => ({ type: 'suspended', id: this.#stepper.id, why, atMs }));
  }

  resume(): void {
    this.#changes = true;
    this.#halt = undefined;
    this.#strikes = noStrikes;
    this.#after.push({ kind: 'rise' });
    this.#tellOffice(() => ({ type: 'resumed', id: this.#stepper.id }));
  }

  /** What it failed on is over: somebody has looked at it. */
  forgive(): void {
    this.#strikes = noStrikes;
  }

  /** Back to the machine's initial state. What the actor owes others stays owed. */
  restart(): void {
    const { driver, behavior, id } = this.#stepper;
    try {
      const { snapshot, effects } = driver.create(behavior.input(id.slice(behavior.name.length + 1)));
      if (this.#halt?.kind === 'suspended') this.#tellOffice(() => ({ type: 'resumed', id }));
      this.#changes = true;
      this.#halt = undefined;
      this.#endAll();
      this.#snapshot = snapshot;
      this.#apply(effects);
    } catch (cause) {
      if (this.#halt === undefined) this.suspend(`could not begin anew: ${String(cause)}`);
    }
  }

  bury(event: Json, from: string, cause: unknown, { to, why } = { to: this.#stepper.id, why: 'its step threw' }): void {
    const letter = { to, from, event, why, cause };
    this.#deadLetters.push(letter);
    if (!isOffice(to)) this.#tellOffice((n) => buried(letter, this.#stepper.id, n, this.#nowMs));
  }

  result(letters: readonly Letter[], left: readonly Letter[], pauseMs: number): GroupStep {
    if (this.#snapshot.status !== 'active' && this.#timers.size > 0) this.#changing().clear();
    if (this.#watchers.length > 0) this.#tellWatchers();
    for (const id in this.#delays) if (!this.#timers.has(id)) delete this.#delays[id];
    return {
      letters,
      left,
      pauseMs,
      next: {
        version: this.#before.version,
        snapshot: this.#snapshot,
        timers: this.#timers.size === 0 ? NO_TIMERS : this.#timers,
        lastOut: this.#lastOut,
        runs: isEmpty(this.#runs) ? NOTHING : this.#runs,
        mark: this.#mark,
        unborn: this.#changes ? NO_EFFECTS : this.#before.unborn,
        halt: this.#halt,
        strikes: this.#strikes,
        delays: isEmpty(this.#delays) ? NOTHING : this.#delays,
        asks: withoutExpired(this.#asks, this.#nowMs),
        watchers: this.#watchers,
        traces: this.#tracesLeft(),
      },
      changes: this.#changes,
      settles: this.#settles,
      closes: this.#closes,
      outbox: this.#outbox,
      bounced: this.#bounced,
      events: this.#events,
      answers: this.#answers,
      replies: this.#replies,
      steps: this.#steps,
      // A run that the same group also ended never starts.
      after: this.#after.filter((effect) => effect.kind !== 'start' || this.#runs[effect.invoke.id] === effect.run),
      deadLetters: this.#deadLetters,
      givenUp: this.#givenUp,
      spans: this.#spans,
    };
  }

  #traced(): { readonly traceparent?: string } {
    return this.cause === undefined ? NOTHING : { traceparent: this.cause };
  }

  #ownTraces(): Record<string, string> {
    this.#traces ??= { ...this.#before.traces };
    return this.#traces;
  }

  #tracesLeft(): ActorState['traces'] {
    const traces = this.#traces ?? this.#before.traces;
    for (const invoke in traces) if (this.#runs[invoke] === undefined) delete this.#ownTraces()[invoke];
    const left = this.#traces ?? traces;
    return isEmpty(left) ? NOTHING : left;
  }

  #changing(): Map<string, TimerRow> {
    const own = this.#ownTimers ?? new Map(this.#timers);
    this.#ownTimers = own;
    this.#timers = own;
    return own;
  }

  #endAll(): void {
    for (const id of Object.keys(this.#runs)) this.#after.push({ kind: 'stop', id });
    this.#runs = {};
    this.#changing().clear();
  }

  /** Takes effects up; answers the first reply to the message among them, `address` being its own. */
  #apply(effects: readonly Effect[], address?: ReplyAddress): { readonly value: Json } | undefined {
    let reply: { readonly value: Json } | undefined;
    for (const effect of effects) {
      switch (effect.kind) {
        case 'reply':
          if (effect.to === undefined || effect.to === address) reply ??= effect;
          else this.#replyTo(effect.to, effect.value);
          break;
        case 'tell': {
          const to = formatActorId(effect.to.type, effect.to.key);
          this.#owe(to, () => effect.event);
          break;
        }
        case 'watch':
          this.#owe(formatActorId(effect.to.type, effect.to.key), () => watchEvent(this.#stepper.id, effect.on));
          break;
        case 'publish':
          this.#events.push({ type: effect.type, data: effect.data });
          break;
        case 'schedule': {
          const generation = ++this.#mark;
          const id = effect.id ?? unnamedTimer(effect, generation);
          this.#changing().set(id, {
            id,
            generation,
            dueAtMs: Math.ceil(this.#nowMs + effect.delayMs),
            event: effect.event,
            ...this.#traced(),
          });
          const policy = policyOf(this.#stepper.behavior.delays, effect.event);
          if (policy === 'deadline') delete this.#delays[id];
          else this.#delays[id] = { policy, delayMs: effect.delayMs };
          break;
        }
        case 'cancel':
          this.#changing().delete(effect.id);
          break;
        case 'forget':
          for (const [id, { event }] of [...this.#timers])
            if (id.startsWith(effect.within) || isBoundFor(event, effect.to)) this.#changing().delete(id);
          break;
        case 'invoke':
          this.#runs[effect.id] = ++this.#mark;
          if (this.cause !== undefined) this.#ownTraces()[effect.id] = this.cause;
          else if (this.traceOf(effect.id) !== undefined) delete this.#ownTraces()[effect.id];
          this.#after.push({ kind: 'start', invoke: effect, run: this.#mark });
          break;
        case 'stop':
          delete this.#runs[effect.id];
          this.#after.push({ kind: 'stop', id: effect.id });
          break;
        case 'emit':
        case 'action':
        case 'log':
        case 'send':
          this.#after.push(effect);
          break;
      }
    }
    return reply;
  }

  #replyTo(to: string, value: Json): void {
    if (to === '') return;
    const outcome = answered(this.#asks, to, value, this.#nowMs);
    if (outcome.kind === 'answered') {
      this.#asks = outcome.asks;
      this.#replies.push({ to, value });
    } else {
      const late = `the ask ${to} has its answer, or nobody waits for it any more`;
      this.#after.push({ kind: 'log', label: 'reply', value: late });
    }
  }

  #owe(to: ActorId, event: (n: number) => EventData): void {
    const n = nextNumber(this.#lastOut, this.#nowMs);
    this.#lastOut = n;
    this.#outbox.push({ n, to, event: event(n), ...this.#traced() });
  }

  #tellWatchers(): void {
    const end = terminated(this.#stepper.id, this.#snapshot, this.#halt);
    if (end === undefined) return;
    for (const watcher of this.#watchers) this.#owe(watcher, () => end);
    this.#watchers = noWatchers;
  }

  /** An office hears of everybody but offices. */
  #tellOffice(event: (n: number) => EventData): void {
    if (!isOffice(this.#stepper.id)) this.#owe(officeOf(this.#stepper.id), event);
  }
}

/** `mark` is the one before the first effect, `rows` what they put in the outbox, in order. */
function named(effects: readonly Effect[], mark: number, rows: readonly OutboxRow[]): NamedEffect[] {
  let [marked, owed] = [mark, 0];
  const nameOf = (effect: Effect): NamedEffect => {
    const { kind } = effect;
    switch (kind) {
      case 'tell':
      case 'watch': {
        const row = rows[owed++];
        return { kind, name: `${row?.to}#${row?.n}` };
      }
      case 'schedule':
        marked++;
        return { kind, name: `${effect.id ?? unnamedTimer(effect, marked)}@${marked}` };
      case 'invoke':
        marked++;
        return { kind, name: `${effect.id}@${marked}` };
      case 'cancel':
      case 'stop':
      case 'send':
        return { kind, name: effect.id };
      case 'publish':
      case 'action':
        return { kind, name: effect.type };
      case 'emit':
        return { kind, name: effect.event.type };
      case 'reply':
        return { kind, name: effect.to ?? '' };
      case 'forget':
        return { kind, name: effect.within };
      case 'log':
        return { kind, name: effect.label ?? '' };
    }
  };
  return effects.map(nameOf);
}

function unnamedTimer({ within = '' }: ScheduleEffect, generation: number): string {
  return `${within}~${generation}`;
}

/** For the same machine of the actor, and of the same type: a state has one `after` of each delay. */
function isSameEvent(one: EventData, other: EventData): boolean {
  return one.type === other.type && one.to === other.to && carriedEvent(one).type === carriedEvent(other).type;
}
