// What is told about a connection. A break that is over soon is not worth a word.
import type { DisconnectReason } from './after-end.ts';
import type { Cancel, Clock } from './clock.ts';
import { SnapshotStore } from './snapshot-store.ts';

const lostAfterMs = 5_000;

export type ConnectionState = 'initial' | 'connecting' | 'connected' | 'reconnecting' | 'disconnected';

export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** `lost` once a break has lasted over 5 s. */
  readonly health: 'ok' | 'lost';
  readonly reason?: DisconnectReason;
}

/** Keeps the status of one connection, and tells of its changes. */
export class ToldStatus {
  readonly #store = new SnapshotStore<ConnectionStatus>({ state: 'initial', health: 'ok' });
  readonly #clock: Clock;
  #cancelLost: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get now(): ConnectionStatus {
    return this.#store.get();
  }

  /** @returns stops listening */
  on(listener: (status: ConnectionStatus) => void): () => void {
    return this.#store.subscribe(() => listener(this.now));
  }

  become(state: ConnectionState, reason?: DisconnectReason): void {
    if (state === 'connected' || state === 'initial') {
      this.#cancelLost?.();
      this.#cancelLost = undefined;
      this.#tell({ state, health: 'ok' });
      return;
    }
    this.#cancelLost ??= this.#clock.after(lostAfterMs, () => this.#tell({ ...this.now, health: 'lost' }));
    const { health } = this.now;
    this.#tell(reason === undefined ? { state, health } : { state, health, reason });
  }

  #tell(status: ConnectionStatus): void {
    this.#store.change((before) => (isSame(before, status) ? before : status));
  }
}

function isSame(a: ConnectionStatus, b: ConnectionStatus): boolean {
  return a.state === b.state && a.health === b.health && a.reason === b.reason;
}
