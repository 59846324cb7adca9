// Outflow
//
// What leaves an actor once its commit is in the store: invokes that run, messages it owes, events
// for those who listen. Nothing comes here before the commit, so nothing is ever taken back.
import type { ActivationHost } from './activation-host.ts';
import { type ActorState, numberedAtMs } from './actor-state.ts';
import type { ActorError } from './errors.ts';
import type { AfterEffect, Stepper } from './group-step.ts';
import { Invokes } from './invokes.ts';
import type { Bounced, Closed, Emptied, Ended, Said } from './mailbox.ts';
import { OutboxRelay } from './outbox-relay.ts';
import type { Commit, OutboxRow } from './state-store.ts';

const NO_ROWS: readonly OutboxRow[] = [];

/** The activation it flows out of. */
export interface OutflowActor {
  /** An invoke has said something or ended, or there is more to a row than that it is paid. */
  happened(letter: Said | Ended | Bounced | Emptied | Closed): void;
  /** A row has been paid. */
  paid(): void;
}

export class Outflow {
  readonly #host: ActivationHost;
  readonly #stepper: Stepper;
  /** Made when first needed, and dropped when it has paid all: most actors owe nothing. */
  #invokes: Invokes | undefined;
  #relay: OutboxRelay | undefined;
  readonly #actor: OutflowActor;
  /** Rows their receivers have settled, not yet removed from the record. */
  #paid: readonly OutboxRow[] = NO_ROWS;

  constructor(host: ActivationHost, stepper: Stepper, actor: OutflowActor) {
    this.#host = host;
    this.#stepper = stepper;
    this.#actor = actor;
  }

  /** What the record says was under way. */
  resume(state: ActorState, outbox: readonly OutboxRow[]): void {
    if (state.halt === undefined) this.#startWaiting(state);
    if (outbox.length > 0) this.#relays().add(outbox);
  }

  /** Rows that the next commit is to remove. */
  get paid(): Commit['outbox']['remove'] {
    return this.#paid.length === 0 ? NO_ROWS : this.#paid.map(({ to, n }) => ({ to, n }));
  }

  /** A commit has removed the first so many. */
  removed(count: number): void {
    this.#paid = count === this.#paid.length ? NO_ROWS : this.#paid.slice(count);
    if (this.#relay?.size === 0) this.#relay = undefined;
  }

  /** What waits altogether, and since when; undefined for nothing. */
  debt(): { readonly messages: number; readonly sinceMs: number } | undefined {
    const oldest = this.#relay?.oldest;
    return oldest === undefined ? undefined : { messages: this.owed, sinceMs: numberedAtMs(oldest) };
  }

  /** What waits for whom, and why: at most so many receivers. */
  owes(most: number): ReturnType<OutboxRelay['owed']> {
    return this.#relay?.owed(most) ?? [];
  }

  get invokes(): readonly string[] {
    return this.#invokes?.ids ?? [];
  }

  /** Messages not yet settled by their receivers. */
  get owed(): number {
    return this.#relay?.size ?? 0;
  }

  /** Whether anything still runs or is owed. */
  get isBusy(): boolean {
    return (this.#invokes?.size ?? 0) + this.owed + this.#paid.length > 0;
  }

  /** What the commit of this state lets out. */
  let(effects: readonly AfterEffect[], state: ActorState): void {
    for (const effect of effects) this.#let(effect, state);
  }

  /** An actor without a record has no outbox: what it tells is sent once. */
  owe(rows: readonly OutboxRow[]): void {
    if (rows.length === 0) return;
    if (this.#stepper.behavior.durable) this.#relays().add(rows);
    else for (const row of rows) this.#host.tellOnce(row);
  }

  stop(): void {
    this.#invokes?.stopAll();
    this.#relay?.stop();
  }

  #running(): Invokes {
    const host = this.#host;
    this.#invokes ??= new Invokes(this.#stepper.id, this.#stepper.driver, {
      take: (letter) => this.#actor.happened(letter),
      ask: (question, under) => host.ask(question, under),
      within: (traceparent, work) => host.within(traceparent, work),
      onFault: (fault) => host.onFault(fault),
    });
    return this.#invokes;
  }

  #relays(): OutboxRelay {
    const host = this.#host;
    this.#relay ??= new OutboxRelay({
      clock: host.clock,
      deliver: (row, signal) => host.deliver(this.#stepper.id, row, signal),
      settled: (row, refusal, closes) => this.#settled(row, refusal, closes),
      closed: (to, rows, floor) => this.#actor.happened({ kind: 'closed', to, rows, floor }),
    });
    return this.#relay;
  }

  /** Those of its invokes that the state still waits for. */
  #startWaiting(state: ActorState): void {
    for (const invoke of this.#stepper.driver.invokes(state.snapshot)) {
      const run = state.runs[invoke.id];
      if (run !== undefined) this.#running().start(invoke, run, state.traces[invoke.id]);
    }
  }

  #let(effect: AfterEffect, state: ActorState): void {
    switch (effect.kind) {
      case 'start':
        this.#running().start(effect.invoke, effect.run, state.traces[effect.invoke.id]);
        break;
      case 'stop':
        this.#invokes?.stop(effect.id);
        break;
      case 'send':
        this.#invokes?.send(effect.id, effect.event);
        break;
      case 'rest':
        this.#invokes?.stopAll();
        break;
      case 'rise':
        this.#startWaiting(state);
        break;
      case 'renumbered':
        // They come back with their new numbers.
        this.#relay?.drop(effect.to);
        break;
      case 'emit':
        this.#host.emitted(this.#stepper.id, effect.event);
        break;
      case 'log':
        this.#host.onLog(this.#stepper.id, effect);
        break;
      case 'action':
        try {
          effect.run();
        } catch (fault) {
          this.#host.onFault(fault);
        }
        break;
    }
  }

  #settled(row: OutboxRow, refusal: ActorError | undefined, closes: boolean): void {
    // It leaves the outbox in the commit that buries it, or that owes the end of its lane.
    if (refusal !== undefined) {
      this.#actor.happened({ kind: 'bounced', row, refusal, closes });
      return;
    }
    if (closes) {
      this.#actor.happened({ kind: 'emptied', row });
      return;
    }
    this.#paid = [...this.#paid, row];
    this.#actor.paid();
  }
}
