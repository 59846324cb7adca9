// A reference, run: what `runtime.actor(Type, key)` gives out.
import { encodePart } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import type { ActorRef, ActorView, Heard, ReadOptions, TellOptions } from './actor-ref.ts';
import { viewOfRecord } from './actor-state.ts';
import type { ActorType, ActorTypes } from './define-actor.ts';
import type { Numbered, Told, ViewData } from './envelope.ts';
import { ActorError, faultFrom } from './errors.ts';
import type { Hints } from './hints.ts';
import { jsonText } from './json-text.ts';
import { isReservedEventType } from './machine-driver.ts';
import type { CallLimits, Outgoing, Router } from './router.ts';
import { type Sender, Ticket } from './sender.ts';
import type { Json, StateStore } from './state-store.ts';
import { isFault } from './store-faults.ts';
import { defaultStoreLimits } from './store-limits.ts';
import type { Tracing } from './tracing.ts';

export interface ReferencePorts {
  readonly router: Router;
  readonly sender: Sender;
  readonly hints: Hints;
  readonly state: StateStore;
  tracing(): Tracing | undefined;
  /** Throws NOT_RUNNING unless the node runs. */
  assertRunning(): void;
  onFault(fault: unknown): void;
}

interface Committed {
  readonly version: number;
  readonly reply?: Json;
}

/** What is wanted of a message's outcome. */
interface Verb<Out> {
  readonly asks: boolean;
  out(committed: Committed): Out;
}

const telling: Verb<Committed> = { asks: false, out: (committed) => committed };
// The type of the reply is what the actor type declares of the event.
const asking: Verb<never> = { asks: true, out: ({ reply }) => reply as never };

const DEFAULT_DEADLINE_MS = 10_000;
/** How long one question of a watcher waits for news. */
const WATCH_MS = 2_000;

export class Reference<Types extends ActorTypes> implements ActorRef<Types> {
  readonly id: ActorId;
  readonly type: string;
  readonly key: string;
  readonly #durable: boolean;
  readonly #ports: ReferencePorts;

  constructor(ports: ReferencePorts, type: ActorType, id: ActorId) {
    this.id = id;
    this.type = type.type;
    this.key = id.slice(type.type.length + 1);
    this.#durable = type.behavior.durable;
    this.#ports = ports;
  }

  send(event: Types['event']): void {
    this.#ports.assertRunning();
    const text = this.#eventText(event);
    try {
      this.#ports.router.post(this.#told(text, undefined, {}), DEFAULT_DEADLINE_MS);
    } catch (fault) {
      this.#ports.onFault(fault);
    }
  }

  tell(event: Types['event'], options: TellOptions = {}): Promise<{ readonly version: number }> {
    return this.#deliver(event, options, telling);
  }

  ask(event: Types['event'], options: TellOptions = {}): Promise<never> {
    return this.#deliver(event, options, asking);
  }

  async read(options: ReadOptions = {}): Promise<ActorView<Types>> {
    const answer = await this.#call(
      { op: 'read', id: this.id, fresh: options.fresh ?? false },
      { deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS, signal: options.signal },
    );
    return answer.view;
  }

  async peek(): Promise<ActorView<Types> | undefined> {
    this.#ports.assertRunning();
    const record = await this.#ports.state.peek(this.id);
    return record && viewOfRecord(record);
  }

  async *watch(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ActorView<Types>, void, undefined> {
    const { signal } = options;
    for (let after = -1; signal?.aborted !== true; ) {
      const view = await this.#next(after, signal);
      if (view === undefined) continue;
      after = view.version;
      yield view;
      if (view.status !== 'active') return;
    }
  }

  on<Kind extends string>(kind: Kind, listener: (event: Heard<Types, Kind>) => void): () => void {
    this.#ports.assertRunning();
    return this.#ports.hints.listen(this.id, (event) => {
      if (event.type === kind) listener(event as Heard<Types, Kind>);
    });
  }

  async done(options: { readonly signal?: AbortSignal } = {}): Promise<Types['output']> {
    for await (const view of this.watch(options)) {
      if (view.status === 'done') return view.output;
      if (view.status !== 'active')
        throw new ActorError('ACTOR_STOPPED', `${this.id} ended without output (${view.status})`, {
          applied: 'no',
          actor: this.id,
        });
    }
    throw options.signal?.reason;
  }

  /** The first view above a version; undefined when there was no news for a while. */
  async #next(after: number, signal: AbortSignal | undefined): Promise<ViewData | undefined> {
    try {
      return (await this.#call({ op: 'watch', id: this.id, after }, { deadlineMs: WATCH_MS, signal })).view;
    } catch (error) {
      if (signal?.aborted === true || (error instanceof ActorError && error.retryable)) return undefined;
      throw error;
    }
  }

  async #deliver<Out>(event: Types['event'], options: TellOptions, verb: Verb<Out>): Promise<Out> {
    const { dedup, fence, signal, deadlineMs = DEFAULT_DEADLINE_MS } = options;
    if (fence !== undefined && !this.#durable)
      throw new ActorError(
        'RUNTIME_CONFIG',
        `${this.id} is kept in memory only and has no guard to check a fence against`,
        { applied: 'no', actor: this.id },
      );
    this.#ports.assertRunning();
    const text = this.#eventText(event);
    const limits = { deadlineMs, signal };
    const { router, sender } = this.#ports;
    if (dedup !== undefined) {
      const by = { numbered: () => keyed(dedup) };
      return verb.out(this.#committed(await router.call(this.#told(text, by, options, verb.asks), limits)));
    }
    const opened = sender.open(this.id);
    const ticket = opened instanceof Ticket ? opened : await this.#place(opened, limits);
    try {
      return verb.out(this.#committed(await router.call(this.#told(text, ticket, options, verb.asks), limits)));
    } finally {
      ticket.settle();
    }
  }

  #told(text: string, by: Told['by'], options: TellOptions, asks = false): Told {
    const { dedup, fence, traceparent = this.#ports.tracing()?.active() } = options;
    return { op: 'deliver', id: this.id, text, by, again: dedup !== undefined, asks, fence, traceparent };
  }

  /** The place among this node's calls to the actor that becomes free for this one. */
  async #place(opened: Exclude<ReturnType<Sender['open']>, Ticket>, limits: CallLimits): Promise<Ticket> {
    if (opened === 'full')
      throw new ActorError('MAILBOX_FULL', `Too many calls of this node to ${this.id} wait`, {
        applied: 'no',
        actor: this.id,
      });
    return await this.#ports.router.within(limits, opened.wait, () => {
      opened.giveUp();
      return new ActorError('NOT_DELIVERED', `Too many calls of this node to ${this.id} were under way`, {
        applied: 'no',
        actor: this.id,
      });
    });
  }

  #committed(answer: Awaited<ReturnType<Router['call']>>): Committed {
    if (answer.kind === 'fault') throw faultFrom(answer.fault, this.id);
    if (answer.kind !== 'committed') throw this.#foreign();
    return answer;
  }

  async #call(outgoing: Outgoing, limits: CallLimits): Promise<{ readonly view: ViewData }> {
    this.#ports.assertRunning();
    const answer = await this.#ports.router.call(outgoing, limits);
    if (answer.kind === 'fault') throw faultFrom(answer.fault, this.id);
    if (answer.kind !== 'view') throw this.#foreign();
    return answer;
  }

  #foreign(): ActorError {
    return new ActorError('DEADLINE', `${this.id} was answered with something else than was asked`, {
      applied: 'unknown',
      actor: this.id,
    });
  }

  /** The event as JSON; NOT_JSON and TOO_LARGE name the path. */
  #eventText(event: { readonly type: string }): string {
    if (isReservedEventType(event.type)) {
      throw new ActorError('UNHANDLED_EVENT', `'${event.type}' is an event only the runtime may give to a machine`, {
        applied: 'no',
        actor: this.id,
      });
    }
    try {
      return jsonText(event as object as Json, 'event', defaultStoreLimits.messageBytes);
    } catch (fault) {
      if (isFault(fault) && (fault.code === 'NOT_JSON' || fault.code === 'TOO_LARGE'))
        throw new ActorError(fault.code, fault.message, { applied: 'no', cause: fault, actor: this.id });
      throw fault;
    }
  }
}

/** A caller's own key is a sender that sends one message. */
export function keyed(key: string): Numbered {
  return { sender: `key~${encodePart(key)}`, n: 1, floor: 1 };
}
