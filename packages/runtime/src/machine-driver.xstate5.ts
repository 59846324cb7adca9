// MachineDriver on XState 5
//
// This file and its `xstate5-` neighbours are the only place that touches what XState keeps to
// itself; the conformance suite guards it, and XState 6 gets files of its own. A machine is stepped
// by its public `transition` method with a hand-made actor scope, whose `actionExecutor` collects
// what a live actor would execute. Since the types it serves have no child machines, one scope
// serves every actor of a type: the inert actors that XState makes for invokes live in the
// snapshot alone and are never started.
import { assert } from '@devmentor/locks';
import { type AnyActorRef, type AnyMachineSnapshot, type AnyStateMachine, createActor, fromTransition } from 'xstate';
import type { Effect, EventData, InvokeEffect } from './effect.ts';
import { runInvoke } from './invoke-run.ts';
import type { Json } from './json.ts';
import {
  type InvokeEnd,
  type InvokeOutcome,
  type InvokeRun,
  type MachineDriver,
  MachineFailed,
  MachineRefused,
  type MachineSnapshot,
  type Step,
} from './machine-driver.ts';
import { type InvokedLogics, readDefinition } from './machine-driver.xstate5-definition.ts';
import { asInvoke, effectOf } from './machine-driver.xstate5-effects.ts';
import { errorData, fromStored, toStored } from './machine-driver.xstate5-stored.ts';

/** More in one step is a machine that turns in circles; XState itself would never stop. */
const mostMicrosteps = 1_000;

/** Makes the driver of one machine; throws `MachineRefused` when it cannot be run. */
export function xstateDriver(machine: AnyStateMachine): MachineDriver {
  const { logics, problems } = readDefinition(machine);
  if (problems.length > 0) throw new MachineRefused(machine.id, problems);
  return new XState5Driver(machine, logics);
}

type Scope = Parameters<AnyStateMachine['transition']>[2];

interface MicrostepSeen {
  readonly type: string;
  readonly _transitions?: readonly { readonly target: unknown; readonly actions: readonly unknown[] }[];
}

class XState5Driver implements MachineDriver {
  readonly #machine: AnyStateMachine;
  readonly #logics: InvokedLogics;
  readonly #scope: Scope;
  #during: 'create' | 'step' = 'step';
  #effects: Effect[] = [];
  #toSelf: EventData[] = [];
  #microsteps = 0;
  #taken = false;

  constructor(machine: AnyStateMachine, logics: InvokedLogics) {
    this.#machine = machine;
    this.#logics = logics;
    this.#scope = this.#openScope();
  }

  create(input?: unknown): Step {
    this.#begin('create');
    const snapshot: AnyMachineSnapshot = this.#guarded(() => this.#machine.getInitialSnapshot(this.#scope, input));
    // XState turns a throw of the initial step into a snapshot; here it is a failure like any other.
    if (snapshot.status === 'error') throw this.#failed(snapshot.error);
    return this.#settle(snapshot);
  }

  step(given: MachineSnapshot, event: { readonly type: string }): Step {
    const before = own(given);
    if (before.status !== 'active') return { snapshot: given, effects: [], handled: false };
    this.#begin('step');
    const ended = endedInvoke(event.type, before);
    const from = ended === undefined ? before : withoutChild(before, ended);
    const after = this.#guarded(() => this.#machine.transition(from, event, this.#scope));
    const handled = this.#taken || ended !== undefined || after.status !== before.status;
    return handled ? this.#settle(after) : { snapshot: given, effects: [], handled };
  }

  accepts(given: MachineSnapshot, event: { readonly type: string }): boolean {
    const snapshot = own(given);
    if (snapshot.status !== 'active') return false;
    this.#begin('step');
    return endedInvoke(event.type, snapshot) !== undefined || this.#guarded(() => snapshot.can(event));
  }

  persist(given: MachineSnapshot): Json {
    return toStored(own(given));
  }

  restore(json: Json): MachineSnapshot {
    return fromStored(json, { machine: this.#machine, logics: this.#logics, parent: this.#scope.self });
  }

  invokes(given: MachineSnapshot): readonly InvokeEffect[] {
    return Object.values(own(given).children as Record<string, AnyActorRef>).map((child) => asInvoke(child));
  }

  async run(invoke: InvokeEffect, under: InvokeRun): Promise<InvokeOutcome> {
    const logic = this.#logics.get(invoke.src);
    if (logic !== undefined) return await runInvoke(logic, invoke, under);
    return { kind: 'failed', error: new Error(`machine '${this.#machine.id}' invokes nothing named '${invoke.src}'`) };
  }

  settled(id: string, outcome: InvokeOutcome): InvokeEnd {
    return outcome.kind === 'done'
      ? { type: `${doneInvoke}${id}`, actorId: id, output: outcome.output }
      : { type: `${failedInvoke}${id}`, actorId: id, error: errorData(outcome.error) };
  }

  #begin(during: 'create' | 'step'): void {
    this.#during = during;
    this.#effects = [];
    this.#toSelf = [];
    this.#microsteps = 0;
    this.#taken = false;
  }

  /** Takes the events the machine sent to itself, then closes the step. */
  #settle(settling: AnyMachineSnapshot): Step {
    let snapshot = settling;
    for (
      let event = this.#toSelf.shift();
      event !== undefined && snapshot.status === 'active';
      event = this.#toSelf.shift()
    ) {
      const [from, sent] = [snapshot, event];
      snapshot = this.#guarded(() => this.#machine.transition(from, sent, this.#scope));
    }
    const effects = this.#effects;
    this.#effects = [];
    return { snapshot, effects, handled: true };
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): MachineFailed {
    return new MachineFailed(
      this.#during,
      `machine '${this.#machine.id}' failed: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }

  /** Lent to XState for every step: what it would do, it tells this driver. */
  #openScope(): Scope {
    const self = createActor(
      fromTransition((state: undefined) => state, undefined),
      { id: this.#machine.id },
    );
    self.send = () => {
      throw new Error(
        'self.send reaches nobody here; use raise(event), or sendTo(({ self }) => self, event) as an action',
      );
    };
    self.getSnapshot = () => {
      throw new Error('self.getSnapshot knows no actor here; use the context and event that the action is given');
    };
    const system = { ...self.system, _sendInspectionEvent: (seen: MicrostepSeen) => this.#sawMicrostep(seen) };
    const capturing = { self, logics: this.#logics, toSelf: (event: EventData): void => void this.#toSelf.push(event) };
    return {
      self: self as AnyActorRef as Scope['self'],
      id: self.id,
      sessionId: self.sessionId,
      system,
      logger: () => {},
      emit: () => {},
      stopChild: () => {},
      // In a pure step only `spawn` inside an assign defers anything.
      defer: () => {
        throw new Error('spawn inside an assign cannot be stored; use invoke, or the action spawnChild with an id');
      },
      actionExecutor: (action) => {
        const effect = effectOf(action, capturing);
        if (effect !== undefined) this.#effects.push(effect);
      },
    };
  }

  /** XState reports every microstep with its transitions: whether any was taken, and how many there were. */
  #sawMicrostep(seen: MicrostepSeen): void {
    if (seen.type !== '@xstate.microstep') return;
    this.#microsteps += 1;
    if (this.#microsteps > mostMicrosteps) {
      throw new Error(
        `more than ${mostMicrosteps} microsteps in one step: a cycle of always transitions, raised events or events sent to itself`,
      );
    }
    this.#taken ||=
      seen._transitions?.some(({ target, actions }) => target !== undefined || actions.length > 0) ?? false;
  }
}

const doneInvoke = 'xstate.done.actor.';
const failedInvoke = 'xstate.error.actor.';

/** The invoke that an event ends, if the snapshot waits for it. */
function endedInvoke(eventType: string, snapshot: AnyMachineSnapshot): string | undefined {
  if (!eventType.startsWith('xstate.')) return undefined;
  const prefix = [doneInvoke, failedInvoke].find((start) => eventType.startsWith(start));
  if (prefix === undefined) return undefined;
  const id = eventType.slice(prefix.length);
  return Object.hasOwn(snapshot.children, id) ? id : undefined;
}

/** XState keeps an ended invoke among the children; here that would start it again after a restore. */
function withoutChild(snapshot: AnyMachineSnapshot, id: string): AnyMachineSnapshot {
  const { [id]: _ended, ...children } = snapshot.children as Record<string, AnyActorRef>;
  return { ...snapshot, children } as AnyMachineSnapshot;
}

/** The XState snapshot behind a snapshot of this driver. */
function own(snapshot: MachineSnapshot): AnyMachineSnapshot {
  assert('_nodes' in snapshot, 'a snapshot is stepped by the driver that made it');
  return snapshot as AnyMachineSnapshot;
}
