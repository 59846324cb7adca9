// One step of a tree: an event reaches one of its actors, and all that follows from it. It does what
// XState's actor does in its `start`, `_process`, `update` and `_stop`, with a queue for each actor
// while it is being stepped.
import { assert } from '@devmentor/locks';
import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import type { Effect } from './effect.ts';
import { addressOf, within } from './machine-driver.xstate5-address.ts';
import {
  type Cell,
  type Cells,
  type Event,
  endEvent,
  lastSeen,
  snapshotEvent,
} from './machine-driver.xstate5-cells.ts';
import { isWork } from './machine-driver.xstate5-definition.ts';
import { type Acting, asInvoke, eventData, perform, wantsSnapshots } from './machine-driver.xstate5-effects.ts';
import { slim } from './machine-driver.xstate5-scope.ts';
import type { TreeNode, TreeNodes, Underway } from './machine-driver.xstate5-tree-nodes.ts';

/** What tells a parent how its child ended. */
export type EndEvent = Event & { readonly output?: unknown; readonly error?: unknown };

export class TreeStep implements Underway {
  readonly cells: Map<AnyActorRef, Cell>;
  readonly effects: Effect[] = [];
  readonly #nodes: TreeNodes;
  readonly #queues = new Map<TreeNode, Event[]>();
  /** Throws of children, by the event that tells their parents. */
  readonly #thrown = new Map<Event, { readonly cause: unknown }>();

  constructor(nodes: TreeNodes, cells: Cells) {
    this.#nodes = nodes;
    this.cells = new Map(cells);
  }

  send(node: TreeNode, event: Event): void {
    if (!isWork(node.logic)) {
      if (node.started && this.cells.has(node.ref)) this.#enqueue(node, event);
    } else if (node.logic.kind === 'callback' && this.#nodes.cellOf(node.ref).status === 'active') {
      this.effects.push({
        kind: 'send',
        id: addressOf(node.path),
        event: eventData(event, `the event sent to '${node.ref.id}'`),
      });
    }
  }

  /** Some work has ended: the child is marked, its parent told. */
  end(child: TreeNode, parent: TreeNode, event: EndEvent): void {
    const { output, error } = event;
    const status = event.type.startsWith('xstate.error.') ? 'error' : 'done';
    const last: Cell = { ...this.#nodes.cellOf(child.ref), status, output, error };
    this.cells.set(child.ref, last);
    lastSeen(child.ref, last);
    // Nothing is ever sent to a promise, and one may spawn any number of them.
    if (child.logic.kind === 'promise') this.#letGo(parent, child);
    this.#enqueue(parent, event);
  }

  /** A value of an observable whose parent wants to see each. */
  show({ ref }: TreeNode, parent: TreeNode, context: unknown): void {
    const { input } = this.#nodes.cellOf(ref);
    const snapshot: Cell = { status: 'active', context, input };
    this.cells.set(ref, snapshot);
    this.#enqueue(parent, snapshotEvent(ref, snapshot));
  }

  /** The rest of a start: children first, then what the first step asked for, then what came meanwhile. */
  begin(node: TreeNode): void {
    const queue: Event[] = [];
    this.#queues.set(node, queue);
    const snapshot = this.#nodes.cellOf(node.ref);
    if (snapshot.status === 'active') for (const child of Object.values(snapshot.children ?? {})) this.start(child);
    this.#update(node, snapshot);
    this.#drain(node, queue);
  }

  start(ref: AnyActorRef): void {
    const node = this.#nodes.of(ref);
    if (node.started) return;
    node.started = true;
    slim(ref);
    const snapshot = this.#nodes.cellOf(ref);
    this.cells.set(ref, snapshot);
    if (isWork(node.logic)) {
      if (node.parent !== undefined) this.effects.push(asInvoke(ref, node.logic, node.parent.path));
    } else if (snapshot.status === 'error') this.#threw(node, snapshot, snapshot.error);
    else this.begin(node);
  }

  #enqueue(node: TreeNode, event: Event): void {
    const queue = this.#queues.get(node);
    if (queue !== undefined) {
      queue.push(event);
      return;
    }
    const opened = [event];
    this.#queues.set(node, opened);
    this.#drain(node, opened);
  }

  #drain(node: TreeNode, queue: Event[]): void {
    for (let event = queue[0]; event !== undefined; event = queue[0]) {
      this.#process(node, event);
      queue.shift();
    }
    this.#queues.delete(node);
  }

  #process(node: TreeNode, event: Event): void {
    const before = this.cells.get(node.ref);
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
    const cause = this.#thrown.get(event);
    if (cause !== undefined && after.status === 'error') {
      // Its parent has no answer to a throw: the throw is that of the parent.
      this.#threw(node, before, cause.cause);
      return;
    }
    this.#update(node, after);
    if (event.type === 'xstate.stop') this.#stopped(node, after);
  }

  #transition(node: TreeNode, before: Cell, event: Event): Cell {
    const { logic } = node;
    if (logic.kind === 'machine')
      return this.#nodes.machineOf(node).transition(before as AnyMachineSnapshot, event, node.scope) as Cell;
    if (event.type === 'xstate.stop') return { ...before, status: 'stopped' };
    assert(logic.kind === 'transition', 'work is not stepped');
    return logic.logic.transition(before, event, node.scope) as Cell;
  }

  #update(node: TreeNode, snapshot: Cell): void {
    const { ref, parent } = node;
    this.cells.set(ref, snapshot);
    this.#takeUp(node);
    if (snapshot.status === 'active') {
      if (parent !== undefined && wantsSnapshots(ref)) this.#enqueue(parent, snapshotEvent(ref, snapshot));
      return;
    }
    if (snapshot.status === 'stopped') return;
    this.#forget(node);
    if (parent !== undefined) this.#enqueue(parent, endEvent(ref, snapshot));
  }

  #takeUp(node: TreeNode): void {
    const acting = this.#acting(node);
    const { captured } = node;
    node.captured = [];
    for (const asked of captured) {
      if (typeof asked === 'function') asked();
      else perform(asked, acting);
    }
  }

  /** A child that throws ends in error, if its parent has an answer to that; else the step fails. */
  #threw(node: TreeNode, before: Cell, cause: unknown): void {
    const { parent, ref } = node;
    if (parent === undefined) throw cause;
    node.captured = [];
    for (const child of Object.values(before.children ?? {})) this.#stop(child);
    const failed: Cell = { ...before, status: 'error', error: cause };
    this.cells.set(ref, failed);
    this.#forget(node);
    const event = endEvent(ref, failed);
    this.#thrown.set(event, { cause });
    this.#enqueue(parent, event);
  }

  #stop(ref: AnyActorRef): void {
    const node = this.#nodes.of(ref);
    const snapshot = this.#nodes.cellOf(ref);
    if (!node.started) {
      // Made and left within one transition: neither it nor what is below it ever is.
      node.started = true;
      node.captured = [];
      for (const child of Object.values(snapshot.children ?? {})) this.#stop(child);
      this.#stopped(node, { ...snapshot, status: 'stopped' });
    } else if (snapshot.status !== 'active') {
      this.cells.delete(ref);
    } else {
      const queue = this.#queues.get(node);
      if (queue !== undefined) queue.length = 1;
      this.#enqueue(node, { type: 'xstate.stop' });
    }
  }

  #stopped(node: TreeNode, snapshot: Cell): void {
    const { ref, logic } = node;
    if (isWork(logic) && this.cells.has(ref)) this.effects.push({ kind: 'stop', id: addressOf(node.path) });
    this.#forget(node);
    this.cells.delete(ref);
    lastSeen(ref, snapshot);
  }

  #letGo(parent: TreeNode, child: TreeNode): void {
    const snapshot = this.#nodes.cellOf(parent.ref);
    const { [child.ref.id]: _gone, ...children } = snapshot.children ?? {};
    this.cells.set(parent.ref, { ...snapshot, children });
    this.cells.delete(child.ref);
  }

  #forget({ path, logic }: TreeNode): void {
    // The timers of the actor itself end with it in the runtime, and nobody sends to a promise.
    if (path.length > 0 && logic.kind !== 'promise')
      this.effects.push({ kind: 'forget', within: within(path), to: addressOf(path) });
  }

  #acting(node: TreeNode): Acting {
    const { ref, path } = node;
    const target = (to: AnyActorRef | string, targetId: string | undefined): TreeNode => {
      const found = typeof to === 'string' ? this.#nodes.cellOf(ref).children?.[to] : to;
      const known = found === undefined ? undefined : this.#nodes.find(found);
      if (known === undefined)
        throw new Error(
          `sendTo reaches only this machine, its children and its parent, not '${targetId ?? 'another actor'}'; use tell(Type, key, event)`,
        );
      return known;
    };
    return {
      path,
      say: (effect) => void this.effects.push(effect),
      pathTo: (to, targetId) => target(to, targetId).path,
      send: (to, event, targetId) => this.send(target(to, targetId), event),
      start: (child) => {
        if (child === undefined || this.#nodes.find(child) === undefined)
          throw new Error(`what is spawned as '${child?.id ?? 'unknown'}' is not named in setup({ actors })`);
        this.start(child);
      },
      stop: (child) => this.#stop(child),
    };
  }
}
