// An ask of another actor as work that a machine invokes.
import { fromPromise, type PromiseActorLogic } from 'xstate';
import type { EventData } from './effect.ts';
import type { Json } from './json.ts';

/** Registered, so that a machine built with another copy of this package is understood as well. */
const asks: unique symbol = Symbol.for('devmentor.ask');

/** Whom a remote ask asks, and what. */
export interface AskedActor {
  readonly to: string;
  readonly event: string;
}

/** What the input of a remote ask comes to. */
export interface AskInput {
  readonly key: string;
  /** The parts of the event beside its type. */
  readonly event?: object;
  /** @default 10000 */
  readonly deadlineMs?: number;
}

/** What `remoteAsk` asks of, as `defineActor` makes it. */
export interface Askable {
  readonly type: string;
  /** Never there at run time. */
  readonly types?: { readonly event: { readonly type: string }; readonly replies: object };
}

type Types<T extends Askable> = NonNullable<T['types']>;
type Payload<T extends Askable, Kind> = Omit<Extract<Types<T>['event'], { readonly type: Kind }>, 'type'>;

/** Input of the invoke: the key, and the rest of the event where it has any. */
export type RemoteAskInput<T extends Askable, Kind> = {
  readonly key: string;
  readonly deadlineMs?: number;
} & (object extends Payload<T, Kind> ? { readonly event?: Payload<T, Kind> } : { readonly event: Payload<T, Kind> });

/**
 * Asks another actor, found by its address, and ends with its reply. It never holds up the mailbox of the
 * actor that asks. It is sent again until it is answered, after a crash of this node too, always as the
 * same message, which the other actor applies once. Without an answer within `deadlineMs` (10 s, counted
 * anew after a crash) it ends with an error that has the code of an `ActorError`, DEADLINE for one.
 *
 * @example
 * setup({ actors: { price: remoteAsk(Catalogue, 'price') } }).createMachine({
 *   invoke: { src: 'price', input: ({ context }) => ({ key: context.shop, event: { sku: context.sku } }), onDone: …, onError: … },
 * });
 */
export function remoteAsk<T extends Askable, const Kind extends keyof Types<T>['replies'] & string>(
  to: T,
  event: Kind,
): PromiseActorLogic<Types<T>['replies'][Kind], RemoteAskInput<T, Kind>> {
  const logic = fromPromise<Types<T>['replies'][Kind], RemoteAskInput<T, Kind>>(async () => {
    throw new Error(`'${to.type}' can be asked '${event}' only within a runtime; provide another logic here`);
  });
  const asked: AskedActor = { to: to.type, event };
  return Object.assign(logic, { [asks]: asked });
}

/** Whom a logic made by `remoteAsk` asks; for drivers. */
export function remoteAskOf(logic: object): AskedActor | undefined {
  return (logic as { readonly [asks]?: AskedActor })[asks];
}

/** One question as the runtime puts it. */
export interface Question {
  readonly to: string;
  readonly key: string;
  readonly event: EventData;
  readonly deadlineMs: number | undefined;
}

export type Ask = (
  question: Question,
  under: { readonly dedup: string; readonly signal: AbortSignal; readonly traceparent?: string },
) => Promise<Json>;

export function questionOf(asked: AskedActor, input: unknown): Question {
  const { key, event, deadlineMs } = (input ?? {}) as Partial<AskInput>;
  if (typeof key !== 'string' || key === '')
    throw new TypeError(`remoteAsk('${asked.to}', '${asked.event}'): its input has no key`);
  return { to: asked.to, key, event: { ...event, type: asked.event } as EventData, deadlineMs };
}
