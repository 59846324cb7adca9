// Reads a machine's definition once, when its driver is made: which logic stands behind each child,
// and everything in it that the driver could not honour, each with its fix (MD9).
import { type AnyActorLogic, type AnyStateMachine, StateMachine, type StateNode } from 'xstate';
import { durableWorkOf } from './durable.ts';
import type { Finding } from './finding.ts';
import { addressOf, type Path } from './machine-driver.xstate5-address.ts';
import { remoteAskOf } from './remote-ask.ts';

/** Work outside of the record: started after the commit, and again by the next owner. */
export interface Work {
  readonly kind: 'promise' | 'callback' | 'observable' | 'event-observable';
  readonly logic: AnyActorLogic;
  /** The name it has in `InvokeEffect.src`; differs from its own where machines are nested. */
  readonly src: string;
}

/** What lives in the record and is stepped with it. */
type Inner =
  | { readonly kind: 'machine'; readonly definition: Definition }
  | { readonly kind: 'transition'; readonly logic: AnyActorLogic };

export type ChildLogic = Work | Inner;

/** One machine of an actor type: the actor's own, or one below it. */
export interface Definition {
  readonly machine: AnyStateMachine;
  /** By the name under which the machine's snapshots remember them. */
  readonly children: ReadonlyMap<string, ChildLogic>;
}

export interface Reading {
  readonly definition: Definition;
  /** All work of the type, of nested machines too, by `Work.src`. */
  readonly works: ReadonlyMap<string, Work>;
  /** Whether promises are all that can ever be below the actor's machine, as far as its definition tells. */
  readonly promisesOnly: boolean;
  readonly findings: readonly Finding[];
}

/** The parts of XState's action and guard functions that their creators leave on them. */
interface Built {
  readonly type?: unknown;
  readonly delay?: unknown;
  readonly to?: unknown;
  readonly src?: unknown;
  readonly id?: unknown;
  readonly guards?: readonly unknown[];
}

/** Every problem of the machine, and of those below it, at once. */
export function readDefinition(machine: AnyStateMachine): Reading {
  const reader = new Reader();
  const definition = reader.read(machine, []);
  return {
    definition,
    works: reader.works,
    promisesOnly: reader.promisesOnly,
    findings: [...reader.findings.values()],
  };
}

export function isWork(logic: ChildLogic): logic is Work {
  return logic.kind !== 'machine' && logic.kind !== 'transition';
}

class Reader {
  readonly works = new Map<string, Work>();
  readonly findings = new Map<string, Finding>();
  promisesOnly = true;
  /** A machine may be below itself. */
  readonly #read = new Map<AnyStateMachine, Definition>();

  read(machine: AnyStateMachine, path: Path): Definition {
    const known = this.#read.get(machine);
    if (known !== undefined) return known;
    const children = new Map<string, ChildLogic>();
    const definition: Definition = { machine, children };
    this.#read.set(machine, definition);
    for (const [src, logic] of Object.entries(machine.implementations.actors as Record<string, unknown>)) {
      const child = this.#child(logic, [...path, src]);
      if (child !== undefined) children.set(src, child);
    }
    new MachineReader(this, machine, children, path).read();
    return definition;
  }

  /** The child behind a logic that has a name, or that is written where it is invoked. */
  work(logic: unknown, path: Path): Work | undefined {
    const kind = kindOfLogic(logic);
    if (kind === 'none' || kind === 'other' || kind === 'machine' || kind === 'transition') return undefined;
    if (kind !== 'promise') this.promisesOnly = false;
    const work: Work = { kind, logic: logic as AnyActorLogic, src: addressOf(path) };
    this.works.set(work.src, work);
    return work;
  }

  refuse(where: string, problem: string, fix: string): void {
    this.findings.set(`${where}: ${problem}`, { rule: 'cannot-run', level: 'error', where, problem, fix });
  }

  #child(logic: unknown, path: Path): ChildLogic | undefined {
    switch (kindOfLogic(logic)) {
      case 'machine':
        this.promisesOnly = false;
        return { kind: 'machine', definition: this.read(logic as AnyStateMachine, path) };
      case 'transition':
        this.promisesOnly = false;
        return { kind: 'transition', logic: logic as AnyActorLogic };
      default:
        return this.work(logic, path);
    }
  }
}

class MachineReader {
  readonly #reader: Reader;
  readonly #machine: AnyStateMachine;
  readonly #children: Map<string, ChildLogic>;
  readonly #path: Path;

  constructor(reader: Reader, machine: AnyStateMachine, children: Map<string, ChildLogic>, path: Path) {
    this.#reader = reader;
    this.#machine = machine;
    this.#children = children;
    this.#path = path;
  }

  read(): void {
    for (const action of Object.values(this.#machine.implementations.actions)) this.#action(action, 'setup');
    this.#node(this.#machine.root);
  }

  #node(node: StateNode): void {
    const where = `state '${node.id}'`;
    for (const action of [...node.entry, ...node.exit, ...(node.type === 'compound' ? node.initial.actions : [])])
      this.#action(action, where);
    for (const transition of [...[...node.transitions.values()].flat(), ...(node.always ?? [])]) {
      for (const action of transition.actions) this.#action(action, where);
      if (transition.guard !== undefined) this.#guard(transition.guard, where);
    }
    for (const [index, invoke] of node.invoke.entries()) this.#invoke(node, invoke, index);
    for (const child of Object.values(node.states)) this.#node(child);
  }

  #action(action: unknown, where: string): void {
    const name = nameOf(action);
    if (name !== undefined) {
      if (this.#machine.implementations.actions[name] === undefined)
        this.#refuse(
          where,
          `action '${name}' has no implementation`,
          'give it in setup({ actions }) or with machine.provide',
        );
      return;
    }
    const { type, delay, to, src, id } = action as Built;
    if (typeof delay === 'string' && this.#machine.implementations.delays[delay] === undefined)
      this.#refuse(
        where,
        `delay '${delay}' has no implementation`,
        'give it in setup({ delays }), else XState would not wait at all',
      );
    if (type === 'xstate.sendTo' && to === '#_parent' && this.#path.length === 0)
      this.#refuse(where, 'sendParent has nobody to send to', 'use tell(Type, key, event) or reply(value)');
    if (type !== 'xstate.spawnChild') return;
    if (id === undefined)
      this.#refuse(where, 'spawnChild needs an id, so that its result can be told from others', 'give it { id }');
    if (typeof src !== 'string')
      this.#refuse(where, 'spawnChild of an inline logic cannot be stored', 'name it in setup({ actors })');
    else if (!this.#children.has(src))
      this.#refuseLogic(`${where}: spawnChild of '${src}'`, this.#machine.implementations.actors[src]);
  }

  #guard(guard: unknown, where: string): void {
    const name = nameOf(guard);
    if (name !== undefined) {
      if (this.#machine.implementations.guards[name] === undefined)
        this.#refuse(
          where,
          `guard '${name}' has no implementation`,
          'give it in setup({ guards }) or with machine.provide',
        );
      return;
    }
    for (const inner of (guard as Built).guards ?? []) this.#guard(inner, where);
  }

  #invoke(node: StateNode, invoke: StateNode['invoke'][number], index: number): void {
    const where = `state '${node.id}', invoke '${invoke.id}'`;
    // XState names inline logics too; the type of `src` does not say so.
    const src = String(invoke.src);
    const written = writtenAt(node, index);
    const inline = typeof written === 'object' ? this.#reader.work(written, [...this.#path, src]) : undefined;
    if (inline !== undefined) this.#children.set(src, inline);
    const child = this.#children.get(src);
    if (child === undefined) this.#refuseLogic(where, written ?? this.#machine.implementations.actors[src]);
    else if (invoke.onSnapshot !== undefined && (child.kind === 'promise' || child.kind === 'callback'))
      this.#refuse(
        where,
        `onSnapshot is not available for a ${child.kind}, which has no snapshots worth waiting for`,
        child.kind === 'promise' ? 'use onDone' : 'let it send events',
      );
    if (invoke.systemId !== undefined) this.#reader.promisesOnly = false;
  }

  #refuseLogic(where: string, logic: unknown): void {
    const kind = kindOfLogic(logic);
    if (kind === 'none')
      this.#refuse(where, 'its logic has no implementation', 'give it in setup({ actors }) or with machine.provide');
    else if (kind === 'machine' || kind === 'transition')
      this.#refuse(
        where,
        'a child that lives in the record needs a name to be restored by',
        'name it in setup({ actors })',
      );
    else
      this.#refuse(
        where,
        'its logic is none of XState',
        'use fromPromise, durable(name, work), fromCallback, fromObservable, fromTransition or a machine',
      );
  }

  #refuse(where: string, problem: string, fix: string): void {
    this.#reader.refuse(this.#path.length === 0 ? where : `child '${this.#path.join('/')}', ${where}`, problem, fix);
  }
}

/** An inline logic is known only to the configuration it was written in. */
function writtenAt(node: StateNode, index: number): unknown {
  const configured: unknown = [(node.config as { invoke?: unknown }).invoke].flat()[index];
  return (configured as { src?: unknown } | undefined)?.src;
}

type LogicKind = Work['kind'] | 'machine' | 'transition' | 'other' | 'none';

interface Probed {
  readonly status?: unknown;
  readonly output?: unknown;
  readonly context?: unknown;
}

/**
 * XState does not mark its logics, so they are told apart by what they answer to the events that
 * XState itself feeds them. The probes run nothing of the author's: what is started only when an
 * actor is started is never started, and a function given to `fromTransition`, which has no `start`,
 * is not called.
 */
function kindOfLogic(logic: unknown): LogicKind {
  if (typeof logic !== 'object' || logic === null) return 'none';
  if (logic instanceof StateMachine) return 'machine';
  if (durableWorkOf(logic) !== undefined || remoteAskOf(logic) !== undefined) return 'promise';
  const { transition, start, config, initialTransition } = logic as Partial<Record<string, unknown>>;
  if (typeof transition !== 'function' || typeof config !== 'function' || initialTransition !== undefined)
    return 'other';
  if (start === undefined) return 'transition';
  const answer = (type: string): Probed | undefined => probe(transition, type);
  const resolved = answer('xstate.promise.resolve');
  if (resolved?.status === 'done' && resolved.output === probed) return 'promise';
  if (answer('xstate.observable.complete')?.status === 'done')
    return answer('xstate.observable.next')?.context === probed ? 'observable' : 'event-observable';
  return resolved === undefined ? 'callback' : 'other';
}

const probed = Object.freeze({});

function probe(transition: object, type: string): Probed | undefined {
  try {
    const answer: unknown = (transition as (...given: unknown[]) => unknown)(
      { status: 'active', input: undefined },
      { type, data: probed },
      { self: {}, system: {} },
    );
    return answer as Probed;
  } catch {
    return undefined;
  }
}

/** The name of an action or guard that is given by name; `undefined` for one given as a function. */
function nameOf(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  if (typeof given !== 'object' || given === null) return undefined;
  const { type } = given as { type?: unknown };
  return typeof type === 'string' ? type : undefined;
}
