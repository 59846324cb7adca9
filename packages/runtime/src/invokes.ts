// The invokes of one activation that run at present: work outside the machine, started after the
// commit that asked for it and started again by whoever activates the actor next.
import type { ActivationHost } from './activation-host.ts';
import type { ActorId } from './actor-id.ts';
import type { EventData, InvokeEffect } from './effect.ts';
import { ActorError } from './errors.ts';
import type { InvokeOutcome, MachineDriver } from './machine-driver.ts';
import type { Ended, Said } from './mailbox.ts';
import type { Ask } from './remote-ask.ts';

/** Events of one invoke that wait at most; one that sends more fails. */
const MOST_WAITING = 1_000;

interface Running {
  readonly run: number;
  readonly controller: AbortController;
  receive: ((event: EventData) => void) | undefined;
  waiting: number;
}

export interface InvokePorts {
  /** What an invoke has sent, or how it ended. */
  readonly take: (letter: Said | Ended) => void;
  readonly ask: Ask;
  readonly within: ActivationHost['within'];
  readonly onFault: (fault: unknown) => void;
}

export class Invokes {
  readonly #id: ActorId;
  readonly #driver: MachineDriver;
  readonly #ports: InvokePorts;
  readonly #running = new Map<string, Running>();

  constructor(id: ActorId, driver: MachineDriver, ports: InvokePorts) {
    this.#id = id;
    this.#driver = driver;
    this.#ports = ports;
  }

  get ids(): readonly string[] {
    return [...this.#running.keys()];
  }

  get size(): number {
    return this.#running.size;
  }

  /** `traceparent` is of the step that asked for it. */
  start(invoke: InvokeEffect, run: number, traceparent: string | undefined): void {
    this.stop(invoke.id);
    const running: Running = { run, controller: new AbortController(), receive: undefined, waiting: 0 };
    this.#running.set(invoke.id, running);
    const take = (event: EventData): void => this.#said(invoke.id, running, event);
    const under = {
      signal: running.controller.signal,
      idempotencyKey: `${this.#id}/${invoke.id}/${run}`,
      say: (event: EventData) => take(this.#driver.said(invoke.id, event)),
      see: (value: Parameters<MachineDriver['seen']>[1]) => take(this.#driver.seen(invoke.id, value)),
      hear: (receive: (event: EventData) => void) => {
        running.receive = receive;
      },
      ask: ((question, limits) =>
        this.#ports.ask(question, traceparent === undefined ? limits : { ...limits, traceparent })) satisfies Ask,
    };
    const work = this.#ports.within(traceparent, () => this.#driver.run(invoke, under));
    void work.then((outcome) => this.#ended(invoke.id, running, outcome));
  }

  /** An event for one that runs. One that has ended does not hear it. */
  send(id: string, event: EventData): void {
    try {
      this.#running.get(id)?.receive?.(event);
    } catch (fault) {
      this.#ports.onFault(fault);
    }
  }

  stop(id: string): void {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.controller.abort();
  }

  stopAll(): void {
    for (const id of [...this.#running.keys()]) this.stop(id);
  }

  #said(id: string, running: Running, event: EventData): void {
    if (this.#running.get(id) !== running) return;
    if (running.waiting >= MOST_WAITING)
      throw new ActorError('MAILBOX_FULL', `${MOST_WAITING} events of '${id}' wait already`, {
        applied: 'no',
        actor: this.#id,
      });
    running.waiting++;
    const finished = (): void => void running.waiting--;
    this.#ports.take({ kind: 'said', invoke: id, run: running.run, event, finished });
  }

  #ended(id: string, running: Running, outcome: InvokeOutcome): void {
    if (this.#running.get(id) !== running) return;
    this.#running.delete(id);
    this.#ports.take({ kind: 'ended', invoke: id, run: running.run, event: this.#driver.settled(id, outcome) });
  }
}
