// MachineDriver on XState 5
//
// The only place that touches what XState keeps to itself; the conformance suite guards it, and
// XState 6 gets a file of its own. A machine is stepped by its public `transition` method with a
// hand-made actor scope, whose `actionExecutor` collects what a live actor would execute. Since
// the types it serves have no child machines, one scope serves every actor of a type: the inert
// actors that XState makes for invokes live in the snapshot alone and are never started.
import { createActor, fromTransition, type AnyActorRef, type AnyMachineSnapshot, type AnyStateMachine, type PromiseActorLogic, type StateValue } from 'xstate';
import { assert } from '@devmentor/locks';
import { durableWorkOf } from './durable.ts';
import { sayOf, type Effect, type EventData, type InvokeEffect } from './effect.ts';
import { asJson, findNonJson } from './json-check.ts';
import type { Json } from './json.ts';
import { MachineFailed, MachineRefused, type InvokeEnd, type InvokeOutcome, type InvokeRun, type MachineDriver, type MachineSnapshot, type Step } from './machine-driver.ts';
import { readDefinition, type InvokedLogics } from './machine-driver.xstate5-definition.ts';

/** More in one step is a machine that turns in circles; XState itself would never stop. */
const mostMicrosteps = 1_000;

/** Makes the driver of one machine; throws `MachineRefused` when it cannot be run. */
export function xstateDriver(machine: AnyStateMachine): MachineDriver {
  const { logics, problems } = readDefinition(machine);
  if (problems.length > 0) throw new MachineRefused(machine.id, problems);
  return new XState5Driver(machine, logics);
}

type Scope = Parameters<AnyStateMachine['transition']>[2];

interface Captured {
  readonly type: string;
  readonly info: { readonly context: unknown; readonly event: unknown };
  readonly params: unknown;
  readonly exec: ((info: never, params: unknown) => void) | undefined;
}

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
    // XState turns a throw of the initial step into a snapshot; there it is a failure like any other.
    if (snapshot.status === 'error') throw this.#failed(snapshot.error);
    return this.#settle(snapshot, true);
  }

  step(given: MachineSnapshot, event: { readonly type: string }): Step {
    const before = own(given);
    if (before.status !== 'active') return { snapshot: given, effects: [], handled: false };
    this.#begin('step');
    const ended = endedInvoke(event.type, before);
    const from = ended === undefined ? before : withoutChild(before, ended);
    const after = this.#guarded(() => this.#machine.transition(from, event, this.#scope));
    const handled = this.#taken || ended !== undefined || after.status !== before.status;
    return handled ? this.#settle(after, true) : { snapshot: given, effects: [], handled };
  }

  accepts(given: MachineSnapshot, event: { readonly type: string }): boolean {
    const snapshot = own(given);
    if (snapshot.status !== 'active') return false;
    this.#begin('step');
    return endedInvoke(event.type, snapshot) !== undefined || this.#guarded(() => snapshot.can(event));
  }

  persist(given: MachineSnapshot): Json {
    const snapshot = own(given);
    const refuse = (message: string): Error => new MachineFailed('persist', `${message}; what an actor keeps must be JSON`);
    const running = this.invokes(given);
    const history = Object.entries(snapshot.historyValue as Record<string, readonly { readonly id: string }[]>);
    return {
      value: asJson(snapshot.value, 'value', refuse),
      context: asJson(snapshot.context, 'context', refuse),
      ...(snapshot.status === 'active' ? {} : { status: snapshot.status }),
      ...(snapshot.output === undefined ? {} : { output: asJson(snapshot.output, 'output', refuse) }),
      ...(snapshot.error === undefined ? {} : { error: errorData(snapshot.error) }),
      ...(history.length === 0 ? {} : { history: Object.fromEntries(history.map(([id, nodes]) => [id, nodes.map((node) => node.id)])) }),
      ...(running.length === 0 ? {} : { invokes: running.map(({ id, src, input }) => (input === undefined ? { id, src } : { id, src, input })) }),
    };
  }

  restore(json: Json): MachineSnapshot {
    const stored = asStored(json);
    try {
      const resolved: AnyMachineSnapshot = this.#machine.resolveState({ ...stored, historyValue: this.#history(stored.history) });
      if (!sameJson(resolved.value, stored.value)) throw new Error(`state ${JSON.stringify(stored.value)} has become ${JSON.stringify(resolved.value)}`);
      return { ...resolved, status: stored.status, children: this.#children(stored.invokes) } as AnyMachineSnapshot;
    } catch (error) {
      throw new MachineFailed('restore', `machine '${this.#machine.id}' cannot take up the stored state; give its actor type a new version and a migration`, error);
    }
  }

  invokes(given: MachineSnapshot): readonly InvokeEffect[] {
    const children: Record<string, AnyActorRef | undefined> = own(given).children;
    return Object.values(children).flatMap((child) => (child === undefined ? [] : [asInvoke(child)]));
  }

  async run(invoke: InvokeEffect, under: InvokeRun): Promise<InvokeOutcome> {
    const logic = this.#logics.get(invoke.src);
    if (logic === undefined) return { kind: 'failed', error: new MachineFailed('step', `machine '${this.#machine.id}' invokes nothing named '${invoke.src}'`) };
    if (under.signal.aborted) return { kind: 'failed', error: under.signal.reason };
    const durable = durableWorkOf(logic);
    try {
      const output =
        durable === undefined
          ? await runPromise(logic as PromiseActorLogic<unknown, unknown>, invoke.input, under.signal)
          : await durable.work({ input: invoke.input, signal: under.signal, idempotencyKey: `${durable.name}/${under.idempotencyKey}` });
      const found = output === undefined ? undefined : findNonJson(output, 'output');
      return found === undefined ? { kind: 'done', output } : { kind: 'failed', error: new TypeError(`the result of '${invoke.id}' is not JSON: ${found.path} ${found.why}`) };
    } catch (error) {
      return { kind: 'failed', error };
    }
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
  #settle(settling: AnyMachineSnapshot, handled: boolean): Step {
    let snapshot = settling;
    for (let event = this.#toSelf.shift(); event !== undefined && snapshot.status === 'active'; event = this.#toSelf.shift()) {
      const [from, sent] = [snapshot, event];
      snapshot = this.#guarded(() => this.#machine.transition(from, sent, this.#scope));
    }
    const effects = this.#effects;
    this.#effects = [];
    return { snapshot, effects, handled };
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): MachineFailed {
    if (error instanceof MachineFailed) return error;
    return new MachineFailed(this.#during, `machine '${this.#machine.id}' failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }

  /** Lent to XState for every step: what it would do, it tells this driver. */
  #openScope(): Scope {
    const self = createActor(fromTransition((state: undefined) => state, undefined), { id: this.#machine.id });
    self.send = () => {
      throw new Error('self.send reaches nobody here; use raise(event), or sendTo(({ self }) => self, event) as an action');
    };
    self.getSnapshot = () => {
      throw new Error('self.getSnapshot knows no actor here; use the context and event that the action is given');
    };
    const system = { ...self.system, _sendInspectionEvent: (seen: MicrostepSeen) => this.#sawMicrostep(seen) };
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
      actionExecutor: (action) => this.#capture(action),
    };
  }

  #sawMicrostep(seen: MicrostepSeen): void {
    if (seen.type !== '@xstate.microstep') return;
    this.#microsteps += 1;
    if (this.#microsteps > mostMicrosteps) throw new Error(`more than ${mostMicrosteps} microsteps in one step: a cycle of always transitions or raised events`);
    this.#taken ||= seen._transitions?.some((transition) => transition.target !== undefined || transition.actions.length > 0) ?? false;
  }

  #capture(action: Captured): void {
    const effect = this.#effectOf(action);
    if (effect !== undefined) this.#effects.push(effect);
  }

  /** What XState would execute, as data; `undefined` for what is complete within the step. */
  #effectOf(action: Captured): Effect | undefined {
    switch (action.type) {
      case 'xstate.raise':
        return this.#raised(action.params as Timed);
      case 'xstate.sendTo':
        return this.#sent(action.params as Timed & { readonly to: unknown; readonly targetId?: string });
      case 'xstate.cancel':
        return { kind: 'cancel', id: (action.params as { sendId: string }).sendId };
      case 'xstate.emit':
        return { kind: 'emit', event: eventData((action.params as { event: unknown }).event, 'the emitted event') };
      case 'xstate.spawnChild':
        return this.#invoked((action.params as { actorRef: AnyActorRef | undefined }).actorRef);
      case 'xstate.stopChild':
        return action.params === undefined ? undefined : { kind: 'stop', id: (action.params as AnyActorRef).id };
      case 'xstate.log':
        return { kind: 'log', ...(action.params as { value: unknown; label?: string }) };
      default:
        return this.#custom(action);
    }
  }

  #raised({ event, id, delay }: Timed): Effect | undefined {
    if (typeof delay === 'number') return schedule(event, id, delay);
    // XState raises at once what has no delay; an `after` without one means that its delay is broken.
    if (typeName(event)?.startsWith('xstate.after.')) throw new Error(`the delay of '${String(id)}' is ${String(delay)}, not a number of milliseconds`);
    return undefined;
  }

  #sent({ to, targetId, event, id, delay }: Timed & { readonly to: unknown; readonly targetId?: string }): Effect | undefined {
    if (to !== this.#scope.self) throw new Error(`sendTo reaches only the machine itself here, not '${targetId ?? 'another actor'}'; use tell(Type, key, event)`);
    if (typeof delay === 'number') return schedule(event, id, delay);
    this.#toSelf.push(eventData(event, 'the event sent to itself'));
    return undefined;
  }

  #invoked(child: AnyActorRef | undefined): InvokeEffect {
    if (child === undefined || typeof child.src !== 'string' || !this.#logics.has(child.src)) {
      throw new Error(`what is spawned as '${child?.id ?? 'unknown'}' is no promise named in setup({ actors }); only such work can be taken up again after a crash`);
    }
    return asInvoke(child);
  }

  #custom({ type, info, params, exec }: Captured): Effect {
    if (exec === undefined) throw new Error(`action '${type}' has no implementation; give it in setup({ actions }) or with machine.provide`);
    const said = sayOf(exec)?.(info, params);
    if (said === undefined) return { kind: 'action', type, params, run: () => exec(info as never, params) };
    switch (said.kind) {
      case 'reply':
        return { kind: 'reply', value: json(said.value ?? null, 'the reply') };
      case 'publish':
        return { kind: 'publish', type: said.type, data: json(said.data ?? null, `the data of '${said.type}'`) };
      case 'tell':
        if (typeof said.to.key !== 'string' || said.to.key === '') throw new Error(`tell('${said.to.type}', …): its key is ${JSON.stringify(said.to.key)}, not a text`);
        return { kind: 'tell', to: { type: said.to.type, key: said.to.key }, event: eventData(said.event, `the event told to '${said.to.type}:${said.to.key}'`) };
    }
  }

  /** Ids back to the states they name; a state that is gone fails the restore. */
  #history(stored: Stored['history']): AnyMachineSnapshot['historyValue'] {
    return Object.fromEntries(Object.entries(stored).map(([id, nodes]) => [id, nodes.map((node) => this.#machine.getStateNodeById(node))]));
  }

  #children(stored: Stored['invokes']): Record<string, AnyActorRef> {
    return Object.fromEntries(
      stored.map(({ id, src, input }) => {
        const logic = this.#logics.get(src);
        if (logic === undefined) throw new Error(`it waits for '${id}', and invokes nothing named '${src}'`);
        return [id, createActor(logic as PromiseActorLogic<unknown, unknown>, { id, src, input, parent: this.#scope.self })];
      }),
    );
  }
}

interface Timed {
  readonly event: unknown;
  readonly id: string | undefined;
  readonly delay: unknown;
}

interface Stored {
  readonly value: StateValue;
  readonly context: Record<string, Json>;
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly output?: Json;
  readonly error?: Json;
  readonly history: Readonly<Record<string, readonly string[]>>;
  readonly invokes: readonly { readonly id: string; readonly src: string; readonly input?: Json }[];
}

const doneInvoke = 'xstate.done.actor.';
const failedInvoke = 'xstate.error.actor.';

/** The invoke that an event ends, if the snapshot waits for it. */
function endedInvoke(eventType: string, snapshot: AnyMachineSnapshot): string | undefined {
  const prefix = [doneInvoke, failedInvoke].find((start) => eventType.startsWith(start));
  if (prefix === undefined) return undefined;
  const id = eventType.slice(prefix.length);
  return Object.hasOwn(snapshot.children, id) ? id : undefined;
}

/** XState keeps an ended invoke among the children; here that would start it again after a restore. */
function withoutChild(snapshot: AnyMachineSnapshot, id: string): AnyMachineSnapshot {
  const { [id]: _ended, ...children } = snapshot.children as Record<string, AnyActorRef | undefined>;
  return { ...snapshot, children } as AnyMachineSnapshot;
}

function asInvoke(child: AnyActorRef): InvokeEffect {
  const input = (child.getSnapshot() as { input?: unknown }).input;
  const named = { kind: 'invoke', id: child.id, src: child.src as string } as const;
  return input === undefined ? named : { ...named, input: json(input, `the input of '${child.id}'`) };
}

function schedule(event: unknown, id: string | undefined, delay: number): Effect {
  if (!Number.isFinite(delay)) throw new Error(`the delay of '${id ?? String(typeName(event))}' is ${delay}, not a number of milliseconds`);
  const timed = { kind: 'schedule', delayMs: Math.max(0, delay), event: eventData(event, 'the delayed event') } as const;
  return id === undefined ? timed : { ...timed, id };
}

function eventData(event: unknown, what: string): EventData {
  if (typeName(event) === undefined) throw new Error(`${what} has no type`);
  return json(event, what) as EventData;
}

function typeName(event: unknown): string | undefined {
  const type = (event as { type?: unknown } | null | undefined)?.type;
  return typeof type === 'string' ? type : undefined;
}

function json(value: unknown, what: string): Json {
  return asJson(value, 'value', (message) => new TypeError(`${what} must be JSON: ${message}`));
}

/** An error as data: machines of any node may read it, whatever class it had. */
function errorData(error: unknown): Json {
  if (error instanceof Error) {
    const { code } = error as { code?: unknown };
    return { name: error.name, message: error.message, ...(typeof code === 'string' ? { code } : {}) };
  }
  return error === undefined || findNonJson(error, 'error') !== undefined ? { name: 'Error', message: String(error) } : (error as Json);
}

/** The XState snapshot behind a snapshot of this driver. */
function own(snapshot: MachineSnapshot): AnyMachineSnapshot {
  assert('_nodes' in snapshot, 'a snapshot is stepped by the driver that made it');
  return snapshot as AnyMachineSnapshot;
}

function asStored(json: Json): Stored {
  const stored = json as Partial<Stored> | null;
  if (typeof stored !== 'object' || stored === null || stored.value === undefined || typeof stored.context !== 'object') {
    throw new MachineFailed('restore', 'what is stored is not a snapshot of a machine');
  }
  return { ...(stored as Stored), status: stored.status ?? 'active', history: stored.history ?? {}, invokes: stored.invokes ?? [] };
}

function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => sameJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}

/** Runs a promise logic as XState would, so that it gets the arguments it knows. */
async function runPromise(logic: PromiseActorLogic<unknown, unknown>, input: unknown, signal: AbortSignal): Promise<unknown> {
  const actor = createActor(logic, { input });
  return await new Promise<unknown>((resolve, reject) => {
    const stop = (): void => {
      // Before the stop, which XState takes for a completion.
      reject(signal.reason as Error);
      actor.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    const ended = (): void => signal.removeEventListener('abort', stop);
    actor.subscribe({
      complete: () => {
        ended();
        resolve(actor.getSnapshot().output);
      },
      error: (error) => {
        ended();
        reject(error as Error);
      },
    });
    actor.start();
  });
}
