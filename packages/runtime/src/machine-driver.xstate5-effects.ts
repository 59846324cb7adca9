// What XState would execute in a step, as effects; what cannot be one fails the step.
import type { AnyActorRef } from 'xstate';
import { type Effect, type EventData, type InvokeEffect, sayOf } from './effect.ts';
import type { Json } from './json.ts';
import { asJson } from './json-check.ts';
import { isReservedEventType } from './machine-driver.ts';
import type { InvokedLogics } from './machine-driver.xstate5-definition.ts';

/** What XState hands to an actor's `actionExecutor`. */
export interface Captured {
  readonly type: string;
  readonly info: { readonly context: unknown; readonly event: unknown };
  readonly params: unknown;
  readonly exec: ((info: never, params: unknown) => void) | undefined;
}

/** The step that captures. */
export interface Capturing {
  /** What stands for the actor itself in sends. */
  readonly self: unknown;
  readonly logics: InvokedLogics;
  /** Takes an event the machine sends to itself at once. */
  readonly toSelf: (event: EventData) => void;
}

interface Timed {
  readonly event: unknown;
  readonly id: string | undefined;
  readonly delay: unknown;
}

interface Sent extends Timed {
  readonly to: unknown;
  readonly targetId?: string;
}

/** The effect of an action; `undefined` for what is complete within the step. */
export function effectOf(action: Captured, step: Capturing): Effect | undefined {
  switch (action.type) {
    case 'xstate.raise':
      return raised(action.params as Timed);
    case 'xstate.sendTo':
      return sent(action.params as Sent, step);
    case 'xstate.cancel':
      return { kind: 'cancel', id: (action.params as { sendId: string }).sendId };
    case 'xstate.emit':
      return { kind: 'emit', event: eventData((action.params as { event: unknown }).event, 'the emitted event') };
    case 'xstate.spawnChild':
      return invoked((action.params as { actorRef: AnyActorRef | undefined }).actorRef, step);
    case 'xstate.stopChild':
      return action.params === undefined ? undefined : { kind: 'stop', id: (action.params as AnyActorRef).id };
    case 'xstate.log':
      return { kind: 'log', ...(action.params as { value: unknown; label?: string }) };
    default:
      return custom(action);
  }
}

function raised({ event, id, delay }: Timed): Effect | undefined {
  if (typeof delay === 'number') return schedule(event, id, delay);
  // XState raises at once what has no delay; an `after` without one means that its delay is broken.
  if (typeName(event)?.startsWith('xstate.after.')) {
    throw new Error(`the delay of '${String(id)}' is ${String(delay)}, not a number of milliseconds`);
  }
  return undefined;
}

function sent({ to, targetId, event, id, delay }: Sent, step: Capturing): Effect | undefined {
  if (to !== step.self) {
    throw new Error(
      `sendTo reaches only the machine itself here, not '${targetId ?? 'another actor'}'; use tell(Type, key, event)`,
    );
  }
  if (typeof delay === 'number') return schedule(event, id, delay);
  step.toSelf(eventData(event, 'the event sent to itself'));
  return undefined;
}

function invoked(child: AnyActorRef | undefined, step: Capturing): InvokeEffect {
  if (child === undefined || typeof child.src !== 'string' || !step.logics.has(child.src)) {
    throw new Error(
      `what is spawned as '${child?.id ?? 'unknown'}' is no promise named in setup({ actors }); only such work can be taken up again after a crash`,
    );
  }
  return asInvoke(child);
}

function custom({ type, info, params, exec }: Captured): Effect {
  if (exec === undefined)
    throw new Error(`action '${type}' has no implementation; give it in setup({ actions }) or with machine.provide`);
  const said = sayOf(exec)?.(info, params);
  if (said === undefined) return { kind: 'action', type, params, run: () => exec(info as never, params) };
  switch (said.kind) {
    case 'reply':
      return { kind: 'reply', value: json(said.value ?? null, 'the reply') };
    case 'publish':
      return { kind: 'publish', type: said.type, data: json(said.data ?? null, `the data of '${said.type}'`) };
    case 'tell': {
      const { type: toType, key } = said.to;
      if (typeof key !== 'string' || key === '')
        throw new Error(`tell('${toType}', …): its key is ${JSON.stringify(key)}, not a text`);
      const event = eventData(said.event, `the event told to '${toType}:${key}'`);
      if (isReservedEventType(event.type))
        throw new Error(`'${event.type}' is XState's own and cannot be told to '${toType}:${key}'`);
      return { kind: 'tell', to: { type: toType, key }, event };
    }
  }
}

function schedule(event: unknown, id: string | undefined, delay: number): Effect {
  if (!Number.isFinite(delay))
    throw new Error(`the delay of '${id ?? String(typeName(event))}' is ${delay}, not a number of milliseconds`);
  const timed = {
    kind: 'schedule',
    delayMs: Math.max(0, delay),
    event: eventData(event, 'the delayed event'),
  } as const;
  return id === undefined ? timed : { ...timed, id };
}

/** The invoke behind an actor that XState made for it and that is never started. */
export function asInvoke(child: AnyActorRef): InvokeEffect {
  const { input } = child.getSnapshot() as { input?: unknown };
  const named = { kind: 'invoke', id: child.id, src: child.src as string } as const;
  return input === undefined ? named : { ...named, input: json(input, `the input of '${child.id}'`) };
}

function eventData(event: unknown, what: string): EventData {
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
