// Reads a machine's definition once, when its driver is made: which logic stands behind each invoke,
// and everything in it that the driver could not honour, each with its fix (MD9).
import { type AnyStateMachine, StateMachine, type StateNode } from 'xstate';
import { durableWorkOf } from './durable.ts';

/** What is invoked: the promise logics by the name under which snapshots remember them. */
export type InvokedLogics = ReadonlyMap<string, object>;

/** The parts of XState's action and guard functions that their creators leave on them. */
interface Built {
  readonly type?: unknown;
  readonly delay?: unknown;
  readonly to?: unknown;
  readonly src?: unknown;
  readonly id?: unknown;
  readonly guards?: readonly unknown[];
}

interface Definition {
  readonly machine: AnyStateMachine;
  readonly logics: Map<string, object>;
  readonly problems: Set<string>;
}

/** Every problem of the machine at once, and what it invokes. */
export function readDefinition(machine: AnyStateMachine): {
  readonly logics: InvokedLogics;
  readonly problems: readonly string[];
} {
  const definition: Definition = { machine, logics: new Map(), problems: new Set() };
  for (const [src, logic] of Object.entries(machine.implementations.actors)) {
    if (kindOfLogic(logic) === 'promise') definition.logics.set(src, logic);
  }
  for (const action of Object.values(machine.implementations.actions)) readAction(definition, action, 'setup');
  readNode(definition, machine.root);
  return { logics: definition.logics, problems: [...definition.problems] };
}

function readNode(definition: Definition, node: StateNode): void {
  const where = `state '${node.id}'`;
  for (const action of [...node.entry, ...node.exit, ...(node.type === 'compound' ? node.initial.actions : [])])
    readAction(definition, action, where);
  for (const transition of [...[...node.transitions.values()].flat(), ...(node.always ?? [])]) {
    for (const action of transition.actions) readAction(definition, action, where);
    if (transition.guard !== undefined) readGuard(definition, transition.guard, where);
  }
  for (const [index, invoke] of node.invoke.entries()) readInvoke(definition, node, invoke, index);
  for (const child of Object.values(node.states)) readNode(definition, child);
}

function readAction({ machine, logics, problems }: Definition, action: unknown, where: string): void {
  const name = nameOf(action);
  if (name !== undefined) {
    if (machine.implementations.actions[name] === undefined)
      problems.add(
        `${where}: action '${name}' has no implementation; give it in setup({ actions }) or with machine.provide`,
      );
    return;
  }
  const { type, delay, to, src, id } = action as Built;
  if (typeof delay === 'string' && machine.implementations.delays[delay] === undefined) {
    problems.add(
      `${where}: delay '${delay}' has no implementation; give it in setup({ delays }), else XState would not wait at all`,
    );
  }
  if (type === 'xstate.sendTo' && to === '#_parent')
    problems.add(`${where}: sendParent has nobody to send to; use tell(Type, key, event) or reply(value)`);
  if (type !== 'xstate.spawnChild') return;
  if (id === undefined)
    problems.add(`${where}: spawnChild needs an id, so that its result can be told from others; give it { id }`);
  if (typeof src !== 'string')
    problems.add(`${where}: spawnChild of an inline logic cannot be stored; name it in setup({ actors })`);
  else if (!logics.has(src))
    problems.add(`${where}: spawnChild of '${src}': ${logicProblem(machine.implementations.actors[src])}`);
}

function readGuard(definition: Definition, guard: unknown, where: string): void {
  const name = nameOf(guard);
  if (name !== undefined) {
    if (definition.machine.implementations.guards[name] === undefined)
      definition.problems.add(
        `${where}: guard '${name}' has no implementation; give it in setup({ guards }) or with machine.provide`,
      );
    return;
  }
  for (const inner of (guard as Built).guards ?? []) readGuard(definition, inner, where);
}

function readInvoke(
  { machine, logics, problems }: Definition,
  node: StateNode,
  invoke: StateNode['invoke'][number],
  index: number,
): void {
  const where = `state '${node.id}', invoke '${invoke.id}'`;
  if (invoke.systemId !== undefined) problems.add(`${where}: systemId is not known across nodes; leave it out`);
  if (invoke.onSnapshot !== undefined)
    problems.add(`${where}: onSnapshot is not available; a promise has no snapshots worth waiting for, use onDone`);
  // XState names inline logics too; the type of `src` does not say so.
  const src = String(invoke.src);
  const logic = invokedLogic(machine, node, src, index);
  if (kindOfLogic(logic) === 'promise') logics.set(src, logic as object);
  else problems.add(`${where}: ${logicProblem(logic)}`);
}

/** An inline logic is known only to the configuration it was written in. */
function invokedLogic(machine: AnyStateMachine, node: StateNode, src: string, index: number): unknown {
  const configured: unknown = [(node.config as { invoke?: unknown }).invoke].flat()[index];
  const written = (configured as { src?: unknown } | undefined)?.src;
  return typeof written === 'object' ? written : machine.implementations.actors[src];
}

type LogicKind = 'promise' | 'machine' | 'other' | 'none';

/**
 * XState does not mark its logics, but a promise is the only one that a resolution ends. The probe
 * runs nothing of the author's: a promise's own function runs only when an actor is started, while
 * that of `fromTransition` may throw at being asked, which also says that it is none.
 */
function kindOfLogic(logic: unknown): LogicKind {
  if (typeof logic !== 'object' || logic === null) return 'none';
  if (logic instanceof StateMachine) return 'machine';
  if (durableWorkOf(logic) !== undefined) return 'promise';
  const { transition, initialTransition } = logic as { transition?: unknown; initialTransition?: unknown };
  if (typeof transition !== 'function' || initialTransition !== undefined) return 'other';
  try {
    const resolved: unknown = transition(
      { status: 'active', input: undefined },
      { type: 'xstate.promise.resolve', data: probe },
      { self: {}, system: {} },
    );
    const { status, output } = resolved as { status?: unknown; output?: unknown };
    return status === 'done' && output === probe ? 'promise' : 'other';
  } catch {
    return 'other';
  }
}

const probe = Object.freeze({});

function logicProblem(logic: unknown): string {
  switch (kindOfLogic(logic)) {
    case 'none':
      return 'its logic has no implementation; give it in setup({ actors }) or with machine.provide';
    case 'machine':
      return 'child machines are not available yet; make it an actor type of its own and use tell(Type, key, event)';
    default:
      return 'only promises can be invoked (callbacks, observables and transition functions cannot be taken up again after a crash); use durable(name, work) or fromPromise';
  }
}

/** The name of an action or guard that is given by name; `undefined` for one given as a function. */
function nameOf(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  if (typeof given !== 'object' || given === null) return undefined;
  const { type } = given as { type?: unknown };
  return typeof type === 'string' ? type : undefined;
}
