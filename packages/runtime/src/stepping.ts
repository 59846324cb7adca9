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
import { type ActorState, isEmpty } from './actor-state.ts';
import { askedEvent, type ReplyAddress, replyAddressOf } from './asks.ts';
import { Draft } from './draft.ts';
import type { EventData } from './effect.ts';
import type { Numbered } from './envelope.ts';
import type { FaultData } from './errors.ts';
import { answerOf, type GroupStep, type StepMoment, type Stepper } from './group-step.ts';
import { closedUpTo, isLane, isLaneClosed, laneClosed } from './lanes.ts';
import { type GuardOutcome, isReservedEventType, type Step } from './machine-driver.ts';
import type { Bounced, Due, Ended, Letter, Ordered, Said, Told } from './mailbox.ts';
import type { Json } from './state-store.ts';
import { ownTraceparent } from './step-spans.ts';
import { type Halt, judge, type Verdict } from './supervision.ts';
import { watchOf } from './watchers.ts';

const MOST_OWED = 10_000;

export function stepGroup(
  stepper: Stepper,
  state: ActorState,
  letters: readonly Letter[],
  moment: StepMoment,
): GroupStep {
  const [first] = letters;
  const cause = first?.kind === 'told' ? first.traceparent : undefined;
  const stepping = new Stepping(new Draft(stepper, state, moment, cause), { stepper, before: state, moment });
  let i = 0;
  for (const letter of letters) {
    const pauseMs = stepping.take(letter);
    if (pauseMs !== undefined) return stepping.draft.result(letters.slice(0, i), letters.slice(i), pauseMs);
    i++;
  }
  return stepping.draft.result(letters, [], 0);
}

class Stepping {
  readonly draft: Draft;
  readonly #stepper: Stepper;
  readonly #before: ActorState;
  readonly #moment: StepMoment;

  constructor(
    draft: Draft,
    {
      stepper,
      before,
      moment,
    }: { readonly stepper: Stepper; readonly before: ActorState; readonly moment: StepMoment },
  ) {
    this.draft = draft;
    this.#stepper = stepper;
    this.#before = before;
    this.#moment = moment;
  }

  /** Takes a letter; answers the pause after which it is to be tried again, if it is. */
  take(letter: Letter): number | undefined {
    this.draft.cause = this.#causeOf(letter);
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
      case 'emptied':
        this.draft.bounce(letter.row);
        this.draft.closeLane(letter.row);
        return;
      case 'closed':
        this.draft.renumber(letter.to, letter.rows, letter.floor);
        return;
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
    if (letter.event.type === laneClosed && letter.from !== undefined && isLane(letter.from.sender)) {
      // Nothing of the machine's: it is done whatever state the actor is in.
      const n = closedUpTo(letter.event);
      if (n !== undefined && this.#before.version > 0 && this.#stepper.behavior.durable)
        this.draft.laneClosed(letter.from.sender, n);
      this.draft.answer(letter, { kind: 'committed', version: this.#before.version });
      return;
    }
    const watch = watchOf(letter.event);
    if (watch !== undefined) {
      this.#watch(letter, watch);
      return;
    }
    if (this.draft.halt?.kind === 'suspended') {
      this.draft.answer(letter, { kind: 'fault', fault: this.#suspended(letter, this.draft.halt) });
      return;
    }
    const isForeign =
      isReservedEventType(letter.event.type) && !(letter.own === true && this.draft.misses(letter.event));
    if (this.draft.halt !== undefined || isForeign) {
      this.#refuse(letter, this.#unhandled(letter.event.type));
      return;
    }
    const from = letter.asks ? letter.from : undefined;
    if (from !== undefined && this.#wasAsked(letter, from)) return;
    let promised: ReplyAddress | undefined;
    const promise = (by: Numbered) => (): ReplyAddress => {
      promised = replyAddressOf(by);
      return promised;
    };
    const event = from === undefined ? letter.event : askedEvent(letter.event, promise(from));
    const tried = this.#try(event, letter);
    if (tried.kind === 'later') return tried.pauseMs;
    if (tried.kind === 'threw') {
      this.#giveUp(letter.event, letter.from?.sender ?? 'unnumbered', tried);
      this.draft.settle(letter, {
        f: {
          code: 'ACTOR_FAILED',
          message: `${this.#stepper.id} failed on '${letter.event.type}': ${messageOf(tried.cause)}`,
          applied: 'no',
          // One of memory alone has no outbox: what it tells the office may be lost.
          ...(this.#stepper.behavior.durable ? { buried: true } : {}),
        },
      });
    } else if (!tried.step.handled) {
      this.#refuse(letter, this.#unhandled(letter.event.type, tried.step.guards));
    } else if (this.#owesTooMuch(tried.step)) {
      // Not settled: the same message may be taken once the outbox has emptied.
      const message = `${this.#stepper.id} owes too many messages already`;
      const applied = letter.again ? 'unknown' : 'no';
      this.draft.answer(letter, { kind: 'fault', fault: { code: 'MAILBOX_FULL', message, applied } });
    } else {
      this.#taken(letter, tried.step, promised);
    }
    return;
  }

  /** It is nothing of the machine's, so it is heard in any state; one that has ended tells so in the same commit. */
  #watch(letter: Told, { watcher, on }: { readonly watcher: ActorId; readonly on: boolean }): void {
    if (this.draft.watch(watcher, on)) {
      this.draft.settle(letter, undefined);
      return;
    }
    const message = `${this.#stepper.id} is watched by too many already`;
    const applied = letter.again ? 'unknown' : 'no';
    this.draft.answer(letter, { kind: 'fault', fault: { code: 'MAILBOX_FULL', message, applied } });
  }

  /** `promised`: its reply address, when the machine has taken it. */
  #taken(letter: Told, step: Step, promised: ReplyAddress | undefined): void {
    const untilMs = Math.ceil(this.#moment.storeMs + letter.expiresAtMs - this.#moment.clockMs);
    if (promised !== undefined && !this.draft.open(promised, untilMs)) {
      const message = `${this.#stepper.id} has too many asks to answer already`;
      const applied = letter.again ? 'unknown' : 'no';
      this.draft.answer(letter, { kind: 'fault', fault: { code: 'MAILBOX_FULL', message, applied } });
      return;
    }
    const by = { event: letter.event, sender: letter.from?.sender ?? 'unnumbered' };
    const reply = this.draft.advance(step, by, promised);
    if (promised !== undefined && reply === undefined) {
      // One without a record knows the repeat by its asks alone.
      if (this.#stepper.behavior.durable) this.draft.settle(letter, { later: true });
      this.draft.answer(letter, { kind: 'later', address: promised });
      return;
    }
    if (promised !== undefined) this.draft.closed(promised);
    if (letter.asks && reply === undefined) {
      this.draft.settle(letter, { f: noReply(this.#stepper.id, letter.event.type) });
    } else {
      this.draft.settle(letter, reply === undefined ? undefined : { v: reply.value });
    }
  }

  /** A repeat of an ask that the machine has taken up: it has its answer, or waits for it. */
  #wasAsked(letter: Told, from: Numbered): boolean {
    if (isEmpty(this.draft.asks)) return false;
    const address = replyAddressOf(from);
    const ask = this.draft.asks[address];
    if (ask === undefined) return false;
    this.draft.answer(
      letter,
      ask.answer === undefined ? { kind: 'later', address } : answerOf(ask.answer, this.#before.version),
    );
    return true;
  }

  #due(letter: Due): number | undefined {
    const row = this.draft.timer(letter.id);
    if (this.draft.halt !== undefined || row === undefined || row.generation !== letter.generation) return;
    const lateBy = Math.max(0, Math.floor(this.#moment.storeMs - row.dueAtMs));
    const event: EventData = { ...(row.event as object as EventData), lateBy };
    return this.#own(event, letter, () => this.draft.timerIsOver(row.id));
  }

  /** What an invoke sends and no state takes is nothing, as in XState. */
  #said(letter: Said): number | undefined {
    if (this.draft.halt !== undefined || this.draft.run(letter.invoke) !== letter.run) return;
    if (letter.unstorable === undefined && !this.#stepper.driver.accepts(this.draft.snapshot, letter.event)) return;
    return this.#own(letter.event, letter, () => {});
  }

  /** A letter before it in the group may have left the state that waits for it. */
  #ended(letter: Ended): number | undefined {
    // One that stands still starts its invokes again when it goes on.
    if (this.draft.halt !== undefined || this.draft.run(letter.invoke) !== letter.run) return;
    return this.#own(letter.event, letter, () => this.draft.runIsOver(letter.invoke));
  }

  /** An event the actor caused itself; what caused it is over with its step, whatever comes of that. */
  #own(event: { readonly type: string }, letter: Due | Said | Ended, over: () => void): number | undefined {
    const { unstorable } = letter;
    const tried = unstorable === undefined ? this.#try(event, letter) : undefined;
    if (tried?.kind === 'later') return tried.pauseMs;
    this.draft.changed();
    over();
    if (tried === undefined) {
      this.draft.bury(event as object as Json, this.#stepper.id, unstorable);
    } else if (tried.kind === 'threw') {
      this.#giveUp(event as object as Json, this.#stepper.id, tried);
    } else {
      this.draft.advance(tried.step, { event, sender: undefined });
    }
    return;
  }

  #bounce({ row, refusal, closes }: Bounced): undefined {
    this.draft.bounce(row);
    if (closes) this.draft.closeLane(row);
    if (isLaneClosed(row)) return;
    this.draft.bury(row.event, this.#stepper.id, refusal, { to: row.to, why: refusal.code });
  }

  #ordered(letter: Ordered): undefined {
    const { order, why, unstorable } = letter;
    if (unstorable !== undefined) {
      this.draft.answer(letter, { kind: 'fault', fault: unstorable });
      return;
    }
    if (this.draft.isSettled(letter)) {
      this.draft.answer(letter, { kind: 'committed', version: 0 });
      return;
    }
    if (order === 'restart') {
      this.draft.restart();
      this.draft.forgive();
    } else if (order === 'suspend' && this.draft.halt === undefined) this.draft.suspend(why);
    else if (order === 'resume' && this.draft.halt?.kind === 'suspended') this.draft.resume();
    this.draft.settle(letter, undefined);
  }

  #wake(): undefined {
    if (this.#before.version === 0 || this.#before.unborn.length > 0) this.draft.changed();
  }

  #try(event: { readonly type: string }, letter: Told | Due | Said | Ended): Tried {
    const { spans } = this.#moment;
    const span = spans?.begin(
      event.type,
      { traceparent: this.draft.cause, long: letter.kind === 'due' },
      letter.kind === 'told' ? this.#moment.clockMs - letter.atMs : undefined,
    );
    if (span !== undefined) this.draft.cause = ownTraceparent(span) ?? this.draft.cause;
    try {
      const before = this.draft.snapshot;
      const step = this.#stepper.driver.step(before, event);
      for (const effect of step.effects)
        if (effect.kind === 'tell' || effect.kind === 'watch') formatActorId(effect.to.type, effect.to.key);
      if (span !== undefined) spans?.stepped(span, before, step);
      return { kind: 'stepped', step };
    } catch (cause) {
      const { heldMs, jitter } = this.#moment;
      const failures = (letter.failures ?? 0) + 1;
      const failed = { failures, strikes: this.draft.strikes, nowMs: this.#moment.storeMs, heldMs, jitter };
      const verdict = judge(this.#stepper.behavior.supervision, failed);
      if (span !== undefined) spans?.threw(span, cause);
      if (span !== undefined && verdict.kind === 'again') spans?.later(span);
      return verdict.kind === 'again' ? { kind: 'later', pauseMs: verdict.pauseMs } : { kind: 'threw', cause, verdict };
    }
  }

  #causeOf(letter: Letter): string | undefined {
    switch (letter.kind) {
      case 'told':
        return letter.traceparent;
      case 'due':
        return this.draft.timer(letter.id)?.traceparent;
      case 'said':
      case 'ended':
        return this.draft.traceOf(letter.invoke);
      case 'bounced':
        return letter.row.traceparent;
      case 'emptied':
      case 'closed':
      case 'ordered':
      case 'wake':
        return undefined;
    }
  }

  #giveUp(event: Json, from: string, { cause, verdict }: Tried & { readonly kind: 'threw' }): void {
    this.draft.bury(event, from, cause);
    this.draft.giveUp(verdict, messageOf(cause));
  }

  #owesTooMuch({ effects }: Step): boolean {
    let tells = 0;
    for (const { kind } of effects) if (kind === 'tell' || kind === 'watch') tells++;
    return tells > 0 && this.#moment.owed + this.draft.owes + tells > MOST_OWED;
  }

  #refuse(letter: Told, fault: FaultData): void {
    if (letter.again && letter.from !== undefined && this.#stepper.behavior.durable) {
      this.draft.changed();
      this.draft.settle(letter, { f: fault });
    } else {
      this.draft.answer(letter, { kind: 'fault', fault });
    }
  }

  #unhandled(type: string, guards: readonly GuardOutcome[] = []): FaultData {
    const { id } = this.#stepper;
    const status = this.draft.halt?.kind ?? this.draft.snapshot.status;
    if (status !== 'active')
      return {
        code: 'ACTOR_STOPPED',
        message: `${id} has ended (${status}) and takes no '${type}'`,
        applied: 'no',
      };
    const refusing = [...new Set(guards.filter(({ passed }) => !passed).map(({ guard }) => `'${guard}'`))];
    const why = refusing.length === 0 ? '' : `, since ${refusing.join(' and ')} said no`;
    return {
      code: 'UNHANDLED_EVENT',
      message: `${id} takes no '${type}' in ${JSON.stringify(this.draft.snapshot.value)}${why}`,
      applied: 'no',
    };
  }

  /** Not settled: the same message may be taken once the actor goes on. */
  #suspended({ again }: Told, { why, atMs }: Halt): FaultData {
    const { id } = this.#stepper;
    const message = `${id} is suspended since ${atMs}: ${why}`;
    return { code: 'ACTOR_FAILED', message, applied: again ? 'unknown' : 'no', suspended: true };
  }
}

type Tried =
  | { readonly kind: 'stepped'; readonly step: Step }
  | { readonly kind: 'later'; readonly pauseMs: number }
  | { readonly kind: 'threw'; readonly cause: unknown; readonly verdict: Verdict & { readonly kind: 'give-up' } };

function noReply(id: ActorId, type: string): FaultData {
  return { code: 'NO_REPLY', message: `${id} committed '${type}' and replied nothing`, applied: 'unknown' };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
