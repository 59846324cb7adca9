// The stored form of a snapshot. It is ours, not XState's own, whose form has changed between its
// minors; what is as usual is left out.
import {
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type PromiseActorLogic,
  type StateValue,
} from 'xstate';
import type { Json } from './json.ts';
import { asJson, findNonJson } from './json-check.ts';
import { MachineFailed, type MachineStatus } from './machine-driver.ts';
import type { InvokedLogics } from './machine-driver.xstate5-definition.ts';
import { asInvoke } from './machine-driver.xstate5-effects.ts';

interface Stored {
  readonly value: StateValue;
  readonly context: { readonly [key: string]: Json };
  /** `active` when left out. */
  readonly status?: MachineStatus;
  readonly output?: Json;
  readonly error?: Json;
  /** By history node: the states it remembers, by id. */
  readonly history?: { readonly [id: string]: readonly string[] };
  readonly invokes?: readonly { readonly id: string; readonly src: string; readonly input?: Json }[];
}

export function toStored(snapshot: AnyMachineSnapshot): Json {
  const refuse = (message: string): Error =>
    new MachineFailed('persist', `${message}; what an actor keeps must be JSON`);
  const { status, output, error } = snapshot;
  const history = Object.entries(snapshot.historyValue as Record<string, readonly { readonly id: string }[]>);
  const children = Object.values(snapshot.children as Record<string, AnyActorRef>);
  return {
    value: asJson(snapshot.value, 'value', refuse),
    context: asJson(snapshot.context, 'context', refuse),
    ...(status === 'active' ? {} : { status }),
    ...(output === undefined ? {} : { output: asJson(output, 'output', refuse) }),
    ...(error === undefined ? {} : { error: errorData(error) }),
    ...(history.length === 0
      ? {}
      : { history: Object.fromEntries(history.map(([id, nodes]) => [id, nodes.map((node) => node.id)])) }),
    ...(children.length === 0 ? {} : { invokes: children.map((child) => invokeData(child)) }),
  };
}

/** Where a stored snapshot is taken up again. */
export interface Restoring {
  readonly machine: AnyStateMachine;
  readonly logics: InvokedLogics;
  /** The parent that XState wants for the actors behind invokes. */
  readonly parent: AnyActorRef;
}

export function fromStored(json: Json, { machine, logics, parent }: Restoring): AnyMachineSnapshot {
  try {
    const { value, context, status = 'active', output, error, history = {}, invokes = [] } = asStored(json);
    // Ids back to the nodes they name; one that is gone throws.
    const historyValue = Object.fromEntries(
      Object.entries(history).map(([id, nodes]) => [id, nodes.map((node) => machine.getStateNodeById(node))]),
    );
    const resolved: AnyMachineSnapshot = machine.resolveState({ value, context, status, output, error, historyValue });
    // XState fills up a state that has gained substates, without their entry actions.
    if (!sameJson(resolved.value, value))
      throw new Error(`state ${JSON.stringify(value)} has become ${JSON.stringify(resolved.value)}`);
    const children = Object.fromEntries(
      invokes.map(({ id, src, input }) => {
        const logic = logics.get(src);
        if (logic === undefined) throw new Error(`it waits for '${id}', and invokes nothing named '${src}'`);
        return [id, createActor(logic as PromiseActorLogic<unknown, unknown>, { id, src, input, parent })];
      }),
    );
    return { ...resolved, status, children } as AnyMachineSnapshot;
  } catch (cause) {
    const message = `machine '${machine.id}' cannot take up the stored state; give its actor type a new version and a migration`;
    throw new MachineFailed('restore', message, cause);
  }
}

/** An error as data: machines of any node may read it, whatever class it had. */
export function errorData(error: unknown): Json {
  if (error instanceof Error) {
    const { code } = error as { code?: unknown };
    return { name: error.name, message: error.message, ...(typeof code === 'string' ? { code } : {}) };
  }
  return error === undefined || findNonJson(error, 'error') !== undefined
    ? { name: 'Error', message: String(error) }
    : (error as Json);
}

function invokeData(child: AnyActorRef): Json {
  const { id, src, input } = asInvoke(child);
  return input === undefined ? { id, src } : { id, src, input };
}

function asStored(json: Json): Stored {
  const stored = json as Partial<Stored> | null;
  if (
    typeof stored !== 'object' ||
    stored === null ||
    stored.value === undefined ||
    typeof stored.context !== 'object'
  ) {
    throw new TypeError('what is stored is not a snapshot of a machine');
  }
  return stored as Stored;
}

function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => sameJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
}
