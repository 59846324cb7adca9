// A typed name for an actor. It holds no connection and no state: making one does no I/O, and
// it stays good while the actor moves between nodes.
import type { FencingToken } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import type { ActorTypes } from './define-actor.ts';
import type { Json } from './state-store.ts';

/** What a `tell` or an `ask` may be given; all of it may be left out. */
export interface TellOptions {
  /** The call has settled after this time at the latest. @default 10000 */
  readonly deadlineMs?: number;
  /**
   * Makes calls with the same key one message, across processes and restarts: the second is
   * answered as the first was. Remembered for ten minutes, and for the last 10,000 keys and nodes
   * that the actor heard of; a repeat after that is a message of its own.
   */
  readonly dedup?: string;
  /** Commits only if no newer fencing token guards the actor; else STALE_FENCE and nothing changed. */
  readonly fence?: FencingToken;
  readonly signal?: AbortSignal;
  /** W3C trace context of the caller. @default the active one, for a runtime with a `tracer` */
  readonly traceparent?: string;
}

/** How long a read may take (10 s by default), and how sure it has to be. */
export interface ReadOptions {
  readonly deadlineMs?: number;
  /** Always asks the store whether the owner still is the owner. @default false */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
}

/** A committed state of an actor. */
export interface ActorView<Types extends ActorTypes = ActorTypes> {
  readonly value: Types['value'];
  readonly context: Types['context'];
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  /** The machine's output, once `status` is `done`. */
  readonly output?: Types['output'];
  /** Rises with each commit of the actor; 0 before the first. */
  readonly version: number;
}

/** An event that reached `on`: emitted by the machine, or published on the actor's topic. */
export type Heard<Types extends ActorTypes, Kind extends string> =
  Extract<Types['emitted'], { readonly type: Kind }> extends never
    ? { readonly type: Kind; readonly data: Json }
    : Extract<Types['emitted'], { readonly type: Kind }>;

type Answered<Types extends ActorTypes> = Extract<Types['event'], { readonly type: keyof Types['replies'] }>;
type ReplyTo<Types extends ActorTypes, Event> = Event extends {
  readonly type: infer Kind extends keyof Types['replies'];
}
  ? Types['replies'][Kind]
  : never;

/**
 * A name for one actor, typed by its machine. Making one does no I/O, and it stays good while the actor moves.
 *
 * What is awaited rejects with an `ActorError`, whose `applied` says whether anything may have happened, or with
 * the reason of the `signal` that was given; `peek` alone with what the store throws.
 */
export interface ActorRef<Types extends ActorTypes = ActorTypes> {
  readonly id: ActorId;
  readonly type: string;
  readonly key: string;

  /** At most once, no answer, no order promised over reconnects. Throws only what the caller got wrong. */
  send(event: Types['event']): void;
  /** Resolves when the actor has committed the event, which it does exactly once. */
  tell(event: Types['event'], options?: TellOptions): Promise<{ readonly version: number }>;
  /** A tell that answers with the reply of the machine. */
  ask<const Event extends Answered<Types>>(event: Event, options?: TellOptions): Promise<ReplyTo<Types, Event>>;
  /** The committed state, as its owner has it: never older than an answer given before the call. */
  read(options?: ReadOptions): Promise<ActorView<Types>>;
  /** The stored state, asked of the store and not of the owner: a committed one, perhaps not the last. */
  peek(): Promise<ActorView<Types> | undefined>;
  /** The present state, then each later one; states that follow fast may be skipped, never reordered. */
  watch(options?: { readonly signal?: AbortSignal }): AsyncIterable<ActorView<Types>>;
  /** Events as they happen: hints, so an event may be missed; `peek`, `read` and the log do not lie. */
  on<const Kind extends Types['emitted']['type'] | (string & {})>(
    kind: Kind,
    listener: (event: Heard<Types, Kind>) => void,
  ): () => void;
  /** Resolves with the output once the machine has reached its final state. */
  done(options?: { readonly signal?: AbortSignal }): Promise<Types['output']>;
}
