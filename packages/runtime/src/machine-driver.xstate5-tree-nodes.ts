// The actors of a tree and the references to them, which XState and the machines' contexts keep. They are
// made once and belong to one activation; what each is at present stands in the step under way.
import { assert } from '@devmentor/locks';
import {
  type AnyActorLogic,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  fromTransition,
} from 'xstate';
import type { Path } from './machine-driver.xstate5-address.ts';
import { type Cell, findRef, lastSeen } from './machine-driver.xstate5-cells.ts';
import type { ChildLogic, Definition } from './machine-driver.xstate5-definition.ts';
import type { Captured } from './machine-driver.xstate5-effects.ts';
import { type Microsteps, refuseSelf, type Scope, slim } from './machine-driver.xstate5-scope.ts';
import type { StoredChild } from './machine-driver.xstate5-stored.ts';
import { type Kinds, type TreeHost, TreeSystem } from './machine-driver.xstate5-system.ts';

/** An actor of the tree, as long as anybody has a reference to it. */
export interface TreeNode {
  readonly ref: AnyActorRef;
  readonly path: Path;
  readonly logic: ChildLogic;
  readonly parent: TreeNode | undefined;
  readonly scope: Scope;
  /** XState makes a child before the step that asks for it is through; it counts from its start. */
  started: boolean;
  /** What its transition asked for and is not taken up yet. */
  captured: (Captured | (() => void))[];
}

/** The step in which references are looked at. */
export interface Underway {
  readonly cells: Map<AnyActorRef, Cell>;
  start(ref: AnyActorRef): void;
}

export class TreeNodes implements TreeHost {
  readonly root: TreeNode;
  underway: Underway = { cells: new Map(), start: () => {} };
  readonly #kinds: Kinds;
  readonly #nodes = new WeakMap<AnyActorRef, TreeNode>();
  readonly #system: Scope['system'];

  constructor(definition: Definition, kinds: Kinds, microsteps: Microsteps) {
    this.#kinds = kinds;
    this.#system = new TreeSystem(this, microsteps).asSystem;
    const ref = createActor(inert, { id: definition.machine.id, parent: this.#nobody() });
    (ref as { _parent?: AnyActorRef | undefined })._parent = undefined;
    this.root = this.#adopt(ref as AnyActorRef, [], { kind: 'machine', definition }, undefined);
    this.root.started = true;
    slim(this.root.ref);
  }

  find(ref: AnyActorRef): TreeNode | undefined {
    return this.#nodes.get(ref);
  }

  of(ref: AnyActorRef): TreeNode {
    const node = this.#nodes.get(ref);
    assert(node !== undefined, 'a reference belongs to one tree');
    return node;
  }

  /** What is active at the path. */
  at(path: Path): TreeNode | undefined {
    const ref = findRef(this.underway.cells, this.root.ref, path);
    return ref && this.#nodes.get(ref);
  }

  cellOf(ref: AnyActorRef): Cell {
    return this.underway.cells.get(ref) ?? (ref.getSnapshot() as Cell);
  }

  machineOf({ logic }: TreeNode): AnyStateMachine {
    assert(logic.kind === 'machine', 'only machines have snapshots of machines');
    return this.#kinds.machineOf(logic.definition);
  }

  firstOf(node: TreeNode, input: unknown): AnyMachineSnapshot {
    return this.machineOf(node).getInitialSnapshot(node.scope, input) as AnyMachineSnapshot;
  }

  /** A child as it was when it was stored, by its reference alone. */
  remake(parent: TreeNode, { id, src, systemId, snapshots }: StoredChild): TreeNode {
    const ref = createActor(inert, {
      id,
      src: src as never,
      parent: parent.ref,
      ...(systemId === undefined ? {} : { systemId }),
      ...(snapshots === undefined ? {} : { syncSnapshot: snapshots }),
    }) as AnyActorRef;
    const node = this.of(ref);
    node.started = true;
    slim(ref);
    return node;
  }

  /** A reference to what is no child any more. */
  departed(parent: TreeNode, id: string, last: Cell): AnyActorRef {
    const ref = createActor(inert, { id, parent: this.#nobody() }) as AnyActorRef;
    this.#adopt(ref, [...parent.path, id], { kind: 'transition', logic: inert }, parent).started = true;
    lastSeen(ref, last);
    return ref;
  }

  begun(ref: AnyActorRef, input: unknown): Cell {
    const snapshot = this.firstOf(this.of(ref), input);
    this.underway.cells.set(ref, snapshot);
    return snapshot;
  }

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
    return ref === this.root.ref;
  }

  named(systemId: string): AnyActorRef | undefined {
    let found: AnyActorRef | undefined;
    for (const [ref, { status }] of this.underway.cells)
      if ((ref as { systemId?: string }).systemId === systemId && status === 'active') found = ref;
    return found;
  }

  /** A parent that lends XState the system and nothing else. */
  #nobody(): AnyActorRef {
    return { system: this.#system } as AnyActorRef;
  }

  #adopt(ref: AnyActorRef, path: Path, logic: ChildLogic, parent: TreeNode | undefined): TreeNode {
    const own = ref.getSnapshot.bind(ref);
    ref.getSnapshot = () => this.underway.cells.get(ref) ?? own();
    ref.start = () => this.underway.start(ref);
    refuseSelf(ref);
    const node: TreeNode = { ref, path, logic, parent, scope: this.#openScope(ref), started: false, captured: [] };
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
      defer: (work) => void this.of(self).captured.push(work),
      actionExecutor: (action) => void this.of(self).captured.push(action as Captured),
    };
  }
}

const inert: AnyActorLogic = fromTransition((state: undefined) => state, undefined);
