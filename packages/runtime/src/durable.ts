import { fromPromise, type PromiseActorLogic } from 'xstate';

/** What the work of a durable invoke is given. */
export interface DurableWork<I> {
  readonly input: I;
  /** Aborted when the machine no longer wants the result, or the actor leaves this node. */
  readonly signal: AbortSignal;
  /** The same for every attempt at this invoke; hand it to whatever the work calls. */
  readonly idempotencyKey: string;
}

/** Registered, so that a machine built with another copy of this package is understood as well. */
const works: unique symbol = Symbol.for('devmentor.durable');

/** The work behind an invoked logic, and the name it has in its idempotency keys. */
export interface NamedWork {
  readonly name: string;
  readonly work: (given: DurableWork<unknown>) => Promise<unknown>;
}

/**
 * Work that a machine invokes, run after the commit that asked for it and again after a crash, so
 * at least once: `idempotencyKey` is what makes that harmless. The name is part of the key and must
 * stay as it is while such work is under way. In a live XState actor it is an ordinary promise.
 */
export function durable<I, O>(name: string, work: (given: DurableWork<I>) => Promise<O>): PromiseActorLogic<O, I> {
  const logic = fromPromise<O, I>(({ input, signal }) => work({ input, signal, idempotencyKey: name }));
  return Object.assign(logic, { [works]: { name, work } });
}

/** The work of a logic made by `durable`; for drivers. */
export function durableWorkOf(logic: object): NamedWork | undefined {
  return (logic as { readonly [works]?: NamedWork })[works];
}
