import { fromPromise, type PromiseActorLogic } from 'xstate';

/** What the work of a durable invoke is given. */
export interface DurableWork<I> {
  readonly input: I;
  /** Aborted when the machine no longer wants the result, or the actor leaves this node. */
  readonly signal: AbortSignal;
  /** The same for every attempt at this invoke; hand it to whatever the work calls. */
  readonly idempotencyKey: string;
}

type Work = (given: DurableWork<never>) => Promise<unknown>;

const works = new WeakMap<object, { readonly name: string; readonly work: Work }>();

/**
 * Work that a machine invokes, run after the commit that asked for it and again after a crash, so
 * at least once: `idempotencyKey` is what makes that harmless. The name is part of the key and must
 * stay as it is while such work is under way. In a live XState actor it is an ordinary promise.
 */
export function durable<I, O>(name: string, work: (given: DurableWork<I>) => Promise<O>): PromiseActorLogic<O, I> {
  const logic = fromPromise<O, I>(({ input, signal }) => work({ input, signal, idempotencyKey: name }));
  works.set(logic, { name, work: work as Work });
  return logic;
}

/** The work behind an invoked logic made by `durable`; for drivers. */
export function durableWorkOf(
  logic: object,
): { readonly name: string; readonly work: (given: DurableWork<unknown>) => Promise<unknown> } | undefined {
  return works.get(logic) as { name: string; work: (given: DurableWork<unknown>) => Promise<unknown> } | undefined;
}
