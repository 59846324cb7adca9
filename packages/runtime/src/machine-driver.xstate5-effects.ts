// What XState would execute in a step, as effects; what cannot be one fails the step.
import type { AnyActorRef } from 'xstate';
import { type Effect, type EventData, type InvokeEffect, sayOf } from './effect.ts';
import type { Json } from './json.ts';
import { asJson } from './json-check.ts';
import { isReservedEventType, toChild } from './machine-driver.ts';
import { addressOf, type Path, within } from './machine-driver.xstate5-address.ts';
import type { Work } from './machine-driver.xstate5-definition.ts';

/** What XState hands to an actor's `actionExecutor`. */
export interface Captured {
  readonly type: string;
  readonly info: { readonly context: unknown; readonly event: unknown };
  readonly params: unknown;
  readonly exec: ((info: never, params: unknown) => void) | undefined;
}

/** The machine whose actions are taken up. */
export interface Acting {
  /** From the actor down to it; empty for the actor's own machine. */
  readonly path: Path;
  /** Takes an effect for after the commit. */
  say(effect: Effect): void;
  /** An event sent at once; `to` is a child's id where it was sent before the child was made. */
  send(to: AnyActorRef | string, event: { readonly type: string }, targetId: string | undefined): void;
  /** Where a delayed event is to go. */
  pathTo(to: AnyActorRef | string, targetId: string | undefined): Path;
  start(child: AnyActorRef | undefined): void;
  stop(child: AnyActorRef): void;
}

interface Timed {
  readonly event: unknown;
  readonly id: string | undefined;
  readonly delay: unknown;
}

interface Sent extends Timed {
  readonly to: AnyActorRef | string;
  readonly targetId?: string;
}

export function perform(action: Captured, by: Acting): void {
  switch (action.type) {
    case 'xstate.raise':
      raised(action.params as Timed, by);
      break;
    case 'xstate.sendTo':
      sent(action.params as Sent, by);
      break;
    case 'xstate.cancel':
      by.say({ kind: 'cancel', id: timerId((action.params as { sendId: string }).sendId, by.path) });
      break;
    case 'xstate.emit': {
      const event = eventData((action.params as { event: unknown }).event, 'the emitted event');
      // Whoever listens knows the actor, not what is below it.
      if (by.path.length === 0) by.say({ kind: 'emit', event });
      break;
    }
    case 'xstate.spawnChild':
      by.start((action.params as { actorRef: AnyActorRef | undefined }).actorRef);
      break;
    case 'xstate.stopChild':
      if (action.params !== undefined) by.stop(action.params as AnyActorRef);
      break;
    case 'xstate.log':
      by.say({ kind: 'log', ...(action.params as { value: unknown; label?: string }) });
      break;
    default:
      by.say(custom(action));
  }
}

function raised({ event, id, delay }: Timed, by: Acting): void {
  if (typeof delay === 'number') schedule(event, id, delay, by, by.path);
  // XState raises at once what has no delay; an `after` without one means that its delay is broken.
  else if (typeName(event)?.startsWith('xstate.after.'))
    throw new Error(`the delay of '${String(id)}' is ${String(delay)}, not a number of milliseconds`);
}

function sent({ to, targetId, event, id, delay }: Sent, by: Acting): void {
  if (typeof delay === 'number') schedule(event, id, delay, by, by.pathTo(to, targetId));
  else if (typeName(event) === undefined) throw new Error(`the event sent to '${targetId ?? 'an actor'}' has no type`);
  else by.send(to, event as { type: string }, targetId);
}

function schedule(event: unknown, id: string | undefined, delay: number, by: Acting, to: Path): void {
  if (!Number.isFinite(delay))
    throw new Error(`the delay of '${id ?? String(typeName(event))}' is ${delay}, not a number of milliseconds`);
  const data = eventData(event, 'the delayed event');
  by.say({
    kind: 'schedule',
    ...(id === undefined ? {} : { id: timerId(id, by.path) }),
    ...(by.path.length === 0 ? {} : { within: within(by.path) }),
    delayMs: Math.max(0, delay),
    event: to.length === 0 ? data : { type: toChild, to: addressOf(to), event: data },
  });
}

function timerId(id: string, path: Path): string {
  return path.length === 0 && !id.startsWith('>') ? id : addressOf([...path, id]);
}

function custom({ type, info, params, exec }: Captured): Effect {
  if (exec === undefined)
    throw new Error(`action '${type}' has no implementation; give it in setup({ actions }) or with machine.provide`);
  const said = sayOf(exec)?.(info, params);
  if (said === undefined) return { kind: 'action', type, params, run: () => exec(info as never, params) };
  switch (said.kind) {
    case 'reply': {
      const value = json(said.value ?? null, 'the reply');
      if (!('to' in said)) return { kind: 'reply', value };
      return { kind: 'reply', value, to: typeof said.to === 'string' ? said.to : '' };
    }
    case 'publish':
      return { kind: 'publish', type: said.type, data: json(said.data ?? null, `the data of '${said.type}'`) };
    case 'watch': {
      const { type: toType, key } = said.to;
      return { kind: 'watch', to: { type: toType, key: keyOf(key, `watch('${toType}', …)`) }, on: said.on };
    }
    case 'tell': {
      const toType = said.to.type;
      const key = keyOf(said.to.key, `tell('${toType}', …)`);
      const event = eventData(said.event, `the event told to '${toType}:${key}'`);
      if (isReservedEventType(event.type))
        throw new Error(`'${event.type}' is XState's own and cannot be told to '${toType}:${key}'`);
      return { kind: 'tell', to: { type: toType, key }, event };
    }
  }
}

function keyOf(key: unknown, what: string): string {
  if (typeof key !== 'string' || key === '') throw new Error(`${what}: its key is ${JSON.stringify(key)}, not a text`);
  return key;
}

/** The invoke behind an actor that XState made for it and that is never started. */
export function asInvoke(child: AnyActorRef, work: Work, path: Path): InvokeEffect {
  const { input } = child.getSnapshot() as { input?: unknown };
  return {
    kind: 'invoke',
    id: addressOf([...path, child.id]),
    src: work.src,
    ...(input === undefined ? {} : { input: json(input, `the input of '${child.id}'`) }),
    ...(wantsSnapshots(child) ? { snapshots: true } : {}),
  };
}

/** Whether the parent is told of every snapshot (`onSnapshot`). */
export function wantsSnapshots(child: AnyActorRef): boolean {
  return (child as { _syncSnapshot?: boolean })._syncSnapshot === true;
}

export function eventData(event: unknown, what: string): EventData {
  if (typeName(event) === undefined) throw new Error(`${what} has no type`);
  return json(event, what) as EventData;
}

function typeName(event: unknown): string | undefined {
  const type = (event as { type?: unknown } | null | undefined)?.type;
  return typeof type === 'string' ? type : undefined;
}

function json(value: unknown, what: string): Json {
  return asJson(value, 'value', (message) => new TypeError(`${what} must be JSON: ${message}`));
}
