// Stepping
//
// Decides, purely, what a group of letters does to an actor: the state after it, what is to be
// committed, who is to be told what, and which effects go out once it is committed.
//
//   SG1  The state before stays usable: a group that could not be committed is simply forgotten.
//   SG2  A step that throws leaves no trace in the group: the letters beside it see the state
//        before it, and it is answered ACTOR_FAILED after its retries.
//   SG3  A refused letter that may be a repeat is settled too, with its refusal, so that the store
//        can say whether it was in truth committed before.
//   SG4  A timer or the end of an invoke counts only while the state waits for that very one.
//   SG5  A message that would make the actor owe more than 10,000 messages is MAILBOX_FULL.
//   SG6  A letter whose deadline has passed is not stepped: nobody waits for it.
import { type ActorId, formatActorId } from './actor-id.ts';
import { type ActorState, nextNumber } from './actor-state.ts';
import type { Behavior } from './behavior.ts';
import type { ActionEffect, Effect, EmitEffect, EventData, InvokeEffect, LogEffect } from './effect.ts';
import type { Answer } from './envelope.ts';
import type { FaultData } from './errors.ts';
import { isReservedEventType, type MachineDriver, type Step } from './machine-driver.ts';
import type { Due, Ended, Letter, Told } from './mailbox.ts';
import type { DeadLetter } from './runtime.ts';
import type { Json, OutboxRow, Settled, TimerRow } from './state-store.ts';
import { judge } from './supervision.ts';

/** An effect for the time after the commit. */
export type AfterEffect =
  | EmitEffect
  | ActionEffect
  | LogEffect
  | { readonly kind: 'start'; readonly invoke: InvokeEffect; readonly run: number }
  | { readonly kind: 'stop'; readonly id: string };

export interface GroupStep {
  readonly letters: readonly Letter[];
  readonly next: ActorState;
  /** False when there is nothing to commit. */
  readonly changes: boolean;
  readonly settles: readonly Settled[];
  readonly outbox: readonly OutboxRow[];
  readonly events: readonly { readonly type: string; readonly data: Json }[];
  /** `version` of a committed answer is filled in by the commit. */
  readonly answers: ReadonlyMap<Told, Answer>;
  readonly after: readonly AfterEffect[];
  readonly deadLetters: readonly DeadLetter[];
}

export interface Stepper {
  readonly id: ActorId;
  readonly behavior: Behavior;
  readonly driver: MachineDriver;
}

/** How a settled message's answer is stored: a value, or the refusal. */
export type StoredReply = { readonly v: Json } | { readonly f: FaultData };

const MOST_OWED = 10_000;

export function stepGroup(
  stepper: Stepper,
  state: ActorState,
  letters: readonly Letter[],
  /** `owed`: messages in the outbox already. */
  now: { readonly storeMs: number; readonly clockMs: number; readonly owed: number },
): GroupStep {
  const draft = new Draft(stepper, state, now);
  for (const letter of letters) {
    switch (letter.kind) {
      case 'told':
        if (now.clockMs < letter.expiresAtMs) draft.told(letter);
        break;
      case 'due':
        draft.due(letter);
        break;
      case 'ended':
        draft.ended(letter);
        break;
      case 'wake':
        draft.wake();
        break;
    }
  }
  return draft.result(letters);
}

class Draft {
  readonly #stepper: Stepper;
  readonly #nowMs: number;
  readonly #owed: number;
  readonly #before: ActorState;
  #snapshot: ActorState['snapshot'];
  #mark: number;
  #changes = false;
  readonly #timers: Map<string, TimerRow>;
  #lastOut: number;
  readonly #runs: Record<string, number>;
  readonly #settles: Settled[] = [];
  readonly #outbox: OutboxRow[] = [];
  readonly #events: { type: string; data: Json }[] = [];
  readonly #answers = new Map<Told, Answer>();
  readonly #after: AfterEffect[] = [];
  readonly #deadLetters: DeadLetter[] = [];

  constructor(stepper: Stepper, before: ActorState, now: { readonly storeMs: number; readonly owed: number }) {
    this.#stepper = stepper;
    this.#before = before;
    this.#nowMs = now.storeMs;
    this.#owed = now.owed;
    this.#snapshot = before.snapshot;
    this.#mark = before.mark;
    this.#timers = new Map(before.timers);
    this.#lastOut = before.lastOut;
    this.#runs = { ...before.runs };
    this.#apply(before.unborn);
  }

  told(letter: Told): void {
    if (letter.unstorable !== undefined) {
      this.#refuse(letter, letter.unstorable);
      return;
    }
    if (isReservedEventType(letter.event.type)) {
      this.#refuse(letter, this.#unhandled(letter.event.type));
      return;
    }
    const tried = this.#try(letter.event);
    if (tried.kind === 'threw') {
      this.#bury(letter.event, letter.from?.sender ?? 'unnumbered', tried.cause);
      this.#refuse(letter, {
        code: 'ACTOR_FAILED',
        message: `${this.#stepper.id} failed on '${letter.event.type}': ${messageOf(tried.cause)}`,
        applied: 'no',
      });
    } else if (!tried.step.handled) {
      this.#refuse(letter, this.#unhandled(letter.event.type));
    } else if (this.#owesTooMuch(tried.step)) {
      // Not settled: the same message may be taken once the outbox has emptied.
      const message = `${this.#stepper.id} owes too many messages already`;
      const applied = letter.again ? 'unknown' : 'no';
      this.#answers.set(letter, { kind: 'fault', fault: { code: 'MAILBOX_FULL', message, applied } });
    } else {
      this.#changes = true;
      this.#snapshot = tried.step.snapshot;
      const reply = this.#apply(tried.step.effects);
      if (letter.asks && reply === undefined) {
        this.#settle(letter, { f: noReply(this.#stepper.id, letter.event.type) });
      } else {
        this.#settle(letter, reply === undefined ? undefined : { v: reply.value });
      }
    }
  }

  due({ id, generation, unstorable }: Due): void {
    const row = this.#timers.get(id);
    if (row === undefined || row.generation !== generation) return;
    this.#timers.delete(id);
    const lateBy = Math.max(0, Math.floor(this.#nowMs - row.dueAtMs));
    const event = { ...(row.event as object as EventData), lateBy };
    this.#own(event, unstorable);
  }

  /** A letter before it in the group may have left the state that waits for it. */
  ended({ invoke, run, event, unstorable }: Ended): void {
    if (this.#runs[invoke] !== run) return;
    delete this.#runs[invoke];
    this.#own(event, unstorable);
  }

  /** An event the actor caused itself. It is over with this step, whatever comes of it. */
  #own(event: { readonly type: string }, unstorable: FaultData | undefined): void {
    this.#changes = true;
    const tried = unstorable === undefined ? this.#try(event) : ({ kind: 'threw', cause: unstorable } as const);
    if (tried.kind === 'threw') {
      this.#bury(event as object as Json, this.#stepper.id, tried.cause);
    } else {
      this.#snapshot = tried.step.snapshot;
      this.#apply(tried.step.effects);
    }
  }

  wake(): void {
    if (this.#before.version === 0 || this.#before.unborn.length > 0) this.#changes = true;
  }

  result(letters: readonly Letter[]): GroupStep {
    if (this.#snapshot.status !== 'active') this.#timers.clear();
    return {
      letters,
      next: {
        version: this.#before.version,
        snapshot: this.#snapshot,
        timers: this.#timers,
        lastOut: this.#lastOut,
        runs: this.#runs,
        mark: this.#mark,
        unborn: this.#changes ? [] : this.#before.unborn,
      },
      changes: this.#changes,
      settles: this.#settles,
      outbox: this.#outbox,
      events: this.#events,
      answers: this.#answers,
      // A run that the same group also ended never starts.
      after: this.#after.filter((effect) => effect.kind !== 'start' || this.#runs[effect.invoke.id] === effect.run),
      deadLetters: this.#deadLetters,
    };
  }

  #try(event: {
    readonly type: string;
  }): { readonly kind: 'stepped'; readonly step: Step } | { readonly kind: 'threw'; readonly cause: unknown } {
    for (let failures = 1; ; failures++) {
      try {
        const step = this.#stepper.driver.step(this.#snapshot, event);
        for (const effect of step.effects) if (effect.kind === 'tell') formatActorId(effect.to.type, effect.to.key);
        return { kind: 'stepped', step };
      } catch (cause) {
        if (judge(failures, this.#stepper.behavior.retries).kind === 'dead-letter') return { kind: 'threw', cause };
      }
    }
  }

  /** Takes effects up; answers the first reply among them. */
  #apply(effects: readonly Effect[]): { readonly value: Json } | undefined {
    let reply: { readonly value: Json } | undefined;
    for (const effect of effects) {
      switch (effect.kind) {
        case 'reply':
          reply ??= effect;
          break;
        case 'tell': {
          const to = formatActorId(effect.to.type, effect.to.key);
          this.#lastOut = nextNumber(this.#lastOut, this.#nowMs);
          this.#outbox.push({ n: this.#lastOut, to, event: effect.event });
          break;
        }
        case 'publish':
          this.#events.push({ type: effect.type, data: effect.data });
          break;
        case 'schedule': {
          const generation = ++this.#mark;
          const id = effect.id ?? `~${generation}`;
          this.#timers.set(id, {
            id,
            generation,
            dueAtMs: Math.ceil(this.#nowMs + effect.delayMs),
            event: effect.event,
          });
          break;
        }
        case 'cancel':
          this.#timers.delete(effect.id);
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
          this.#after.push(effect);
          break;
      }
    }
    return reply;
  }

  #owesTooMuch({ effects }: Step): boolean {
    const tells = effects.filter(({ kind }) => kind === 'tell').length;
    return tells > 0 && this.#owed + this.#outbox.length + tells > MOST_OWED;
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
    if (this.#snapshot.status !== 'active')
      return {
        code: 'ACTOR_STOPPED',
        message: `${id} has ended (${this.#snapshot.status}) and takes no '${type}'`,
        applied: 'no',
      };
    return {
      code: 'UNHANDLED_EVENT',
      message: `${id} takes no '${type}' in ${JSON.stringify(this.#snapshot.value)}`,
      applied: 'no',
    };
  }

  #bury(event: Json, from: string, cause: unknown): void {
    this.#deadLetters.push({ to: this.#stepper.id, from, event, why: 'its step threw', cause });
  }
}

/** What a sender is answered, from what was stored for it. */
export function answerOf(reply: StoredReply | undefined, version: number): Answer {
  if (reply === undefined) return { kind: 'committed', version };
  if ('f' in reply) return { kind: 'fault', fault: reply.f };
  return { kind: 'committed', version, reply: reply.v };
}

function noReply(id: ActorId, type: string): FaultData {
  return { code: 'NO_REPLY', message: `${id} committed '${type}' and replied nothing`, applied: 'unknown' };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
