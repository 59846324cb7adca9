// MachineDriver on XState 5
//
// This file and its `xstate5-` neighbours are the only place that touches what XState keeps to
// itself; the conformance suite guards it, and XState 6 gets files of its own. A machine is stepped
// by its public `transition` method with a hand-made actor scope, whose `actionExecutor` collects
// what a live actor would execute.
//
// A machine with nothing but promises below it needs one scope for all actors of its type: the inert
// actors that XState makes for invokes live in the snapshot alone and are never started. Anything
// else below it (machines, callbacks, observables, what an assign spawns) makes a `Tree` of each
// activation, which is its own scope.
import { assert } from '@devmentor/locks';
import { type AnyActorRef, type AnyMachineSnapshot, type AnyStateMachine, createActor, fromTransition } from 'xstate';
import type { Effect, EventData, InvokeEffect } from './effect.ts';
import { explained } from './finding.ts';
import type { Json } from './json.ts';
import {
  type GuardOutcome,
  type InvokeEnd,
  type InvokeOutcome,
  type InvokeRun,
  type MachineDriver,
  MachineFailed,
  MachineRefused,
  type MachineSnapshot,
  type Member,
  type Step,
  toChild,
} from './machine-driver.ts';
import { addressOf, pathOf } from './machine-driver.xstate5-address.ts';
import { isWork, type Reading, readDefinition, type Work } from './machine-driver.xstate5-definition.ts';
import { type Acting, asInvoke, type Captured, perform } from './machine-driver.xstate5-effects.ts';
import { GuardsSaid } from './machine-driver.xstate5-guards.ts';
import { Microsteps, refuseSelf, type Scope } from './machine-driver.xstate5-scope.ts';
import { errorData, fromStored, type Stored, toStored } from './machine-driver.xstate5-stored.ts';
import { Kinds } from './machine-driver.xstate5-system.ts';
import { Tree, TreeSnapshot } from './machine-driver.xstate5-tree.ts';
import { runWork } from './machine-driver.xstate5-work.ts';

/** Makes the driver of one machine; throws `MachineRefused` when it cannot be run. */
export function xstateDriver(given: AnyStateMachine): MachineDriver {
  const guards = new GuardsSaid();
  const machine = guards.heardIn(given);
  const reading = readDefinition(machine);
  if (reading.findings.length > 0) throw new MachineRefused(machine.id, reading.findings.map(explained));
  return new XState5Driver(machine, reading, guards);
}

class XState5Driver implements MachineDriver {
  readonly #machine: AnyStateMachine;
  readonly #reading: Reading;
  readonly #scope: Scope;
  readonly #kinds = new Kinds();
  readonly #microsteps = new Microsteps();
  readonly #guards: GuardsSaid;
  #during: 'create' | 'step' = 'step';
  #effects: Effect[] = [];
  #toSelf: { readonly type: string }[] = [];

  constructor(machine: AnyStateMachine, reading: Reading, guards: GuardsSaid) {
    this.#machine = machine;
    this.#reading = reading;
    this.#guards = guards;
    this.#scope = this.#openScope();
  }

  create(input?: unknown): Step {
    this.#begin('create');
    return this.#guarded(() => {
      if (!this.#reading.promisesOnly) return this.#planted(input);
      const snapshot: AnyMachineSnapshot = this.#machine.getInitialSnapshot(this.#scope, input);
      // XState turns a throw of the initial step into a snapshot; here it is a failure like any other.
      if (snapshot.status !== 'error') return this.#settle(lean(snapshot));
      if (snapshot.error instanceof SpawnedInAssign) return this.#planted(input);
      throw snapshot.error;
    });
  }

  step(given: MachineSnapshot, event: { readonly type: string }): Step {
    if (given.status !== 'active') return unhandled(given, []);
    this.#begin('step');
    if (given instanceof TreeSnapshot) return this.#guarded(() => this.#stepTree(given, event));
    const before = own(given);
    const ended = endedChild(event.type);
    const ends = ended !== undefined && Object.hasOwn(before.children, ended);
    const from = ends ? withoutChild(before, ended) : before;
    return this.#guarded(() => {
      try {
        const after = this.#machine.transition(from, event, this.#scope);
        const handled = this.#microsteps.taken || ends || after.status !== before.status;
        return handled ? this.#settle(after) : unhandled(given, this.#guards.said);
      } catch (error) {
        if (!(error instanceof SpawnedInAssign)) throw error;
        this.#begin('step');
        return this.#stepTree(this.#tree().restore(toStored(before, this.#reading.definition)), event);
      }
    });
  }

  accepts(given: MachineSnapshot, event: { readonly type: string }): boolean {
    if (given.status !== 'active') return false;
    this.#begin('step');
    return this.#guarded(() => {
      const tree = given instanceof TreeSnapshot ? given : undefined;
      if (event.type === toChild && tree !== undefined) return tree.tree.has(tree, pathOf((event as Sent).to));
      if (event.type === seenChild && tree !== undefined) return tree.tree.has(tree, pathOf((event as Seen).id));
      const root = tree?.root ?? own(given);
      const ended = endedChild(event.type);
      if (ended !== undefined && (tree?.tree.has(tree, pathOf(ended)) ?? Object.hasOwn(root.children, ended)))
        return true;
      return root.can(event);
    });
  }

  family(given: MachineSnapshot): readonly Member[] {
    if (given instanceof TreeSnapshot) return given.tree.family(given);
    return [{ address: '', id: this.#machine.id, parent: undefined, logic: this.#machine, snapshot: own(given) }];
  }

  persist(given: MachineSnapshot): Json {
    const stored =
      given instanceof TreeSnapshot ? given.tree.persist(given) : toStored(own(given), this.#reading.definition);
    return stored as object as Json;
  }

  restore(json: Json): MachineSnapshot {
    const { definition, promisesOnly } = this.#reading;
    const isTree = !promisesOnly || (typeof json === 'object' && json !== null && 'children' in json);
    if (isTree) return this.#tree().restore(json as object as Stored);
    const restored = fromStored(json, {
      machine: this.#machine,
      definition,
      child: ({ id, src, input }, logic) => {
        assert(isWork(logic), 'a machine with promises only has no other children');
        return createActor(logic.logic, { id, src: src as never, input, parent: this.#scope.self }) as AnyActorRef;
      },
    });
    return lean(restored);
  }

  invokes(given: MachineSnapshot): readonly InvokeEffect[] {
    if (given.status !== 'active') return [];
    if (given instanceof TreeSnapshot) return given.tree.invokes(given);
    return Object.values(own(given).children as Record<string, AnyActorRef>).map((child) =>
      asInvoke(child, this.#workOf(child), []),
    );
  }

  async run(invoke: InvokeEffect, under: InvokeRun): Promise<InvokeOutcome> {
    const work = this.#reading.works.get(invoke.src);
    if (work !== undefined) return await runWork(work, invoke, under);
    return { kind: 'failed', error: new Error(`machine '${this.#machine.id}' invokes nothing named '${invoke.src}'`) };
  }

  settled(id: string, outcome: InvokeOutcome): InvokeEnd {
    return outcome.kind === 'done'
      ? { type: `${doneChild}${id}`, actorId: id, output: outcome.output }
      : { type: `${failedChild}${id}`, actorId: id, error: errorData(outcome.error) };
  }

  said(id: string, event: EventData): EventData {
    const parent = pathOf(id).slice(0, -1);
    return parent.length === 0 ? event : { type: toChild, to: addressOf(parent), event };
  }

  seen(id: string, value: Json): EventData {
    return { type: seenChild, id, value };
  }

  #begin(during: 'create' | 'step'): void {
    this.#during = during;
    this.#effects = [];
    this.#toSelf = [];
    this.#microsteps.begin();
    this.#guards.begin();
  }

  /** Takes the events the machine sent to itself, then closes the step. */
  #settle(settling: AnyMachineSnapshot): Step {
    let snapshot = settling;
    for (
      let event = this.#toSelf.shift();
      event !== undefined && snapshot.status === 'active';
      event = this.#toSelf.shift()
    )
      snapshot = this.#machine.transition(snapshot, event, this.#scope);
    const effects = this.#effects;
    this.#effects = [];
    return { snapshot: untagged(snapshot), effects, handled: true, guards: this.#guards.said };
  }

  #tree(): Tree {
    return new Tree(this.#reading.definition, this.#kinds, this.#microsteps);
  }

  #planted(input: unknown): Step {
    const tree = this.#tree();
    return { snapshot: tree.create(input), effects: tree.effects, handled: true, guards: this.#guards.said };
  }

  #stepTree(given: TreeSnapshot, event: { readonly type: string }): Step {
    const { tree } = given;
    const next = this.#nextOf(given, event);
    if (next === undefined) return unhandled(given, this.#guards.said);
    return { snapshot: next, effects: tree.effects, handled: true, guards: this.#guards.said };
  }

  /** Undefined where nothing takes the event. */
  #nextOf(given: TreeSnapshot, event: { readonly type: string }): TreeSnapshot | undefined {
    const { tree } = given;
    if (event.type === toChild) {
      const { to, event: inner, lateBy } = event as Sent;
      const path = pathOf(to);
      if (!tree.has(given, path)) return undefined;
      return tree.step(given, path, lateBy === undefined ? inner : { ...inner, lateBy });
    }
    if (event.type === seenChild) {
      const { id, value } = event as Seen;
      const path = pathOf(id);
      return tree.has(given, path) ? tree.seen(given, path, value) : undefined;
    }
    const ended = endedChild(event.type);
    if (ended !== undefined) {
      const path = pathOf(ended);
      const id = path.at(-1) ?? ended;
      const prefix = event.type.slice(0, -ended.length);
      if (tree.has(given, path))
        return tree.ended(given, path, { ...event, type: `${prefix}${id}`, actorId: id } as typeof event);
    }
    const next = tree.step(given, [], event);
    return this.#microsteps.taken || next.status !== given.status ? next : undefined;
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof MachineFailed) throw error;
      throw new MachineFailed(
        this.#during,
        `machine '${this.#machine.id}' failed: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    }
  }

  #workOf(child: AnyActorRef): Work {
    const logic = typeof child.src === 'string' ? this.#reading.definition.children.get(child.src) : undefined;
    if (logic === undefined || !isWork(logic))
      throw new Error(
        `what is spawned as '${child.id}' is no promise named in setup({ actors }); only such work can be taken up again after a crash`,
      );
    return logic;
  }

  /** Lent to XState for every step: what it would do, it tells this driver. */
  #openScope(): Scope {
    const self = createActor(
      fromTransition((state: undefined) => state, undefined),
      { id: this.#machine.id },
    );
    refuseSelf(self);
    self.getSnapshot = () => {
      throw new Error('self.getSnapshot knows no actor here; use the context and event that the action is given');
    };
    const acting = this.#acting(self);
    return {
      self: self as AnyActorRef as Scope['self'],
      id: self.id,
      sessionId: self.sessionId,
      system: {
        ...self.system,
        _sendInspectionEvent: (seen: Parameters<Microsteps['see']>[0]) => this.#microsteps.see(seen, true),
      } as Scope['system'],
      logger: () => {},
      emit: () => {},
      stopChild: () => {},
      // In a pure step only `spawn` inside an assign defers anything.
      defer: () => {
        throw new SpawnedInAssign();
      },
      actionExecutor: (action) => perform(action as Captured, acting),
    };
  }

  #acting(self: AnyActorRef): Acting {
    return {
      path: [],
      say: (effect) => void this.#effects.push(effect),
      pathTo: (to, targetId) => {
        if (to === self) return [];
        throw strange(targetId);
      },
      send: (to, event, targetId) => {
        if (to === self) this.#toSelf.push(event);
        // What is sent to a promise nobody hears.
        else if (typeof to !== 'string' && to._parent !== self) throw strange(targetId);
      },
      start: (child) => {
        if (child === undefined) throw new Error('what is spawned has no implementation; give it in setup({ actors })');
        this.#effects.push(asInvoke(child, this.#workOf(child), []));
      },
      stop: ({ id }) => void this.#effects.push({ kind: 'stop', id }),
    };
  }
}

interface Sent {
  readonly type: string;
  readonly to: string;
  readonly event: EventData;
  readonly lateBy?: number;
}

interface Seen {
  readonly type: string;
  readonly id: string;
  readonly value: Json;
}

/** Nothing that a machine's definition shows: the actor needs a tree from here on. */
class SpawnedInAssign extends Error {
  override readonly name = 'SpawnedInAssign';
}

const doneChild = 'xstate.done.actor.';
const failedChild = 'xstate.error.actor.';
const seenChild = 'xstate.seen';

/** The address of the child whose end the event tells, if it does. */
function endedChild(eventType: string): string | undefined {
  if (!eventType.startsWith('xstate.')) return undefined;
  const prefix = [doneChild, failedChild].find((start) => eventType.startsWith(start));
  return prefix === undefined ? undefined : eventType.slice(prefix.length);
}

/** XState keeps an ended invoke among the children; here that would start it again after a restore. */
function withoutChild(snapshot: AnyMachineSnapshot, id: string): AnyMachineSnapshot {
  const { [id]: _ended, ...children } = snapshot.children as Record<string, AnyActorRef>;
  return { ...snapshot, children } as AnyMachineSnapshot;
}

function unhandled(snapshot: MachineSnapshot, guards: readonly GuardOutcome[]): Step {
  return { snapshot, effects: [], handled: false, guards };
}

function strange(targetId: string | undefined): Error {
  return new Error(
    `sendTo reaches only the machine itself and its children here, not '${targetId ?? 'another actor'}'; use tell(Type, key, event)`,
  );
}

const NOTHING = Object.freeze({});
const NO_TAGS: ReadonlySet<string> = new Set();

/** XState makes a set of tags for each snapshot, which outweighs the rest of an idle one; nearly all are empty. */
function untagged(snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
  if (snapshot.tags.size === 0) (snapshot as { tags: ReadonlySet<string> }).tags = NO_TAGS;
  return snapshot;
}

/** A snapshot that was just made, with the empty parts shared that its successors take over from it. */
function lean(snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
  const parts = snapshot as { children: object; historyValue: object };
  if (isEmpty(parts.children)) parts.children = NOTHING;
  if (isEmpty(parts.historyValue)) parts.historyValue = NOTHING;
  return untagged(snapshot);
}

function isEmpty(record: object): boolean {
  for (const _ in record) return false;
  return true;
}

/** The XState snapshot behind a snapshot of this driver. */
function own(snapshot: MachineSnapshot): AnyMachineSnapshot {
  assert('_nodes' in snapshot, 'a snapshot is stepped by the driver that made it');
  return snapshot as AnyMachineSnapshot;
}
