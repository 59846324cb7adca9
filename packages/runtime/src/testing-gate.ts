// Gate
//
// Stops one node of an in-process cluster as SIGSTOP or kill -9 stops a process: no timer of it
// fires, no answer reaches it, nothing it hears is heard. Time goes on without it.
import type { Cancel, Clock } from '@devmentor/locks';
import type { Message, Transport } from './transport.ts';

/** Whether a node runs: open, stalled as by SIGSTOP, or dead. */
export class Gate {
  #state: 'open' | 'stalled' | 'dead' = 'open';
  #held: (() => void)[] = [];

  get state(): 'open' | 'stalled' | 'dead' {
    return this.#state;
  }

  /** Runs now, or when the node goes on; never, once it is dead. */
  pass(work: () => void): void {
    if (this.#state === 'open') work();
    else if (this.#state === 'stalled') this.#held.push(work);
  }

  stall(): void {
    if (this.#state === 'open') this.#state = 'stalled';
  }

  /** @param again has done what was held meanwhile; by default at once */
  resume(again: (work: () => void) => void = (work) => this.pass(work)): void {
    if (this.#state !== 'stalled') return;
    this.#state = 'open';
    for (const work of this.#held.splice(0)) again(work);
  }

  kill(): void {
    this.#state = 'dead';
    this.#held = [];
  }

  /** What arrives at the node from outside. */
  arriving<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.pass(() => resolve(value)),
        (fault: unknown) => this.pass(() => reject(fault)),
      );
    });
  }
}

/** A clock whose timers wait while the gate is stalled, and never ring once it is dead. */
export class GatedClock implements Clock {
  readonly #clock: Clock;
  readonly #gate: Gate;

  constructor(clock: Clock, gate: Gate) {
    this.#clock = clock;
    this.#gate = gate;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  after(delayMs: number, wake: () => void): Cancel {
    return this.#cancellable((held) => this.#clock.after(delayMs, held), wake);
  }

  background(delayMs: number, wake: () => void): Cancel {
    return this.#cancellable((held) => this.#clock.background(delayMs, held), wake);
  }

  soon(wake: () => void): void {
    this.#clock.soon(() => this.#gate.pass(wake));
  }

  /** A timer that fell due while the node stood still can still be cancelled when it goes on. */
  #cancellable(arm: (held: () => void) => Cancel, wake: () => void): Cancel {
    let over = false;
    const cancel = arm(() =>
      this.#gate.pass(() => {
        if (!over) wake();
      }),
    );
    return () => {
      over = true;
      cancel();
    };
  }
}

/** A store as a node behind a gate sees it: what it asked for happens, the answer waits for the node. */
export function gatedStore<Store extends object>(store: Store, gate: Gate): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]): unknown => {
        const result: unknown = Reflect.apply(member, target, given);
        return result instanceof Promise ? gate.arriving(result) : result;
      };
    },
  });
}

/** A transport from which nothing arrives while the gate is stalled. */
export function gatedTransport(transport: Transport, gate: Gate): Transport {
  return {
    get status() {
      return transport.status;
    },
    onStatus: (listener) => transport.onStatus((status) => gate.pass(() => listener(status))),
    publish: (subject, body) => transport.publish(subject, body),
    subscribe: (subject, handler, options) =>
      gate.arriving(transport.subscribe(subject, (message: Message) => gate.pass(() => handler(message)), options)),
    request: (subject, body, options) => gate.arriving(transport.request(subject, body, options)),
    close: () => transport.close(),
  };
}
