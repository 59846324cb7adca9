// Effect
//
// What a step of a machine asks of the world, as data. A step only says; the runtime commits the
// new snapshot first and lets the effects out after. `reply`, `tell` and `publish` are XState
// actions for use inside machines; in a live XState actor (a browser, a test) they do nothing.
//
//   EF1  Effects are in the order the machine asked for them.
//   EF2  The values of `reply`, `tell` and `publish` are computed during the step, from the
//        context at that point of the step; a throw there fails the step.
//   EF3  Every value is JSON; a step that asks for anything else fails, naming the path.
//   EF4  In a live XState actor the effect actions do nothing, and a machine runs unchanged.
import type { ActionArgs, EventObject, MachineContext } from 'xstate';
import type { ReplyAddress } from './asks.ts';
import type { Json } from './json.ts';

/** An event as data: a `type` and JSON beside it. */
export interface EventData {
  readonly type: string;
  readonly [key: string]: Json;
}

/** Answers the message being processed, or the one `to` names; the first reply to each counts. */
export interface ReplyEffect {
  readonly kind: 'reply';
  readonly value: Json;
  /** A `ReplyAddress`, for an answer that comes later than its step. */
  readonly to?: string;
}

/** A message to another actor; goes to the outbox in the same commit. */
export interface TellEffect {
  readonly kind: 'tell';
  readonly to: { readonly type: string; readonly key: string };
  readonly event: EventData;
}

/** To be told when another actor ends, or no more. */
export interface WatchEffect {
  readonly kind: 'watch';
  readonly to: { readonly type: string; readonly key: string };
  readonly on: boolean;
}

/** An event on the actor's own topic, appended in the same commit. */
export interface PublishEffect {
  readonly kind: 'publish';
  readonly type: string;
  readonly data: Json;
}

/** XState's `emit`: for those who listen now; not stored. */
export interface EmitEffect {
  readonly kind: 'emit';
  readonly event: EventData;
}

/**
 * Starts a timer that feeds `event` back to the machine after `delayMs` (0 or more). It replaces
 * a timer of the same id. One without an id cannot be cancelled by the machine; the runtime names it.
 */
export interface ScheduleEffect {
  readonly kind: 'schedule';
  readonly id?: string;
  /** What the names of all timers of the child machine that asks begin with. */
  readonly within?: string;
  readonly delayMs: number;
  readonly event: EventData;
}

/** Ends the timer of that id; nothing happens when there is none. */
export interface CancelEffect {
  readonly kind: 'cancel';
  readonly id: string;
}

/** A child has ended: with it every timer whose name begins with `within`, and every event that waits to go `to` it. */
export interface ForgetEffect {
  readonly kind: 'forget';
  readonly within: string;
  readonly to: string;
}

/** Work to start after the commit; its end is fed back as an event (see `MachineDriver.settled`). */
export interface InvokeEffect {
  readonly kind: 'invoke';
  readonly id: string;
  /** Name of the implementation in the machine. */
  readonly src: string;
  /** Absent when the machine gives none. */
  readonly input?: Json;
  /** Whether each value of an observable is to come back as an event (`onSnapshot`). */
  readonly snapshots?: boolean;
}

/** An event for an invoke that runs: what a callback's `receive` hears. At most once. */
export interface SendEffect {
  readonly kind: 'send';
  readonly id: string;
  readonly event: EventData;
}

/** Aborts the invoke of that id, if it still runs; its result is not wanted any more. */
export interface StopEffect {
  readonly kind: 'stop';
  readonly id: string;
}

/** An action function of the machine's author, bound to the context it was asked for with. */
export interface ActionEffect {
  readonly kind: 'action';
  readonly type: string;
  readonly params: unknown;
  /** Runs it: once, after the commit, at most once over crashes. What it throws is the author's. */
  readonly run: () => void;
}

/** XState's `log`. */
export interface LogEffect {
  readonly kind: 'log';
  readonly label?: string;
  readonly value: unknown;
}

export type Effect =
  | ReplyEffect
  | TellEffect
  | WatchEffect
  | PublishEffect
  | EmitEffect
  | ScheduleEffect
  | CancelEffect
  | ForgetEffect
  | InvokeEffect
  | SendEffect
  | StopEffect
  | ActionEffect
  | LogEffect;

/** An XState action that only says an effect. */
export type EffectAction<C extends MachineContext, E extends EventObject, Ev extends EventObject, P> = (
  args: ActionArgs<C, E, Ev>,
  params: P,
) => void;

/** What the expression of an effect action is given. */
export interface EffectArgs<C, E> {
  readonly context: C;
  readonly event: E;
}

type PlainValue = null | boolean | number | string | object;

/**
 * Answers the message that is being processed with a value, or with what a function of context and
 * event returns; or, given `{ to, value }`, an earlier one. Without anyone waiting it does nothing.
 */
export function reply<C extends MachineContext, E extends EventObject, Ev extends EventObject, P>(
  value: (args: EffectArgs<C, E>, params: P) => unknown,
): EffectAction<C, E, Ev, P>;
export function reply<C extends MachineContext, E extends EventObject, Ev extends EventObject, P>(
  later: LaterReply<C, E, P>,
): EffectAction<C, E, Ev, P>;
export function reply<
  C extends MachineContext,
  E extends EventObject,
  Ev extends EventObject,
  P,
  const Value extends PlainValue,
>(
  value: Value & (Value extends { readonly to: (...given: never[]) => unknown } ? never : unknown),
): EffectAction<C, E, Ev, P>;
export function reply(given: unknown): unknown {
  if (!isLaterReply(given))
    return effectAction('devmentor.reply', (args, params) => ({ kind: 'reply', value: computed(given, args, params) }));
  return effectAction('devmentor.reply', (args, params) => ({
    kind: 'reply',
    to: given.to(args as never, params as never),
    value: computed(given.value, args, params),
  }));
}

/** An answer to an ask of an earlier step, whose `replyAddress` the machine has kept. */
export interface LaterReply<C, E, P> {
  /** Nothing happens where it is null. */
  readonly to: (args: EffectArgs<C, E>, params: P) => ReplyAddress | null;
  readonly value: PlainValue | ((args: EffectArgs<C, E>, params: P) => unknown);
}

/** A plain value holds no function. */
function isLaterReply(given: unknown): given is LaterReply<never, never, never> {
  return typeof given === 'object' && given !== null && typeof (given as { to?: unknown }).to === 'function';
}

/** A type of actor that can be told events, as `defineActor` makes it. */
export interface Tellable {
  readonly type: string;
  /** Never there at run time. */
  readonly types?: { readonly event: EventObject };
}

type EventTold<T extends Tellable> = T extends { readonly types?: { readonly event: infer Event extends EventObject } }
  ? Event
  : EventObject;

/**
 * Sends an event to another actor: at least once, and applied once, since the receiver's commit
 * drops duplicates. Key and event may be functions of context and event. The receiver may be named
 * by its type's text, for machines that refer to each other.
 */
export function tell<
  T extends Tellable,
  C extends MachineContext,
  E extends EventObject,
  Ev extends EventObject,
  P,
  const Told extends EventTold<T>,
>(
  to: T,
  key: string | ((args: EffectArgs<C, E>, params: P) => string),
  event: Told | ((args: EffectArgs<C, E>, params: P) => Told),
): EffectAction<C, E, Ev, P>;
export function tell<C extends MachineContext, E extends EventObject, Ev extends EventObject, P>(
  to: string,
  key: string | ((args: EffectArgs<C, E>, params: P) => string),
  event: EventObject | ((args: EffectArgs<C, E>, params: P) => EventObject),
): EffectAction<C, E, Ev, P>;
export function tell(to: Tellable | string, key: unknown, event: unknown): unknown {
  const type = typeof to === 'string' ? to : to.type;
  return effectAction('devmentor.tell', (args, params) => ({
    kind: 'tell',
    to: { type, key: computed(key, args, params) },
    event: computed(event, args, params),
  }));
}

/**
 * Asks to be told when another actor ends: the machine is given a `Terminated` event, exactly once, at once if it
 * has ended already. An actor that machines below it act for hears it itself. One of memory alone
 * (`durable: false`) tells of its end at most once, and not of that of its node.
 */
export function watch<C extends MachineContext, E extends EventObject, Ev extends EventObject, P>(
  to: Tellable | string,
  key: string | ((args: EffectArgs<C, E>, params: P) => string),
): EffectAction<C, E, Ev, P> {
  return watching(to, key, true) as EffectAction<C, E, Ev, P>;
}

/** Asks no more; what is under way already still comes. */
export function unwatch<C extends MachineContext, E extends EventObject, Ev extends EventObject, P>(
  to: Tellable | string,
  key: string | ((args: EffectArgs<C, E>, params: P) => string),
): EffectAction<C, E, Ev, P> {
  return watching(to, key, false) as EffectAction<C, E, Ev, P>;
}

function watching(to: Tellable | string, key: unknown, on: boolean): unknown {
  const type = typeof to === 'string' ? to : to.type;
  return effectAction(on ? 'devmentor.watch' : 'devmentor.unwatch', (args, params) => ({
    kind: 'watch',
    to: { type, key: computed(key, args, params) },
    on,
  }));
}

/** Appends an event to the actor's own topic, in the commit of the step that asks for it. */
export function publish<C extends MachineContext, E extends EventObject, Ev extends EventObject, P>(
  type: string,
  data: (args: EffectArgs<C, E>, params: P) => unknown,
): EffectAction<C, E, Ev, P>;
export function publish<C extends MachineContext, E extends EventObject, Ev extends EventObject, P>(
  type: string,
  data?: PlainValue,
): EffectAction<C, E, Ev, P>;
export function publish(type: string, data: unknown = null): unknown {
  return effectAction('devmentor.publish', (args, params) => ({
    kind: 'publish',
    type,
    data: computed(data, args, params),
  }));
}

/** An effect before its values are checked to be JSON. */
export type RawEffect =
  | { readonly kind: 'reply'; readonly value: unknown; readonly to?: unknown }
  | { readonly kind: 'tell'; readonly to: { readonly type: string; readonly key: unknown }; readonly event: unknown }
  | { readonly kind: 'watch'; readonly to: { readonly type: string; readonly key: unknown }; readonly on: boolean }
  | { readonly kind: 'publish'; readonly type: string; readonly data: unknown };

type Say = (args: EffectArgs<unknown, unknown>, params: unknown) => RawEffect;

/** Registered, so that a machine built with another copy of this package is understood as well. */
const says: unique symbol = Symbol.for('devmentor.effect');

/** The effect an action function stands for, when it is one of ours; for drivers. */
export function sayOf(action: object): Say | undefined {
  return (action as { readonly [says]?: Say })[says];
}

function effectAction(name: string, say: Say): () => void {
  const action = (): void => {};
  return Object.defineProperties(action, { name: { value: name }, [says]: { value: say } });
}

function computed(value: unknown, args: EffectArgs<unknown, unknown>, params: unknown): unknown {
  return typeof value === 'function' ? (value as (...given: unknown[]) => unknown)(args, params) : value;
}
