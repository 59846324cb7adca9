// A machine as the model of its actors
//
// The machine, stepped purely by the driver that the product steps it with, one event after another: what an actor
// of it may answer and be. Nothing is said here of nodes, commits or messages.
//
//   MM1  A timer may ring at any moment from its due time on, or never; what else time does is not known.
//   MM2  What a step that throws leads to is what supervision may do then.
//   MM3  What the machine waits for from elsewhere cannot be known here: `beyond` says so.

import { askedEvent, type ReplyAddress } from '../asks.ts';
import type { ActorType } from '../define-actor.ts';
import type { Effect, EventData } from '../effect.ts';
import type { MachineDriver, MachineSnapshot } from '../machine-driver.ts';
import { xstateDriver } from '../machine-driver.xstate5.ts';
import type { Directive } from '../supervision.ts';
import { canonical } from './canonical.ts';
import type { CommandInput, CommandOutput } from './command-play.ts';
import type { Operation } from './history.ts';
import type { SequentialModel } from './sequential-model.ts';

/** An actor between two events. */
export interface Believed {
  readonly key: string;
  readonly snapshot: MachineSnapshot;
  /** The snapshot as it is stored, and the rest, as text. */
  readonly text: string;
  readonly halt: 'suspended' | 'stopped' | undefined;
  readonly timers: readonly Timer[];
  /** Effects of its beginning, which happen with its first commit. */
  readonly unborn: readonly Effect[];
  /** Asks that are to be answered later, and with what they were. */
  readonly open: { readonly [address: string]: string };
}

interface Timer {
  readonly id: string;
  readonly event: EventData;
  /** It cannot have rung before. */
  readonly fromMs: number;
}

export type CommandOperation = Operation<CommandInput, CommandOutput>;

/** What is looked at of a state; the same of the actor's and of the model's. */
export type Looked = (view: {
  readonly value: unknown;
  readonly context: unknown;
  readonly status: string;
  readonly output?: unknown;
}) => unknown;

export interface MachineModelOptions {
  readonly looks: Looked;
  /** Clocks may be ahead by so much. */
  readonly slackMs: number;
  /** When the run was over. */
  readonly endMs: number;
}

/** States that timers may have led to between two operations. */
const MOST_REACHED = 200;

export class MachineModel implements SequentialModel<Believed, CommandInput, CommandOutput> {
  readonly name: string;
  readonly #type: ActorType;
  readonly #driver: MachineDriver;
  readonly #options: MachineModelOptions;
  readonly #beyond = new Set<string>();
  /** The search comes to one state in many ways. */
  readonly #known = new Map<string, readonly Believed[]>();

  constructor(type: ActorType, options: MachineModelOptions) {
    this.name = `the machine of ${type.type}`;
    this.#type = type;
    this.#driver = xstateDriver(type.behavior.machine);
    this.#options = options;
  }

  /** What the machine waits for from elsewhere, for people: with any of it, nothing here is sure. */
  get beyond(): readonly string[] {
    return [...this.#beyond];
  }

  initial(key: string): Believed {
    const { behavior, type } = this.#type;
    const { snapshot, effects } = this.#driver.create(behavior.input(key.slice(type.length + 1)));
    return this.#believed({ key, snapshot, halt: undefined, timers: [], unborn: effects, open: {} });
  }

  step(state: Believed, operation: CommandOperation): readonly Believed[] {
    const name = `${operation.id} ${state.text}`;
    const known = this.#known.get(name) ?? this.#stepped(state, operation);
    this.#known.set(name, known);
    return known;
  }

  fingerprint(state: Believed): string {
    return state.text;
  }

  describe({ input, outcome }: CommandOperation): string {
    const asked = input === 'read' ? input : canonical(input);
    return `${asked} → ${outcome.kind === 'ok' ? told(outcome.value) : outcome.kind}`;
  }

  believes(state: Believed): string {
    const { value, context, status } = this.#view(state);
    return `it is ${canonical(value)} with ${canonical(context)}${status === 'active' ? '' : `, ${status}`}`;
  }

  #stepped(state: Believed, operation: CommandOperation): readonly Believed[] {
    const { input, invokedMs, returnedMs, outcome } = operation;
    const isOver = outcome.kind === 'ok' && returnedMs !== undefined;
    const reached = this.#rung(state, isOver ? returnedMs : this.#options.endMs);
    const next = reached.flatMap((at) =>
      input === 'read' ? this.#look(at, operation) : this.#take(at, { event: input, operation, fromMs: invokedMs }),
    );
    return unlike(next);
  }

  /** Itself, and what it may have become by its timers alone (MM1). */
  #rung(state: Believed, untilMs: number): readonly Believed[] {
    const reached = new Map([[state.text, state]]);
    for (const at of reached.values()) {
      if (reached.size > MOST_REACHED) {
        this.#beyond.add(`its timers ring so often that not every moment can be looked at`);
        break;
      }
      for (const timer of at.halt === undefined ? at.timers : []) {
        if (timer.fromMs > untilMs) continue;
        for (const next of this.#ring(at, timer)) reached.set(next.text, next);
      }
    }
    return [...reached.values()];
  }

  #ring(at: Believed, timer: Timer): readonly Believed[] {
    const quiet = { ...at, timers: at.timers.filter((other) => other !== timer) };
    try {
      const { snapshot, effects } = this.#driver.step(at.snapshot, { ...timer.event, lateBy: 0 } as EventData);
      const next = this.#after({ ...quiet, snapshot }, effects, timer.fromMs);
      return next === undefined ? [] : [next];
    } catch {
      return this.#threw(quiet, timer.fromMs);
    }
  }

  #look(at: Believed, { outcome }: CommandOperation): readonly Believed[] {
    if (outcome.kind !== 'ok') return [at];
    if (outcome.value.kind !== 'state') return [];
    const { kind: _, ...seen } = outcome.value;
    const { looks } = this.#options;
    return canonical(looks(seen)) === canonical(looks(this.#view(at))) ? [at] : [];
  }

  #take(
    at: Believed,
    by: { readonly event: { readonly type: string }; readonly operation: CommandOperation; readonly fromMs: number },
  ): readonly Believed[] {
    const { event, operation, fromMs } = by;
    const { outcome } = operation;
    const answer = outcome.kind === 'ok' ? outcome.value : undefined;
    const isRefused = answer === undefined || answer.kind === 'refused';
    // One that was asked twice has been born by the refusal, else not.
    const untouched = isRefused ? [at, ...this.#born(at, fromMs)] : [];
    if (at.halt !== undefined) return untouched;
    const asks = this.#type.behavior.replies.has(event.type);
    const address = `${operation.id}` as ReplyAddress;
    let promised = false;
    const promise = (): ReplyAddress => {
      promised = true;
      return address;
    };
    try {
      const step = this.#driver.step(at.snapshot, asks ? askedEvent(event, promise) : event);
      if (!step.handled) return untouched;
      if (answer?.kind === 'refused') return [];
      const reply = step.effects.find((effect) => isReplyTo(effect, promised ? address : undefined));
      const isLater = promised && reply === undefined;
      const said: CommandOutput =
        reply?.kind === 'reply' ? { kind: 'replied', reply: reply.value } : { kind: 'committed' };
      if (answer !== undefined && !isLater && canonical(answer) !== canonical(asks ? said : { kind: 'committed' }))
        return [];
      const open = isLater && answer?.kind === 'replied' ? { ...at.open, [address]: canonical(answer.reply) } : at.open;
      const born = this.#born(at, fromMs)[0] ?? at;
      const next = this.#after({ ...born, snapshot: step.snapshot, open }, step.effects, fromMs);
      return next === undefined ? [] : [next];
    } catch {
      return isRefused ? this.#threw(at, fromMs) : [];
    }
  }

  /** With the effects of its beginning; nothing, when those have happened. */
  #born(at: Believed, fromMs: number): readonly Believed[] {
    if (at.unborn.length === 0) return [];
    const born = this.#after({ ...at, unborn: [] }, at.unborn, fromMs);
    return born === undefined ? [] : [born];
  }

  /** MM2. Whoever fails again and again is suspended, whatever is declared. */
  #threw(at: Believed, fromMs: number): readonly Believed[] {
    const { directive }: { readonly directive: Directive } = this.#type.behavior.supervision;
    const before = this.#born(at, fromMs)[0] ?? at;
    const halted = (halt: Believed['halt']): Believed => this.#believed({ ...before, halt });
    switch (directive) {
      case 'resume':
        return [before, halted('suspended')];
      case 'suspend':
        return [halted('suspended')];
      case 'stop':
        return [halted('stopped')];
      case 'escalate':
        return [halted('stopped'), halted('suspended')];
      case 'restart':
        return [this.#anew(at, fromMs), halted('suspended')];
    }
  }

  #anew({ key, open }: Believed, fromMs: number): Believed {
    const fresh = this.#believed({ ...this.initial(key), open });
    return this.#born(fresh, fromMs)[0] ?? fresh;
  }

  /** Undefined where an ask was answered otherwise than it was told. */
  #after(at: Omit<Believed, 'text'>, effects: readonly Effect[], fromMs: number): Believed | undefined {
    let timers = at.timers;
    const open = { ...at.open };
    for (const effect of effects) {
      switch (effect.kind) {
        case 'schedule': {
          const id = effect.id ?? `${effect.within ?? ''}~${timers.length}`;
          const timer = { id, event: effect.event, fromMs: fromMs + effect.delayMs - this.#options.slackMs };
          timers = [...timers.filter((other) => other.id !== id), timer];
          break;
        }
        case 'cancel':
          timers = timers.filter(({ id }) => id !== effect.id);
          break;
        case 'forget':
          timers = timers.filter(({ id }) => !id.startsWith(effect.within));
          break;
        case 'reply':
          if (effect.to === undefined || open[effect.to] === undefined) break;
          if (open[effect.to] !== canonical(effect.value)) return undefined;
          delete open[effect.to];
          break;
        case 'invoke':
          this.#beyond.add(`it invokes '${effect.src}', and what that answers is not of the machine`);
          break;
        case 'watch':
          this.#beyond.add(`it watches ${effect.to.type}:${effect.to.key}, whose end is not of the machine`);
          break;
        case 'tell':
          if (effect.to.type === this.#type.type)
            this.#beyond.add(`its actors tell each other events, which no client did`);
          break;
        default:
          break;
      }
    }
    return this.#believed({ ...at, timers: at.snapshot.status === 'active' ? timers : [], open });
  }

  #believed(at: Omit<Believed, 'text'>): Believed {
    const { halt, timers, open, unborn } = at;
    const text = canonical([this.#driver.persist(at.snapshot), halt ?? null, timers, open, unborn.length]);
    return { ...at, text };
  }

  #view({ snapshot, halt }: Believed): Parameters<Looked>[0] {
    const { value, context, status, output } = this.#driver.persist(snapshot) as object as Parameters<Looked>[0];
    const shown = halt === 'stopped' ? halt : (status ?? 'active');
    return { value, context, status: shown, ...(output === undefined ? {} : { output }) };
  }
}

function unlike(states: readonly Believed[]): readonly Believed[] {
  return [...new Map(states.map((state) => [state.text, state])).values()];
}

function isReplyTo(effect: Effect, address: string | undefined): boolean {
  return effect.kind === 'reply' && (effect.to === undefined || effect.to === address);
}

function told(output: CommandOutput): string {
  switch (output.kind) {
    case 'committed':
      return 'committed';
    case 'replied':
      return canonical(output.reply);
    case 'refused':
      return `refused, ${output.code}`;
    case 'state':
      return `${canonical(output.value)} with ${canonical(output.context)}`;
  }
}
