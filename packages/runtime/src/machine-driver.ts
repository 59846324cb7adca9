// MachineDriver
//
// The seam between the runtime and XState. A machine is stepped as a pure function: a snapshot and
// an event in, a snapshot and effects as data out. Nothing here starts a timer, runs an invoke or
// calls an author's action; the runtime does that, after the commit.
//
//   MD1  `step` changes nothing outside its result; the snapshot it was given stays usable.
//   MD2  A throw in a guard, an assign or an expression is thrown as `MachineFailed`, and nothing of the
//        step is left behind.
//   MD3  `handled` is false when no transition took the event; then there are no effects and the
//        snapshot is the one given. It equals `accepts`, asked before.
//   MD4  `restore(persist(s))` behaves like s for every event, after a trip through JSON too.
//   MD5  `persist` refuses a context, output or error that JSON would change, naming the path.
//   MD6  Events a machine sends to itself without delay are processed within the same step.
//   MD7  Delays come out as `schedule` and end with `cancel`, in the order asked for; feeding the
//        scheduled event back is what makes time pass.
//   MD8  A snapshot names the invokes it waits for (`invokes`); one that has settled is not named
//        again, so a restored actor restarts exactly what was under way.
//   MD9  A machine that uses what the driver cannot honour is refused when the driver is made, with
//        every problem and its fix at once; what only shows while running fails the step. Never silent.
//   MD10 An event for a machine that is not active is not handled.
//   MD11 Machines below the machine are part of its snapshot and are stepped in its step.
//   MD12 A step tells what the machine's named guards said in it, also where nothing took the event.
import { CoordinationError } from '@devmentor/locks';
import type { Effect, EventData, InvokeEffect } from './effect.ts';
import type { Json } from './json.ts';
import type { Ask } from './remote-ask.ts';

/**
 * A step, or a restore, that could not be: something in the machine threw (`cause`), or it asked
 * for what cannot be honoured. The snapshot before it is intact.
 */
export class MachineFailed extends CoordinationError<'MACHINE_FAILED'> {
  override readonly name = 'MachineFailed';
  readonly during: 'create' | 'step' | 'restore' | 'persist';

  constructor(during: MachineFailed['during'], message: string, cause?: unknown) {
    super('MACHINE_FAILED', message, { applied: 'no', cause });
    this.during = during;
  }
}

/** A machine the driver cannot run, with every problem found; thrown when its driver is made. */
export class MachineRefused extends CoordinationError<'MACHINE_REFUSED'> {
  override readonly name = 'MachineRefused';
  readonly problems: readonly string[];

  constructor(machineId: string, problems: readonly string[]) {
    super(
      'MACHINE_REFUSED',
      `machine '${machineId}' cannot run here:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
      { applied: 'no' },
    );
    this.problems = problems;
  }
}

export type MachineStatus = 'active' | 'done' | 'error' | 'stopped';

/** A machine at rest. Made only by its driver; immutable, and readable as it is. */
export interface MachineSnapshot {
  readonly status: MachineStatus;
  /** The state, as XState writes it: a name, or names by region. */
  readonly value: unknown;
  readonly context: unknown;
  readonly tags: ReadonlySet<string>;
  /** What the machine ended with, once `done`. */
  readonly output: unknown;
  /** What it failed with, once `error`. */
  readonly error: unknown;
}

/** What a named guard of the machine said, whenever a step asked it. */
export interface GuardOutcome {
  readonly guard: string;
  readonly passed: boolean;
}

export interface Step {
  readonly snapshot: MachineSnapshot;
  readonly effects: readonly Effect[];
  /** Whether any transition took the event; true for the step of `create`. */
  readonly handled: boolean;
  /** In the order in which they were asked; not of machines below the actor's own. */
  readonly guards: readonly GuardOutcome[];
}

/** How an invoke ended. */
export type InvokeOutcome =
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The event that tells a machine how its invoke ended. */
export interface InvokeEnd {
  readonly type: string;
  readonly actorId: string;
  readonly output?: unknown;
  /** Plain data: `{name, message, code?}` for an Error. */
  readonly error?: Json;
}

/** What an invoke runs under. */
export interface InvokeRun {
  /** Aborted when the result is not wanted any more. */
  readonly signal: AbortSignal;
  /** The same for every attempt of one invoke: what makes the work safe to repeat. */
  readonly idempotencyKey: string;
  /** Takes an event that the work sends its machine; throws when too many wait already. */
  readonly say: (event: EventData) => void;
  /** Takes a value of an observable that the machine wants to see. */
  readonly see: (value: Json) => void;
  /** Is told, once, how the work takes events in. */
  readonly hear: (receive: (event: EventData) => void) => void;
  readonly ask: Ask;
}

/** A machine of an actor, as an inspector is shown it. */
export interface Member {
  /** Empty for the actor's own. */
  readonly address: string;
  readonly id: string;
  /** Address of the machine it is below. */
  readonly parent: string | undefined;
  /** Its machine as XState knows it. */
  readonly logic: unknown;
  /** Its snapshot as XState knows it. */
  readonly snapshot: unknown;
}

/** Steps the machine of one type; holds nothing of any actor, so one serves all actors of the type. */
export interface MachineDriver {
  /** The initial step. */
  create(input?: unknown): Step;
  /** One macrostep. */
  step(snapshot: MachineSnapshot, event: { readonly type: string }): Step;
  /** Whether a step with this event would be handled; evaluates guards. */
  accepts(snapshot: MachineSnapshot, event: { readonly type: string }): boolean;
  /** The machine and those below it, parents first; for inspectors. */
  family(snapshot: MachineSnapshot): readonly Member[];
  /** The snapshot as JSON; shares structure with it, so it is to be written, not kept. */
  persist(snapshot: MachineSnapshot): Json;
  /** A snapshot from what `persist` gave; `MachineFailed` when the machine no longer has that state. */
  restore(json: Json): MachineSnapshot;
  /** The invokes the snapshot waits for, as they were asked for. */
  invokes(snapshot: MachineSnapshot): readonly InvokeEffect[];
  /** Runs an invoke to its end. Never rejects: a throw of the work is an outcome. */
  run(invoke: InvokeEffect, under: InvokeRun): Promise<InvokeOutcome>;
  /** The event that feeds the end of an invoke back; to be stepped like any other. */
  settled(id: string, outcome: InvokeOutcome): InvokeEnd;
  /** The event that brings the machine what an invoke sent it. */
  said(id: string, event: EventData): EventData;
  /** The event that shows the machine a value of an observable (`InvokeEffect.snapshots`). */
  seen(id: string, value: Json): EventData;
}

/** The event that brings another to a machine below the actor's own. */
export const toChild = 'xstate.to';

/** Whether an event waits to go to the child of this address. */
export function isBoundFor(event: Json, address: string): boolean {
  const { type, to } = event as { readonly type?: unknown; readonly to?: unknown };
  return type === toChild && to === address;
}

/** The event that a machine is given in the end. */
export function carriedEvent(event: EventData): EventData {
  return event.type === toChild ? (event.event as object as EventData) : event;
}

/** Event types that only the runtime may feed to a machine; one that comes from outside is refused. */
export function isReservedEventType(type: string): boolean {
  return type === '*' || type.startsWith('xstate.');
}
