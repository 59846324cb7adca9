// The stored form of a snapshot. It is ours, not XState's own, whose form has changed between its
// minors; what is as usual is left out.
import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, StateValue } from 'xstate';
import type { Json } from './json.ts';
import { asJson, findNonJson } from './json-check.ts';
import { MachineFailed, type MachineStatus } from './machine-driver.ts';
import { type ChildLogic, type Definition, isWork } from './machine-driver.xstate5-definition.ts';
import { wantsSnapshots } from './machine-driver.xstate5-effects.ts';
import { type StoredRef, withoutRefs, withRefs } from './machine-driver.xstate5-refs.ts';

export interface Stored {
  readonly value: StateValue;
  readonly context: { readonly [key: string]: Json };
  /** `active` when left out. */
  readonly status?: MachineStatus;
  readonly output?: Json;
  readonly error?: Json;
  /** By history node: the states it remembers, by id. */
  readonly history?: { readonly [id: string]: readonly string[] };
  /** Work under way. */
  readonly invokes?: readonly StoredChild[];
  /** What lives in the record with it, and what has ended and was not let go of yet. */
  readonly children?: readonly StoredChild[];
}

export interface StoredChild {
  readonly id: string;
  readonly src: string;
  readonly systemId?: string;
  readonly input?: Json;
  readonly snapshots?: true;
  /** Of a machine. */
  readonly state?: Stored;
  /** Of a transition function. */
  readonly context?: Json;
  readonly ended?: { readonly status: MachineStatus; readonly output?: Json; readonly error?: Json };
}

/** `within` names the child whose snapshot it is, for messages. */
export function toStored(snapshot: AnyMachineSnapshot, definition: Definition, within = ''): Stored {
  const refuse = (message: string): Error =>
    new MachineFailed('persist', `${message}; what an actor keeps must be JSON`);
  const { status, output, error } = snapshot;
  const history = Object.entries(snapshot.historyValue as Record<string, readonly { readonly id: string }[]>);
  // Nothing below a machine that has ended is under way, whatever XState still lists.
  const refs = status === 'active' ? Object.values(snapshot.children as Record<string, AnyActorRef>) : [];
  const context: unknown =
    definition.children.size === 0
      ? snapshot.context
      : withoutRefs(snapshot.context, (ref, path) => storedRef(ref, snapshot, `${within}${path}`));
  const invokes: StoredChild[] = [];
  const children: StoredChild[] = [];
  for (const ref of refs) {
    const logic = typeof ref.src === 'string' ? definition.children.get(ref.src) : undefined;
    if (logic === undefined) continue;
    const stored = storedChild(ref, logic, within);
    if (isWork(logic) && stored.ended === undefined) invokes.push(stored);
    else children.push(stored);
  }
  return {
    value: asJson(snapshot.value, 'value', refuse) as StateValue,
    context: asJson(context, `${within}context`, refuse) as Stored['context'],
    ...(status === 'active' ? {} : { status }),
    ...(output === undefined ? {} : { output: asJson(output, `${within}output`, refuse) }),
    ...(error === undefined ? {} : { error: errorData(error) }),
    ...(history.length === 0
      ? {}
      : { history: Object.fromEntries(history.map(([id, nodes]) => [id, nodes.map((node) => node.id)])) }),
    ...(invokes.length === 0 ? {} : { invokes }),
    ...(children.length === 0 ? {} : { children }),
  };
}

/** Where a stored snapshot is taken up again. */
export interface Restoring {
  readonly machine: AnyStateMachine;
  readonly definition: Definition;
  /** A child as XState knows one. */
  child(stored: StoredChild, logic: ChildLogic): AnyActorRef;
  /** A reference to what is no child any more. */
  gone?(stored: StoredRef): AnyActorRef;
}

export function fromStored(json: Json | Stored, restoring: Restoring): AnyMachineSnapshot {
  const { machine, definition } = restoring;
  try {
    const stored = asStored(json);
    const { value, status = 'active', output, error, history = {}, invokes = [], children = [] } = stored;
    // Ids back to the nodes they name; one that is gone throws.
    const historyValue = Object.fromEntries(
      Object.entries(history).map(([id, nodes]) => [id, nodes.map((node) => machine.getStateNodeById(node))]),
    );
    const refs: Record<string, AnyActorRef> = {};
    for (const child of [...invokes, ...children]) {
      const logic = definition.children.get(child.src);
      if (logic === undefined) throw new Error(`it waits for '${child.id}', and invokes nothing named '${child.src}'`);
      refs[child.id] = restoring.child(child, logic);
    }
    const { gone } = restoring;
    const context: unknown =
      gone === undefined
        ? stored.context
        : withRefs(stored.context, (ref) => (ref.ended === undefined ? refs[ref.id] : undefined) ?? gone(ref));
    const resolved: AnyMachineSnapshot = machine.resolveState({ value, context, status, output, error, historyValue });
    // XState fills up a state that has gained substates, without their entry actions.
    if (!sameJson(resolved.value, value))
      throw new Error(`state ${JSON.stringify(value)} has become ${JSON.stringify(resolved.value)}`);
    return { ...resolved, status, children: refs } as AnyMachineSnapshot;
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

function storedChild(ref: AnyActorRef, logic: ChildLogic, within: string): StoredChild {
  const { id } = ref;
  const path = `${within}children.${id}.`;
  const refuse = (message: string): Error =>
    new MachineFailed('persist', `${message}; what an actor keeps must be JSON`);
  const snapshot = ref.getSnapshot() as {
    readonly status: MachineStatus;
    readonly input?: unknown;
    readonly context?: unknown;
    readonly output?: unknown;
    readonly error?: unknown;
  };
  const { systemId } = ref as { systemId?: string };
  const named = {
    id,
    src: ref.src as string,
    ...(systemId === undefined ? {} : { systemId }),
    ...(wantsSnapshots(ref) ? { snapshots: true as const } : {}),
  };
  const { status, output, error } = snapshot;
  // A machine's last snapshot may still be read, through a reference in a context.
  if (status !== 'active' && logic.kind !== 'machine') {
    const ended = {
      status,
      ...(output === undefined ? {} : { output: asJson(output, `${path}output`, refuse) }),
      ...(error === undefined ? {} : { error: errorData(error) }),
    };
    return { ...named, ended };
  }
  switch (logic.kind) {
    case 'machine':
      return { ...named, state: toStored(snapshot as AnyMachineSnapshot, logic.definition, path) };
    case 'transition':
      return { ...named, context: asJson(snapshot.context ?? null, `${path}context`, refuse) };
    default: {
      const { input } = snapshot;
      return input === undefined ? named : { ...named, input: asJson(input, `${path}input`, refuse) };
    }
  }
}

function storedRef(ref: AnyActorRef, { children }: AnyMachineSnapshot, path: string): StoredRef {
  const { id } = ref;
  if ((children as Record<string, AnyActorRef>)[id] === ref) return { xstate$$type: 1, id };
  const { status, output } = ref.getSnapshot() as { status: MachineStatus; output?: unknown };
  if (status === 'active')
    throw new MachineFailed(
      'persist',
      `${path} is a reference to an actor that is no child of this machine; keep its id, or the type and key of an actor`,
    );
  const refuse = (message: string): Error => new MachineFailed('persist', message);
  const ended = { status, ...(output === undefined ? {} : { output: asJson(output, `${path}.output`, refuse) }) };
  return { xstate$$type: 1, id, ended };
}

function asStored(json: Json | Stored): Stored {
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
