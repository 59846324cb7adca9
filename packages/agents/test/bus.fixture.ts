// What boards need of a transport, in simulated time, with a cable that can be cut.
import type { SimulatedClock } from '@devmentor/locks/testing';
import type { Message } from '@devmentor/runtime';
import type { Transport } from '../src/transport.ts';

interface Listener {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly handler: (message: Message) => void;
  readonly on: Cable;
}

export class Bus {
  readonly clock: SimulatedClock;
  readonly listeners = new Set<Listener>();
  #turn = 0;

  constructor(clock: SimulatedClock) {
    this.clock = clock;
  }

  connect(): Cable {
    return new Cable(this);
  }

  deliver(subject: string, body: Buffer): void {
    const reached = [...this.listeners].filter(
      (listener) => listener.subject === subject && listener.on.status === 'connected',
    );
    const members = reached.filter(({ queue }) => queue !== undefined);
    this.#turn += 1;
    const chosen = members[this.#turn % Math.max(1, members.length)];
    for (const listener of reached) {
      if (listener.queue === undefined || listener === chosen) listener.handler({ subject, body });
    }
  }
}

export class Cable implements Transport {
  status: Transport['status'] = 'connected';
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  publish(subject: string, body: Buffer): void {
    if (this.status === 'connected') this.#bus.clock.soon(() => this.#bus.deliver(subject, body));
  }

  async subscribe(
    subject: string,
    handler: (message: Message) => void,
    options: { readonly queue?: string } = {},
  ): ReturnType<Transport['subscribe']> {
    const listener = { subject, queue: options.queue, handler, on: this };
    this.#bus.listeners.add(listener);
    return { unsubscribe: async () => void this.#bus.listeners.delete(listener) };
  }

  cut(): void {
    this.status = 'disconnected';
  }
}
