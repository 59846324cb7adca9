import type { Cancel, Clock } from '@devmentor/locks';
import type { WebSocket } from 'ws';

/** What may wait for a slow reader. */
const MAX_WAITING_BYTES = 1_048_576;
/** How long a peer may take to answer our close before its connection is cut. */
const CLOSE_MS = 2_000;

/**
 * The way out to one client. Bounded: whoever reads too slowly is closed with `slow` and comes
 * back with its cursors, so that nothing is lost and nothing piles up here.
 */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #onSlow: () => void;
  #cut: Cancel | undefined;

  constructor(socket: WebSocket, options: { readonly clock: Clock; readonly onSlow: () => void }) {
    this.#socket = socket;
    this.#clock = options.clock;
    this.#onSlow = options.onSlow;
    socket.once('close', () => this.#cut?.());
  }

  send(frame: object): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const text = JSON.stringify(frame);
    if (this.#socket.bufferedAmount + text.length > MAX_WAITING_BYTES) this.#onSlow();
    else this.#socket.send(text);
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Closes in order if the peer takes part in it, and anyway. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    this.#cut ??= this.#clock.background(CLOSE_MS, () => this.#socket.terminate());
  }
}
