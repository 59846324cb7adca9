// A machine with others below it
//
// Machines that a machine invokes or spawns live in its record: they are part of its snapshot and
// are stepped in its step, so that what one sends to another is in the same commit. A `TreeStep` does
// what XState's live actors would do between them, over the `TreeNodes` that references stand for.
// Work (promises, callbacks, observables) is an effect, as everywhere.
//
//   CT1  What is between two steps is a value: a step reads one and makes another, and a step that
//        throws has made none. Only the references to children are the same objects throughout,
//        since a machine may keep one in its context.
//   CT2  The references, and what XState makes for them, belong to one `Tree`: one per activation,
//        gone with it.
import { assert } from '@devmentor/locks';
import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import type { Effect, InvokeEffect } from './effect.ts';
import type { MachineSnapshot, Member } from './machine-driver.ts';
import { addressOf, type Path } from './machine-driver.xstate5-address.ts';
import { type Cells, type Event, findRef } from './machine-driver.xstate5-cells.ts';
import { type Definition, isWork } from './machine-driver.xstate5-definition.ts';
import { asInvoke } from './machine-driver.xstate5-effects.ts';
import type { Microsteps } from './machine-driver.xstate5-scope.ts';
import { type Stored, toStored } from './machine-driver.xstate5-stored.ts';
import type { Kinds } from './machine-driver.xstate5-system.ts';
import { TreeNodes } from './machine-driver.xstate5-tree-nodes.ts';
import { restoreTree } from './machine-driver.xstate5-tree-restore.ts';
import { type EndEvent, TreeStep } from './machine-driver.xstate5-tree-step.ts';

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

export class Tree {
  readonly #nodes: TreeNodes;
  #step: TreeStep;

  constructor(definition: Definition, kinds: Kinds, microsteps: Microsteps) {
    this.#nodes = new TreeNodes(definition, kinds, microsteps);
    this.#step = this.#open(new Map());
  }

  create(input: unknown): TreeSnapshot {
    const step = this.#open(new Map());
    const { root } = this.#nodes;
    root.captured = [];
    const snapshot = this.#nodes.firstOf(root, input);
    if (snapshot.status === 'error') throw snapshot.error;
    step.cells.set(root.ref, snapshot);
    step.begin(root);
    return this.#close();
  }

  /** The event reaches the machine at `path`; the effects are `effects` afterwards. */
  step(given: TreeSnapshot, path: Path, event: Event): TreeSnapshot {
    const step = this.#open(given.cells);
    const node = this.#nodes.at(path);
    if (node !== undefined) step.send(node, event);
    return this.#close();
  }

  /** The end of some work: the child is marked, its parent told. `step` takes it no further. */
  ended(given: TreeSnapshot, path: Path, event: EndEvent): TreeSnapshot {
    const step = this.#open(given.cells);
    const child = this.#nodes.at(path);
    if (child?.parent === undefined) return given;
    step.end(child, child.parent, event);
    return this.#close();
  }

  /** A value of an observable whose parent wants to see each. */
  seen(given: TreeSnapshot, path: Path, context: unknown): TreeSnapshot {
    const step = this.#open(given.cells);
    const child = this.#nodes.at(path);
    if (child?.parent === undefined) return given;
    step.show(child, child.parent, context);
    return this.#close();
  }

  /** Whether something at this path is under way. */
  has(given: TreeSnapshot, path: Path): boolean {
    return findRef(given.cells, this.#nodes.root.ref, path) !== undefined;
  }

  /** Of the last step. */
  get effects(): Effect[] {
    return this.#step.effects;
  }

  invokes({ cells }: TreeSnapshot): InvokeEffect[] {
    const found: InvokeEffect[] = [];
    for (const [ref, { status }] of cells) {
      const node = this.#nodes.find(ref);
      if (node !== undefined && status === 'active' && isWork(node.logic))
        found.push(asInvoke(ref, node.logic, node.path.slice(0, -1)));
    }
    return found;
  }

  /** Parents first, since a parent is stepped into being before its children. */
  family({ cells }: TreeSnapshot): Member[] {
    const members: Member[] = [];
    const add = (ref: AnyActorRef, parent: string | undefined): void => {
      const node = this.#nodes.find(ref);
      const snapshot = cells.get(ref);
      if (node === undefined || snapshot === undefined || node.logic.kind !== 'machine') return;
      const address = node.path.length === 0 ? '' : addressOf(node.path);
      members.push({ address, id: ref.id, parent, logic: node.logic.definition.machine, snapshot });
      for (const child of Object.values(snapshot.children ?? {})) add(child, address);
    };
    add(this.#nodes.root.ref, undefined);
    return members;
  }

  persist(given: TreeSnapshot): Stored {
    this.#open(given.cells);
    const { logic } = this.#nodes.root;
    assert(logic.kind === 'machine', 'the root of a tree is a machine');
    const stored = toStored(given.root, logic.definition);
    // Says that it is a tree, though nothing may be below it at present.
    return { children: [], ...stored };
  }

  restore(stored: Stored): TreeSnapshot {
    const step = this.#open(new Map());
    const { root } = this.#nodes;
    step.cells.set(root.ref, restoreTree(this.#nodes, root, stored));
    return this.#close();
  }

  /** From here on the references show what is in this step. */
  #open(cells: Cells): TreeStep {
    const step = new TreeStep(this.#nodes, cells);
    this.#step = step;
    this.#nodes.underway = step;
    return step;
  }

  #close(): TreeSnapshot {
    const { cells } = this.#step;
    return new TreeSnapshot(this, cells, cells.get(this.#nodes.root.ref) as AnyMachineSnapshot);
  }
}
