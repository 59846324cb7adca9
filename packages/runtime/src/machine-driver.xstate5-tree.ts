// A machine with others below it
//
// Machines that a machine invokes or spawns live in its record: they are part of its snapshot and
// are stepped in its step, so that what one sends to another is in the same commit. This file does
// what XState's live actors would do between them: it keeps a queue per machine while it is being
// stepped, hands each event over once its sender has finished its transition, and tells a parent how
// its child ended. Work (promises, callbacks, observables) is an effect, as everywhere.
//
//   CT1  What is between two steps is a value: a step reads one and makes another, and a step that
//        throws has made none. Only the references to children are the same objects throughout,
//        since a machine may keep one in its context.
//   CT2  The references, and what XState makes for them, belong to one `Tree`: one per activation,
//        gone with it.
import { assert } from '@devmentor/locks';
import {
  type AnyActorLogic,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  fromTransition,
} from 'xstate';
import type { InvokeEffect } from './effect.ts';
import type { MachineSnapshot, Member } from './machine-driver.ts';
import { addressOf, type Path, within } from './machine-driver.xstate5-address.ts';
import {
  type Cell,
  type Cells,
  type Event,
  endEvent,
  findRef,
  lastSeen,
  Run,
  snapshotEvent,
} from './machine-driver.xstate5-cells.ts';
import { type ChildLogic, type Definition, isWork } from './machine-driver.xstate5-definition.ts';
import {
  type Acting,
  asInvoke,
  type Captured,
  eventData,
  perform,
  wantsSnapshots,
} from './machine-driver.xstate5-effects.ts';
import type { StoredRef } from './machine-driver.xstate5-refs.ts';
import { type Microsteps, refuseSelf, type Scope, slim } from './machine-driver.xstate5-scope.ts';
import { fromStored, type Stored, type StoredChild, toStored } from './machine-driver.xstate5-stored.ts';
import { type Kinds, type TreeHost, TreeSystem } from './machine-driver.xstate5-system.ts';

/** The state of a whole tree, between steps. */
export class TreeSnapshot implements MachineSnapshot {
  readonly tree: Tree;
  readonly cells: Cells;
  readonly root: AnyMachineSnapshot;

  constructor(tree: Tree, cells: Cells, root: AnyMachineSnapshot) {
    this.tree = tree;
    this.cells = cells;
    this.root = root;
  }

  get status(): MachineSnapshot['status'] {
    return this.root.status;
  }

  get value(): unknown {
    return this.root.value;
  }

  get context(): unknown {
    return this.root.context;
  }

  get tags(): ReadonlySet<string> {
    return this.root.tags;
  }

  get output(): unknown {
    return this.root.output;
  }

  get error(): unknown {
    return this.root.error;
  }
}

/** An actor of the tree, as long as anybody has a reference to it. */
interface Node {
  readonly ref: AnyActorRef;
  readonly path: Path;
  readonly logic: ChildLogic;
  readonly parent: Node | undefined;
  readonly scope: Scope;
  /** XState makes a child before the step that asks for it is through; it counts from its start. */
  started: boolean;
  /** What its transition asked for and is not taken up yet. */
  captured: (Captured | (() => void))[];
}

type TreeRun = Run<Node>;

export class Tree implements TreeHost {
  readonly #kinds: Kinds;
  readonly #nodes = new WeakMap<AnyActorRef, Node>();
  readonly #system: Scope['system'];
  readonly #root: Node;
  #run: TreeRun = new Run(new Map());

  constructor(definition: Definition, kinds: Kinds, microsteps: Microsteps) {
    this.#kinds = kinds;
    this.#system = new TreeSystem(this, microsteps).asSystem;
    const ref = createActor(inert, { id: definition.machine.id, parent: { system: this.#system } as AnyActorRef });
    (ref as { _parent?: AnyActorRef | undefined })._parent = undefined;
    this.#root = this.#adopt(ref as AnyActorRef, [], { kind: 'machine', definition }, undefined);
    this.#root.started = true;
    slim(this.#root.ref);
  }

  create(input: unknown): TreeSnapshot {
    this.#run = new Run(new Map());
    const { ref } = this.#root;
    this.#root.captured = [];
    const snapshot = this.#machine(this.#root).getInitialSnapshot(this.#root.scope, input) as AnyMachineSnapshot;
    if (snapshot.status === 'error') throw snapshot.error;
    this.#run.cells.set(ref, snapshot);
    this.#begin(this.#root);
    return this.#end();
  }

  /** The event reaches the machine at `path`; the effects are `effects` afterwards. */
  step(given: TreeSnapshot, path: Path, event: Event): TreeSnapshot {
    this.#run = new Run(given.cells);
    const node = this.#nodeAt(path);
    if (node !== undefined) this.#send(node, event);
    return this.#end();
  }

  /** The end of some work: the child is marked, its parent told. `step` takes it no further. */
  ended(
    given: TreeSnapshot,
    path: Path,
    event: Event & { readonly output?: unknown; readonly error?: unknown },
  ): TreeSnapshot {
    this.#run = new Run(given.cells);
    const child = this.#nodeAt(path);
    const parent = child?.parent;
    if (child === undefined || parent === undefined) return given;
    const { output, error } = event;
    const failed = event.type.startsWith('xstate.error.');
    this.#settle(child, { status: failed ? 'error' : 'done', output, error });
    // Nothing is ever sent to a promise, and one may spawn any number of them.
    if (child.logic.kind === 'promise') this.#letGo(parent, child);
    this.#enqueue(parent, event);
    return this.#end();
  }

  /** A value of an observable whose parent wants to see each. */
  seen(given: TreeSnapshot, path: Path, context: unknown): TreeSnapshot {
    this.#run = new Run(given.cells);
    const child = this.#nodeAt(path);
    if (child?.parent === undefined) return given;
    const { input } = this.#cell(child.ref);
    const snapshot: Cell = { status: 'active', context, input };
    this.#run.cells.set(child.ref, snapshot);
    this.#enqueue(child.parent, snapshotEvent(child.ref, snapshot));
    return this.#end();
  }

  /** Whether something at this path is under way. */
  has(given: TreeSnapshot, path: Path): boolean {
    return findRef(given.cells, this.#root.ref, path) !== undefined;
  }

  get effects(): TreeRun['effects'] {
    return this.#run.effects;
  }

  invokes({ cells }: TreeSnapshot): InvokeEffect[] {
    const found: InvokeEffect[] = [];
    for (const [ref, { status }] of cells) {
      const node = this.#nodes.get(ref);
      if (node !== undefined && status === 'active' && isWork(node.logic))
        found.push(asInvoke(ref, node.logic, node.path.slice(0, -1)));
    }
    return found;
  }

  /** Parents first, since a parent is stepped into being before its children. */
  family({ cells }: TreeSnapshot): Member[] {
    const members: Member[] = [];
    const add = (ref: AnyActorRef, parent: string | undefined): void => {
      const node = this.#nodes.get(ref);
      const snapshot = cells.get(ref);
      if (node === undefined || snapshot === undefined || node.logic.kind !== 'machine') return;
      const address = node.path.length === 0 ? '' : addressOf(node.path);
      members.push({ address, id: ref.id, parent, logic: node.logic.definition.machine, snapshot });
      for (const child of Object.values(snapshot.children ?? {})) add(child, address);
    };
    add(this.#root.ref, undefined);
    return members;
  }

  persist(given: TreeSnapshot): Stored {
    this.#run = new Run(given.cells);
    const { logic } = this.#root;
    assert(logic.kind === 'machine', 'the root of a tree is a machine');
    const stored = toStored(given.root, logic.definition);
    // Says that it is a tree, though nothing may be below it at present.
    return { children: [], ...stored };
  }

  restore(stored: Stored): TreeSnapshot {
    this.#run = new Run(new Map());
    const snapshot = this.#restored(this.#root, stored);
    this.#run.cells.set(this.#root.ref, snapshot);
    return this.#end();
  }

  /** XState makes a child machine: its first snapshot. */
  begun(ref: AnyActorRef, input: unknown): Cell {
    const node = this.#node(ref);
    const snapshot = this.#machine(node).getInitialSnapshot(node.scope, input) as AnyMachineSnapshot;
    this.#run.cells.set(ref, snapshot);
    return snapshot;
  }

  /** XState has begun to make an actor below one of ours. */
  made(ref: AnyActorRef): void {
    const parent = ref._parent && this.#nodes.get(ref._parent);
    // The root itself, which has no parent.
    if (parent === undefined) return;
    const logic =
      parent.logic.kind === 'machine' && typeof ref.src === 'string'
        ? parent.logic.definition.children.get(ref.src)
        : undefined;
    if (logic === undefined)
      throw new Error(`what is spawned as '${ref.id}' is not named in setup({ actors }), so it could not be restored`);
    if (ref.id === ref.sessionId)
      throw new Error(`'${String(ref.src)}' is spawned without an id, by which it could be restored; give it { id }`);
    this.#adopt(ref, [...parent.path, ref.id], logic, parent);
  }

  isRoot(ref: AnyActorRef): boolean {
    return ref === this.#root.ref;
  }

  named(systemId: string): AnyActorRef | undefined {
    let found: AnyActorRef | undefined;
    for (const [ref, { status }] of this.#run.cells)
      if ((ref as { systemId?: string }).systemId === systemId && status === 'active') found = ref;
    return found;
  }

  #end(): TreeSnapshot {
    const root = this.#run.cells.get(this.#root.ref) as AnyMachineSnapshot;
    return new TreeSnapshot(this, this.#run.cells, root);
  }

  // What XState's actor does, as in its `start`, `_process`, `update` and `_stop`.

  #enqueue(node: Node, event: Event): void {
    const { queues } = this.#run;
    const queue = queues.get(node);
    if (queue !== undefined) {
      queue.push(event);
      return;
    }
    const opened = [event];
    queues.set(node, opened);
    this.#drain(node, opened);
  }

  #drain(node: Node, queue: Event[]): void {
    for (let event = queue[0]; event !== undefined; event = queue[0]) {
      this.#process(node, event);
      queue.shift();
    }
    this.#run.queues.delete(node);
  }

  #process(node: Node, event: Event): void {
    const before = this.#run.cells.get(node.ref);
    if (before?.status !== 'active') return;
    if (event.type === 'xstate.stop' && isWork(node.logic)) {
      this.#stopped(node, { ...before, status: 'stopped' });
      return;
    }
    node.captured = [];
    let after: Cell;
    try {
      after = this.#transition(node, before, event);
    } catch (cause) {
      this.#threw(node, before, cause);
      return;
    }
    const cause = this.#run.thrown.get(event);
    if (cause !== undefined && after.status === 'error') {
      // Its parent has no answer to a throw: the throw is that of the parent.
      this.#threw(node, before, cause.cause);
      return;
    }
    this.#update(node, after);
    if (event.type === 'xstate.stop') this.#stopped(node, after);
  }

  #transition(node: Node, before: Cell, event: Event): Cell {
    const { logic } = node;
    if (logic.kind === 'machine')
      return this.#machine(node).transition(before as AnyMachineSnapshot, event, node.scope) as Cell;
    if (event.type === 'xstate.stop') return { ...before, status: 'stopped' };
    assert(logic.kind === 'transition', 'work is not stepped');
    return logic.logic.transition(before, event, node.scope) as Cell;
  }

  #update(node: Node, snapshot: Cell): void {
    const { ref, parent } = node;
    this.#run.cells.set(ref, snapshot);
    this.#takeUp(node);
    if (snapshot.status === 'active') {
      if (parent !== undefined && wantsSnapshots(ref)) this.#enqueue(parent, snapshotEvent(ref, snapshot));
      return;
    }
    if (snapshot.status === 'stopped') return;
    this.#forget(node);
    if (parent !== undefined) this.#enqueue(parent, endEvent(ref, snapshot));
  }

  #takeUp(node: Node): void {
    const acting = this.#acting(node);
    const { captured } = node;
    node.captured = [];
    for (const asked of captured) {
      if (typeof asked === 'function') asked();
      else perform(asked, acting);
    }
  }

  /** A child that throws ends in error, if its parent has an answer to that; else the step fails. */
  #threw(node: Node, before: Cell, cause: unknown): void {
    const { parent, ref } = node;
    if (parent === undefined) throw cause;
    node.captured = [];
    for (const child of Object.values(before.children ?? {})) this.#stop(child);
    const failed: Cell = { ...before, status: 'error', error: cause };
    this.#run.cells.set(ref, failed);
    this.#forget(node);
    const event = endEvent(ref, failed);
    this.#run.thrown.set(event, { cause });
    this.#enqueue(parent, event);
  }

  #start(ref: AnyActorRef): void {
    const node = this.#node(ref);
    if (node.started) return;
    node.started = true;
    slim(ref);
    const snapshot = this.#cell(ref);
    if (isWork(node.logic)) {
      this.#run.cells.set(ref, snapshot);
      if (node.parent !== undefined) this.#run.effects.push(asInvoke(ref, node.logic, node.parent.path));
      return;
    }
    this.#run.cells.set(ref, snapshot);
    if (snapshot.status === 'error') {
      this.#threw(node, snapshot, snapshot.error);
      return;
    }
    this.#begin(node);
  }

  /** The rest of a start: children first, then what the first step asked for, then what came meanwhile. */
  #begin(node: Node): void {
    const queue: Event[] = [];
    this.#run.queues.set(node, queue);
    const snapshot = this.#cell(node.ref);
    if (snapshot.status === 'active') for (const child of Object.values(snapshot.children ?? {})) this.#start(child);
    this.#update(node, snapshot);
    this.#drain(node, queue);
  }

  #stop(ref: AnyActorRef): void {
    const node = this.#node(ref);
    const snapshot = this.#cell(ref);
    if (!node.started) {
      // Made and left within one transition: neither it nor what is below it ever is.
      node.started = true;
      node.captured = [];
      for (const child of Object.values(snapshot.children ?? {})) this.#stop(child);
      this.#stopped(node, { ...snapshot, status: 'stopped' });
    } else if (snapshot.status !== 'active') {
      this.#run.cells.delete(ref);
    } else {
      const queue = this.#run.queues.get(node);
      if (queue !== undefined) queue.length = 1;
      this.#enqueue(node, { type: 'xstate.stop' });
    }
  }

  #stopped(node: Node, snapshot: Cell): void {
    const { ref, logic } = node;
    if (isWork(logic) && this.#run.cells.has(ref)) this.#run.effects.push({ kind: 'stop', id: addressOf(node.path) });
    this.#forget(node);
    this.#run.cells.delete(ref);
    lastSeen(ref, snapshot);
  }

  #settle(node: Node, { status, output, error }: Cell): void {
    const snapshot: Cell = { ...this.#cell(node.ref), status, output, error };
    this.#run.cells.set(node.ref, snapshot);
    lastSeen(node.ref, snapshot);
  }

  #letGo(parent: Node, child: Node): void {
    const snapshot = this.#cell(parent.ref);
    const { [child.ref.id]: _gone, ...children } = snapshot.children ?? {};
    this.#run.cells.set(parent.ref, { ...snapshot, children });
    this.#run.cells.delete(child.ref);
  }

  #forget({ path, logic }: Node): void {
    // The timers of the actor itself end with it in the runtime, and nobody sends to a promise.
    if (path.length > 0 && logic.kind !== 'promise')
      this.#run.effects.push({ kind: 'forget', within: within(path), to: addressOf(path) });
  }

  #acting(node: Node): Acting {
    const { ref, path } = node;
    const target = (to: AnyActorRef | string, targetId: string | undefined): Node => {
      const found = typeof to === 'string' ? this.#cell(ref).children?.[to] : to;
      const known = found === undefined ? undefined : this.#nodes.get(found);
      if (known === undefined)
        throw new Error(
          `sendTo reaches only this machine, its children and its parent, not '${targetId ?? 'another actor'}'; use tell(Type, key, event)`,
        );
      return known;
    };
    return {
      path,
      say: (effect) => void this.#run.effects.push(effect),
      pathTo: (to, targetId) => target(to, targetId).path,
      send: (to, event, targetId) => this.#send(target(to, targetId), event),
      start: (child) => {
        if (child === undefined || !this.#nodes.has(child))
          throw new Error(`what is spawned as '${child?.id ?? 'unknown'}' is not named in setup({ actors })`);
        this.#start(child);
      },
      stop: (child) => this.#stop(child),
    };
  }

  #send(node: Node, event: Event): void {
    if (!isWork(node.logic)) {
      if (node.started && this.#run.cells.has(node.ref)) this.#enqueue(node, event);
    } else if (node.logic.kind === 'callback' && this.#cell(node.ref).status === 'active') {
      this.#run.effects.push({
        kind: 'send',
        id: addressOf(node.path),
        event: eventData(event, `the event sent to '${node.ref.id}'`),
      });
    }
  }

  // References and what is behind them.

  #cell(ref: AnyActorRef): Cell {
    return this.#run.cells.get(ref) ?? (ref.getSnapshot() as Cell);
  }

  #node(ref: AnyActorRef): Node {
    const node = this.#nodes.get(ref);
    assert(node !== undefined, 'a reference belongs to one tree');
    return node;
  }

  #nodeAt(path: Path): Node | undefined {
    const ref = findRef(this.#run.cells, this.#root.ref, path);
    return ref && this.#nodes.get(ref);
  }

  #machine({ logic }: Node): AnyStateMachine {
    assert(logic.kind === 'machine', 'only machines have snapshots of machines');
    return this.#kinds.machineOf(logic.definition);
  }

  #adopt(ref: AnyActorRef, path: Path, logic: ChildLogic, parent: Node | undefined): Node {
    const own = ref.getSnapshot.bind(ref);
    ref.getSnapshot = () => this.#run.cells.get(ref) ?? own();
    ref.start = () => this.#start(ref);
    refuseSelf(ref);
    const node: Node = { ref, path, logic, parent, scope: this.#openScope(ref), started: false, captured: [] };
    this.#nodes.set(ref, node);
    return node;
  }

  #openScope(self: AnyActorRef): Scope {
    return {
      self: self as Scope['self'],
      id: self.id,
      sessionId: self.sessionId,
      system: this.#system,
      logger: () => {},
      emit: () => {},
      stopChild: () => {},
      defer: (work) => void this.#node(self).captured.push(work),
      actionExecutor: (action) => void this.#node(self).captured.push(action as Captured),
    };
  }

  // Out of the record.

  #restored(node: Node, stored: Stored): AnyMachineSnapshot {
    const { logic } = node;
    assert(logic.kind === 'machine', 'only machines have snapshots of machines');
    return fromStored(stored, {
      machine: this.#kinds.machineOf(logic.definition),
      definition: logic.definition,
      child: (child, childLogic) => this.#revive(node, child, childLogic),
      gone: (ref) => this.#gone(node, ref),
    });
  }

  #revive(parent: Node, stored: StoredChild, logic: ChildLogic): AnyActorRef {
    const { id, src, systemId, snapshots, input, ended } = stored;
    const ref = createActor(inert, {
      id,
      src: src as never,
      parent: parent.ref,
      ...(systemId === undefined ? {} : { systemId }),
      ...(snapshots === undefined ? {} : { syncSnapshot: snapshots }),
    }) as AnyActorRef;
    const node = this.#node(ref);
    node.started = true;
    slim(ref);
    this.#run.cells.set(ref, ended === undefined ? this.#revived(node, stored, logic, input) : { ...ended });
    return ref;
  }

  #revived(node: Node, { state, context }: StoredChild, logic: ChildLogic, input: unknown): Cell {
    if (logic.kind === 'machine') {
      if (state === undefined) throw new Error(`'${node.ref.id}' was no machine when it was stored`);
      return this.#restored(node, state);
    }
    if (logic.kind === 'transition') return { status: 'active', context, output: undefined, error: undefined };
    return { status: 'active', input, output: undefined, error: undefined };
  }

  #gone(parent: Node, { id, ended }: StoredRef): AnyActorRef {
    const ref = createActor(inert, { id, parent: { system: this.#system } as AnyActorRef }) as AnyActorRef;
    this.#adopt(ref, [...parent.path, id], { kind: 'transition', logic: inert }, parent).started = true;
    lastSeen(ref, ended ?? { status: 'stopped' });
    return ref;
  }
}

const inert: AnyActorLogic = fromTransition((state: undefined) => state, undefined);
