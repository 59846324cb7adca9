// The invokes of one activation that run at present: work outside the machine, started after the
// commit that asked for it and started again by whoever activates the actor next.
import type { ActorId } from './actor-id.ts';
import type { InvokeEffect } from './effect.ts';
import type { MachineDriver } from './machine-driver.ts';
import type { Ended } from './mailbox.ts';

export class Invokes {
  readonly #id: ActorId;
  readonly #driver: MachineDriver;
  readonly #ended: (letter: Ended) => void;
  readonly #running = new Map<string, AbortController>();

  constructor(id: ActorId, driver: MachineDriver, ended: (letter: Ended) => void) {
    this.#id = id;
    this.#driver = driver;
    this.#ended = ended;
  }

  get size(): number {
    return this.#running.size;
  }

  start(invoke: InvokeEffect, run: number): void {
    this.stop(invoke.id);
    const controller = new AbortController();
    this.#running.set(invoke.id, controller);
    const under = { signal: controller.signal, idempotencyKey: `${this.#id}/${invoke.id}/${run}` };
    void this.#driver.run(invoke, under).then((outcome) => {
      if (this.#running.get(invoke.id) !== controller) return;
      this.#running.delete(invoke.id);
      this.#ended({ kind: 'ended', invoke: invoke.id, run, event: this.#driver.settled(invoke.id, outcome) });
    });
  }

  stop(id: string): void {
    const controller = this.#running.get(id);
    this.#running.delete(id);
    controller?.abort();
  }

  stopAll(): void {
    for (const id of [...this.#running.keys()]) this.stop(id);
  }
}
