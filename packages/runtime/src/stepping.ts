// Stepping
//
// Decides, purely, what a group of letters does to an actor: the state after it, what is to be
// committed, who is to be told what, and which effects go out once it is committed.
//
//   SG1  The state before stays usable: a group that could not be committed is simply forgotten.
//   SG2  A step that throws leaves no trace in the group: the letters beside it see the state
//        before it. One that is to be tried again ends the group, and those behind it wait.
//   SG3  A refused letter that may be a repeat is settled too, with its refusal, so that the store
//        can say whether it was in truth committed before.
//   SG4  A timer or the end of an invoke counts only while the state waits for that very one.
//   SG5  A message that would make the actor owe more than 10,000 messages is MAILBOX_FULL.
//   SG6  A letter whose deadline has passed is not stepped: nobody waits for it.
import { type ActorId, formatActorId } from './actor-id.ts';
import { type ActorState, nextNumber } from './actor-state.ts';
import {
  type Asks,
  answered,
  askedEvent,
  type ReplyAddress,
  replyAddressOf,
  withAsk,
  withoutAsk,
  withoutExpired,
} from './asks.ts';
import type { Behavior } from './behavior.ts';
import { buried, type DeadLetter, isOffice, officeOf } from './dead-letter.ts';
import { type KeptDelay, policyOf } from './delay-policy.ts';
import type { ActionEffect, Effect, EmitEffect, EventData, InvokeEffect, LogEffect, SendEffect } from './effect.ts';
import type { Answer } from './envelope.ts';
import type { FaultData } from './errors.ts';
import type { InspectedStep } from './inspect.ts';
import { isBoundFor, isReservedEventType, type MachineDriver, type Step } from './machine-driver.ts';
import type { Bounced, Due, Ended, Letter, Ordered, Said, Told } from './mailbox.ts';
import type { Json, OutboxRow, Settled, TimerRow } from './state-store.ts';
import { type Halt, judge, noStrikes, type Strikes, type Verdict } from './supervision.ts';

/** An effect for the time after the commit. */
export type AfterEffect =
  | EmitEffect
  | ActionEffect
  | LogEffect
  | SendEffect
  | { readonly kind: 'start'; readonly invoke: InvokeEffect; readonly run: number }
  | { readonly kind: 'stop'; readonly id: string }
  /** It stands still: what it invokes is stopped, to be started again when it goes on. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'rise' };

export interface GroupStep {
  readonly letters: readonly Letter[];
  /** Those that were not stepped, the first of which failed and is to be tried again after the pause. */
  readonly left: readonly Letter[];
  readonly pauseMs: number;
  readonly next: ActorState;
  /** False when there is nothing to commit. */
  readonly changes: boolean;
  readonly settles: readonly Settled[];
  readonly outbox: readonly OutboxRow[];
  /** Rows that their receivers refuse for good. */
  readonly bounced: readonly OutboxRow[];
  readonly events: readonly { readonly type: string; readonly data: Json }[];
  /** `version` of a committed answer is filled in by the commit. */
  readonly answers: ReadonlyMap<Told | Ordered, Answer | Later>;
  /** Answers to asks of earlier groups. */
  readonly replies: readonly { readonly to: string; readonly value: Json }[];
  /** One by one, where the actor is inspected. */
  readonly steps: readonly InspectedStep[];
  readonly after: readonly AfterEffect[];
  readonly deadLetters: readonly DeadLetter[];
  /** How many letters were given up since their steps threw. */
  readonly givenUp: number;
}

/** The machine has taken the address of the ask, and answers it later. */
export interface Later {
  readonly kind: 'later';
  readonly address: ReplyAddress;
}

export interface Stepper {
  readonly id: ActorId;
  readonly behavior: Behavior;
  readonly driver: MachineDriver;
  /** Whether its steps are to be shown one by one. */
  readonly inspected?: boolean;
}

/** How a settled message's answer is stored: a value, or the refusal. */
export type StoredReply = { readonly v: Json } | { readonly f: FaultData } | { readonly later: true };

const MOST_OWED = 10_000;

/** What a group is stepped at. */
export interface StepMoment {
  readonly storeMs: number;
  readonly clockMs: number;
  /** Messages in the outbox already. */
  readonly owed: number;
  /** How long the breaker of the type is open. */
  readonly heldMs: number;
  /** In [0, 1). */
  readonly jitter: number;
}

export function stepGroup(
  stepper: Stepper,
  state: ActorState,
  letters: readonly Letter[],
  moment: StepMoment,
): GroupStep {
  const draft = new Draft(stepper, state, moment);
  for (const [i, letter] of letters.entries()) {
    const pauseMs = draft.take(letter);
    if (pauseMs !== undefined) return draft.result(letters.slice(0, i), letters.slice(i), pauseMs);
  }
  return draft.result(letters, [], 0);
}

class Draft {
  readonly #stepper: Stepper;
  readonly #moment: StepMoment;
  readonly #nowMs: number;
  readonly #before: ActorState;
  #snapshot: ActorState['snapshot'];
  #mark: number;
  #changes = false;
  #halt: Halt | undefined;
  #strikes: Strikes;
  readonly #delays: Record<string, KeptDelay>;
  #givenUp = 0;
  readonly #timers: Map<string, TimerRow>;
  #lastOut: number;
  #runs: Record<string, number>;
  readonly #settles: Settled[] = [];
  readonly #outbox: OutboxRow[] = [];
  readonly #bounced: OutboxRow[] = [];
  readonly #events: { type: string; data: Json }[] = [];
  readonly #answers = new Map<Told | Ordered, Answer | Later>();
  readonly #replies: { to: string; value: Json }[] = [];
  readonly #steps: InspectedStep[] = [];
  #asks: Asks;
  readonly #after: AfterEffect[] = [];
  readonly #deadLetters: DeadLetter[] = [];

  constructor(stepper: Stepper, before: ActorState, moment: StepMoment) {
    this.#stepper = stepper;
    this.#before = before;
    this.#moment = moment;
    this.#nowMs = moment.storeMs;
    this.#halt = before.halt;
    this.#asks = before.asks;
    this.#strikes = before.strikes;
    this.#delays = { ...before.delays };
    this.#snapshot = before.snapshot;
    this.#mark = before.mark;
    this.#timers = new Map(before.timers);
    this.#lastOut = before.lastOut;
    this.#runs = { ...before.runs };
    this.#apply(before.unborn);
  }

  /** Takes a letter; answers the pause after which it is to be tried again, if it is. */
  take(letter: Letter): number | undefined {
    switch (letter.kind) {
      case 'told':
        return this.#moment.clockMs < letter.expiresAtMs ? this.#told(letter) : undefined;
      case 'due':
        return this.#due(letter);
      case 'said':
        return this.#said(letter);
      case 'ended':
        return this.#ended(letter);
      case 'bounced':
        return this.#bounce(letter);
      case 'ordered':
        return this.#ordered(letter);
      case 'wake':
        return this.#wake();
    }
  }

  #told(letter: Told): number | undefined {
    if (letter.unstorable !== undefined) {
      this.#refuse(letter, letter.unstorable);
      return;
    }
    if (this.#halt?.kind === 'suspended') {
      this.#answers.set(letter, { kind: 'fault', fault: this.#suspended(letter, this.#halt) });
      return;
    }
    if (this.#halt !== undefined || isReservedEventType(letter.event.type)) {
      this.#refuse(letter, this.#unhandled(letter.event.type));
      return;
    }
    const address = letter.asks && letter.from !== undefined ? replyAddressOf(letter.from) : undefined;
    if (address !== undefined && this.#wasAsked(letter, address)) return;
    let promised = false;
    const promise = (): void => {
      promised = true;
    };
    const event = address === undefined ? letter.event : askedEvent(letter.event, address, promise);
    const tried = this.#try(event, letter);
    if (tried.kind === 'later') return tried.pauseMs;
    if (tried.kind === 'threw') {
      this.#giveUp(letter.event, letter.from?.sender ?? 'unnumbered', tried);
      this.#settle(letter, {
        f: {
          code: 'ACTOR_FAILED',
          message: `${this.#stepper.id} failed on '${letter.event.type}': ${messageOf(tried.cause)}`,
          applied: 'no',
        },
      });
    } else if (!tried.step.handled) {
      this.#refuse(letter, this.#unhandled(letter.event.type));
    } else if (this.#owesTooMuch(tried.step)) {
      // Not settled: the same message may be taken once the outbox has emptied.
      const message = `${this.#stepper.id} owes too many messages already`;
      const applied = letter.again ? 'unknown' : 'no';
      this.#answers.set(letter, { kind: 'fault', fault: { code: 'MAILBOX_FULL', message, applied } });
    } else {
      this.#taken(letter, tried.step, promised ? address : undefined);
    }
    return;
  }

  /** `promised`: its reply address, when the machine has taken it. */
  #taken(letter: Told, step: Step, promised: ReplyAddress | undefined): void {
    if (promised !== undefined && !this.#open(letter, promised)) {
      const message = `${this.#stepper.id} has too many asks to answer already`;
      const applied = letter.again ? 'unknown' : 'no';
      this.#answers.set(letter, { kind: 'fault', fault: { code: 'MAILBOX_FULL', message, applied } });
      return;
    }
    this.#changes = true;
    this.#snapshot = step.snapshot;
    this.#show(letter.event, letter.from?.sender ?? 'unnumbered');
    const reply = this.#apply(step.effects, promised);
    if (promised !== undefined && reply === undefined) {
      this.#owesAnswer(letter, promised);
      return;
    }
    if (promised !== undefined) this.#asks = withoutAsk(this.#asks, promised);
    if (letter.asks && reply === undefined) {
      this.#settle(letter, { f: noReply(this.#stepper.id, letter.event.type) });
    } else {
      this.#settle(letter, reply === undefined ? undefined : { v: reply.value });
    }
  }

  /** A repeat of an ask that the machine has taken up: it has its answer, or waits for it. */
  #wasAsked(letter: Told, address: ReplyAddress): boolean {
    const ask = this.#asks[address];
    if (ask === undefined) return false;
    this.#answers.set(
      letter,
      ask.answer === undefined ? { kind: 'later', address } : answerOf(ask.answer, this.#before.version),
    );
    return true;
  }

  #open(letter: Told, address: ReplyAddress): boolean {
    const untilMs = Math.ceil(this.#nowMs + letter.expiresAtMs - this.#moment.clockMs);
    const asks = withAsk(this.#asks, address, untilMs);
    this.#asks = asks ?? this.#asks;
    return asks !== undefined;
  }

  #owesAnswer(letter: Told, address: ReplyAddress): void {
    // One without a record knows the repeat by its asks alone.
    if (this.#stepper.behavior.durable) this.#settle(letter, { later: true });
    this.#answers.set(letter, { kind: 'later', address });
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

  #due(letter: Due): number | undefined {
    const row = this.#timers.get(letter.id);
    if (this.#halt !== undefined || row === undefined || row.generation !== letter.generation) return;
    const lateBy = Math.max(0, Math.floor(this.#nowMs - row.dueAtMs));
    const event: EventData = { ...(row.event as object as EventData), lateBy };
    return this.#own(event, letter, () => this.#timers.delete(row.id));
  }

  /** What an invoke sends and no state takes is nothing, as in XState. */
  #said(letter: Said): number | undefined {
    if (this.#halt !== undefined || this.#runs[letter.invoke] !== letter.run) return;
    if (letter.unstorable === undefined && !this.#stepper.driver.accepts(this.#snapshot, letter.event)) return;
    return this.#own(letter.event, letter, () => {});
  }

  /** A letter before it in the group may have left the state that waits for it. */
  #ended(letter: Ended): number | undefined {
    // One that stands still starts its invokes again when it goes on.
    if (this.#halt !== undefined || this.#runs[letter.invoke] !== letter.run) return;
    return this.#own(letter.event, letter, () => delete this.#runs[letter.invoke]);
  }

  /** An event the actor caused itself; what caused it is over with its step, whatever comes of that. */
  #own(event: { readonly type: string }, letter: Due | Said | Ended, over: () => void): number | undefined {
    const { unstorable } = letter;
    const tried = unstorable === undefined ? this.#try(event, letter) : undefined;
    if (tried?.kind === 'later') return tried.pauseMs;
    this.#changes = true;
    over();
    if (tried === undefined) {
      this.#bury(event as object as Json, this.#stepper.id, unstorable);
    } else if (tried.kind === 'threw') {
      this.#giveUp(event as object as Json, this.#stepper.id, tried);
    } else {
      this.#snapshot = tried.step.snapshot;
      this.#show(event, undefined);
      this.#apply(tried.step.effects);
    }
    return;
  }

  #show(event: { readonly type: string }, sender: string | undefined): void {
    if (this.#stepper.inspected === true) this.#steps.push({ event, sender, snapshot: this.#snapshot });
  }

  #bounce({ row, refusal }: Bounced): undefined {
    this.#changes = true;
    this.#bounced.push(row);
    this.#bury(row.event, this.#stepper.id, refusal, { to: row.to, why: refusal.code });
  }

  #ordered(letter: Ordered): undefined {
    const { order, why, unstorable } = letter;
    if (unstorable !== undefined) {
      this.#answers.set(letter, { kind: 'fault', fault: unstorable });
      return;
    }
    if (order === 'restart') this.#restart();
    else if (order === 'suspend' && this.#halt === undefined) this.#suspend(why);
    else if (order === 'resume' && this.#halt?.kind === 'suspended') this.#resume();
    this.#answers.set(letter, { kind: 'committed', version: 0 });
  }

  #wake(): undefined {
    if (this.#before.version === 0 || this.#before.unborn.length > 0) this.#changes = true;
  }

  result(letters: readonly Letter[], left: readonly Letter[], pauseMs: number): GroupStep {
    if (this.#snapshot.status !== 'active') this.#timers.clear();
    for (const id in this.#delays) if (!this.#timers.has(id)) delete this.#delays[id];
    return {
      letters,
      left,
      pauseMs,
      next: {
        version: this.#before.version,
        snapshot: this.#snapshot,
        timers: this.#timers,
        lastOut: this.#lastOut,
        runs: this.#runs,
        mark: this.#mark,
        unborn: this.#changes ? [] : this.#before.unborn,
        halt: this.#halt,
        strikes: this.#strikes,
        delays: this.#delays,
        asks: withoutExpired(this.#asks, this.#nowMs),
      },
      changes: this.#changes,
      settles: this.#settles,
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
    };
  }

  #try(event: { readonly type: string }, letter: Told | Due | Said | Ended): Tried {
    try {
      const step = this.#stepper.driver.step(this.#snapshot, event);
      for (const effect of step.effects) if (effect.kind === 'tell') formatActorId(effect.to.type, effect.to.key);
      return { kind: 'stepped', step };
    } catch (cause) {
      const { heldMs, jitter } = this.#moment;
      const failures = (letter.failures ?? 0) + 1;
      const failed = { failures, strikes: this.#strikes, nowMs: this.#nowMs, heldMs, jitter };
      const verdict = judge(this.#stepper.behavior.supervision, failed);
      return verdict.kind === 'again' ? { kind: 'later', pauseMs: verdict.pauseMs } : { kind: 'threw', cause, verdict };
    }
  }

  #giveUp(event: Json, from: string, { cause, verdict }: Tried & { readonly kind: 'threw' }): void {
    this.#changes = true;
    this.#givenUp++;
    this.#bury(event, from, cause);
    this.#strikes = verdict.strikes;
    const why = `${verdict.loops ? 'failed again and again, last ' : ''}failed: ${messageOf(cause)}`;
    switch (verdict.directive) {
      case 'resume':
        break;
      case 'restart':
        this.#restart();
        break;
      case 'stop':
        this.#halt = { kind: 'stopped', why, atMs: this.#nowMs };
        this.#endAll();
        break;
      case 'suspend':
        this.#suspend(why);
        break;
    }
  }

  #suspend(why: string): void {
    this.#changes = true;
    const atMs = Math.floor(this.#nowMs);
    this.#halt = { kind: 'suspended', why, atMs };
    this.#after.push({ kind: 'rest' });
    this.#tellOffice(() => ({ type: 'suspended', id: this.#stepper.id, why, atMs }));
  }

  #resume(): void {
    this.#changes = true;
    this.#halt = undefined;
    this.#strikes = noStrikes;
    this.#after.push({ kind: 'rise' });
    this.#tellOffice(() => ({ type: 'resumed', id: this.#stepper.id }));
  }

  /** Back to the machine's initial state. What the actor owes others stays owed. */
  #restart(): void {
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
      if (this.#halt === undefined) this.#suspend(`could not begin anew: ${messageOf(cause)}`);
    }
  }

  #endAll(): void {
    for (const id of Object.keys(this.#runs)) this.#after.push({ kind: 'stop', id });
    this.#runs = {};
    this.#timers.clear();
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
        case 'publish':
          this.#events.push({ type: effect.type, data: effect.data });
          break;
        case 'schedule': {
          const generation = ++this.#mark;
          const id = effect.id ?? `${effect.within ?? ''}~${generation}`;
          this.#timers.set(id, {
            id,
            generation,
            dueAtMs: Math.ceil(this.#nowMs + effect.delayMs),
            event: effect.event,
          });
          const policy = policyOf(this.#stepper.behavior.delays, effect.event.type);
          if (policy === 'deadline') delete this.#delays[id];
          else this.#delays[id] = { policy, delayMs: effect.delayMs };
          break;
        }
        case 'cancel':
          this.#timers.delete(effect.id);
          break;
        case 'forget':
          for (const [id, { event }] of [...this.#timers])
            if (id.startsWith(effect.within) || isBoundFor(event, effect.to)) this.#timers.delete(id);
          break;
        case 'invoke':
          this.#runs[effect.id] = ++this.#mark;
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

  #owe(to: ActorId, event: (n: number) => EventData): void {
    const n = nextNumber(this.#lastOut, this.#nowMs);
    this.#lastOut = n;
    this.#outbox.push({ n, to, event: event(n) });
  }

  /** An office hears of everybody but offices. */
  #tellOffice(event: (n: number) => EventData): void {
    if (!isOffice(this.#stepper.id)) this.#owe(officeOf(this.#stepper.id), event);
  }

  #owesTooMuch({ effects }: Step): boolean {
    const tells = effects.filter(({ kind }) => kind === 'tell').length;
    return tells > 0 && this.#moment.owed + this.#outbox.length + tells > MOST_OWED;
  }

  #settle(letter: Told, reply: StoredReply | undefined): void {
    if (letter.from !== undefined)
      this.#settles.push({ ...letter.from, ...(reply === undefined ? {} : { reply: reply as object as Json }) });
    this.#answers.set(letter, answerOf(reply, 0));
  }

  #refuse(letter: Told, fault: FaultData): void {
    if (letter.again && letter.from !== undefined && this.#stepper.behavior.durable) {
      this.#changes = true;
      this.#settle(letter, { f: fault });
    } else {
      this.#answers.set(letter, { kind: 'fault', fault });
    }
  }

  #unhandled(type: string): FaultData {
    const { id } = this.#stepper;
    const status = this.#halt?.kind ?? this.#snapshot.status;
    if (status !== 'active')
      return {
        code: 'ACTOR_STOPPED',
        message: `${id} has ended (${status}) and takes no '${type}'`,
        applied: 'no',
      };
    return {
      code: 'UNHANDLED_EVENT',
      message: `${id} takes no '${type}' in ${JSON.stringify(this.#snapshot.value)}`,
      applied: 'no',
    };
  }

  /** Not settled: the same message may be taken once the actor goes on. */
  #suspended({ again }: Told, { why, atMs }: Halt): FaultData {
    const { id } = this.#stepper;
    const message = `${id} is suspended since ${atMs}: ${why}`;
    return { code: 'ACTOR_FAILED', message, applied: again ? 'unknown' : 'no', suspended: true };
  }

  #bury(
    event: Json,
    from: string,
    cause: unknown,
    { to, why } = { to: this.#stepper.id, why: 'its step threw' },
  ): void {
    const letter = { to, from, event, why, cause };
    this.#deadLetters.push(letter);
    if (!isOffice(to)) this.#tellOffice((n) => buried(letter, this.#stepper.id, n, this.#nowMs));
  }
}

type Tried =
  | { readonly kind: 'stepped'; readonly step: Step }
  | { readonly kind: 'later'; readonly pauseMs: number }
  | { readonly kind: 'threw'; readonly cause: unknown; readonly verdict: Verdict & { readonly kind: 'give-up' } };

/** What a sender is answered, from what was stored for it. */
export function answerOf(reply: StoredReply | undefined, version: number): Answer {
  if (reply === undefined) return { kind: 'committed', version };
  if ('f' in reply) return { kind: 'fault', fault: reply.f };
  if ('later' in reply)
    return { kind: 'fault', fault: { code: 'DEADLINE', message: 'It was not answered in time', applied: 'unknown' } };
  return { kind: 'committed', version, reply: reply.v };
}

function noReply(id: ActorId, type: string): FaultData {
  return { code: 'NO_REPLY', message: `${id} committed '${type}' and replied nothing`, applied: 'unknown' };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
