import type { Socket } from 'node:net';
import type { Cancel, Clock } from './clock.ts';
import type { Entropy } from './entropy.ts';
import type { Weather } from './fault.ts';

/** Bytes a lane keeps before it stops reading. */
const MOST_WAITING_BYTES = 1 << 20;
/** A throttled lane writes so often a second. */
const SLICES_PER_SECOND = 50;

export type Gate = { isOpen: boolean };

interface Load {
  bytes: Buffer;
  readonly dueMs: number;
  readonly gate: Gate | undefined;
}

/** One direction of a connection: takes bytes in order, and hands them on in order when their time has come. */
export class FaultLane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: Weather;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #loads: Load[] = [];
  #waitingBytes = 0;
  #paceMs = 0;
  #isSilent = false;
  #isFinished = false;
  #cancel: Cancel | undefined;

  constructor(from: Socket, to: Socket, weather: Weather, ports: { readonly clock: Clock; readonly entropy: Entropy }) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    this.#clock = ports.clock;
    this.#entropy = ports.entropy;
  }

  /** Behind a closed gate these bytes wait, and all that come after them. */
  send(bytes: Buffer, gate?: Gate): void {
    if (this.#isSilent) return;
    const { delayMs, jitterMs } = this.#weather;
    const dueMs = this.#clock.nowMs() + delayMs + jitterMs * this.#entropy.random();
    this.#loads.push({ bytes, dueMs, gate });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > MOST_WAITING_BYTES) this.#from.pause();
    this.pump();
  }

  /** No more will come: the far end hears of it once all before has been handed on. */
  finish(): void {
    this.#isFinished = true;
    this.pump();
  }

  /** From here on everything vanishes, the end of the stream too. */
  silence(): void {
    this.#isSilent = true;
    this.#loads.length = 0;
    this.#from.resume();
  }

  /** Hands on what may go. Called again whenever a gate opens or the weather clears. */
  pump(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#isSilent) return;
    for (let load = this.#loads[0]; load !== undefined; load = this.#loads[0]) {
      if (this.#weather.isHeld || load.gate?.isOpen === false) return;
      const waitMs = Math.max(load.dueMs, this.#paceMs) - this.#clock.nowMs();
      if (waitMs > 0) {
        this.#cancel = this.#clock.background(waitMs, () => this.pump());
        return;
      }
      this.#write(load);
    }
    if (this.#isFinished && !this.#to.writableEnded) this.#to.end();
  }

  stop(): void {
    this.#cancel?.();
    this.silence();
  }

  #write(load: Load): void {
    const { bytesPerSecond } = this.#weather;
    const most = Math.max(1, Math.floor(bytesPerSecond / SLICES_PER_SECOND));
    const slice = load.bytes.length <= most ? load.bytes : load.bytes.subarray(0, most);
    if (slice === load.bytes) this.#loads.shift();
    else load.bytes = load.bytes.subarray(most);
    this.#waitingBytes -= slice.length;
    if (this.#waitingBytes <= MOST_WAITING_BYTES) this.#from.resume();
    if (Number.isFinite(bytesPerSecond)) this.#paceMs = this.#clock.nowMs() + (slice.length / bytesPerSecond) * 1_000;
    if (this.#to.writable) this.#to.write(slice);
  }
}
