// Outflow
//
// What leaves an actor once its commit is in the store: invokes that run, messages it owes, events
// for those who listen. Nothing comes here before the commit, so nothing is ever taken back.
import type { ActivationHost } from './activation-host.ts';
import type { ActorState } from './actor-state.ts';
import type { ActorError } from './errors.ts';
import { Invokes } from './invokes.ts';
import type { Ended } from './mailbox.ts';
import { OutboxRelay } from './outbox-relay.ts';
import type { Commit, OutboxRow } from './state-store.ts';
import type { AfterEffect, Stepper } from './stepping.ts';

export class Outflow {
  readonly #host: ActivationHost;
  readonly #stepper: Stepper;
  readonly #invokes: Invokes;
  readonly #relay: OutboxRelay;
  readonly #changed: () => void;
  /** Rows their receivers have settled, not yet removed from the record. */
  #paid: OutboxRow[] = [];

  /** `ended`: an invoke has ended. `changed`: a row has been paid. */
  constructor(
    host: ActivationHost,
    stepper: Stepper,
    on: { readonly ended: (letter: Ended) => void; readonly changed: () => void },
  ) {
    this.#host = host;
    this.#stepper = stepper;
    this.#changed = on.changed;
    this.#invokes = new Invokes(stepper.id, stepper.driver, on.ended);
    this.#relay = new OutboxRelay({
      clock: host.clock,
      deliver: (row, signal) => host.deliver(stepper.id, row, signal),
      settled: (row, refusal) => this.#settled(row, refusal),
    });
  }

  /** What the record says was under way. */
  resume(state: ActorState, outbox: readonly OutboxRow[]): void {
    for (const invoke of this.#stepper.driver.invokes(state.snapshot)) {
      const run = state.runs[invoke.id];
      if (run !== undefined) this.#invokes.start(invoke, run);
    }
    this.#relay.add(outbox);
  }

  /** Rows that the next commit is to remove. */
  get paid(): Commit['outbox']['remove'] {
    return this.#paid.map(({ to, n }) => ({ to, n }));
  }

  /** A commit has removed the first so many. */
  removed(count: number): void {
    this.#paid = this.#paid.slice(count);
  }

  /** Messages not yet settled by their receivers. */
  get owed(): number {
    return this.#relay.size;
  }

  /** Whether anything still runs or is owed. */
  get isBusy(): boolean {
    return this.#invokes.size + this.#relay.size + this.#paid.length > 0;
  }

  let(effects: readonly AfterEffect[]): void {
    for (const effect of effects) this.#let(effect);
  }

  /** An actor without a record has no outbox: what it tells is sent once. */
  owe(rows: readonly OutboxRow[]): void {
    if (this.#stepper.behavior.durable) this.#relay.add(rows);
    else for (const row of rows) this.#host.tellOnce(row);
  }

  stop(): void {
    this.#invokes.stopAll();
    this.#relay.stop();
  }

  #let(effect: AfterEffect): void {
    switch (effect.kind) {
      case 'start':
        this.#invokes.start(effect.invoke, effect.run);
        break;
      case 'stop':
        this.#invokes.stop(effect.id);
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

  #settled(row: OutboxRow, refusal: ActorError | undefined): void {
    if (refusal !== undefined) {
      const { id: from } = this.#stepper;
      this.#host.onDeadLetter({ to: row.to, from, event: row.event, why: refusal.code, cause: refusal });
    }
    this.#paid.push(row);
    this.#changed();
  }
}
