// Process
//
// Time and life of one incarnation of a node. It can be stalled (nothing of it runs), put to sleep with
// its machine (its monotonic clock stands still too), and killed. Its clocks may be ahead, and may run fast.
import type { Cancel, Clock } from '@devmentor/locks';
import { Gate } from '../testing-gate.ts';
import type { VirtualTime } from './time.ts';

/** How a machine's clocks differ from the world's time. They outlive its processes. */
export interface Oscillator {
  /** Its monotonic clock shows this at the world's 0. */
  readonly originMs: number;
  /** Its wall clock shows this at the world's 0. */
  wallMs: number;
  /** Local milliseconds per millisecond of the world. */
  readonly rate: number;
  /** Its monotonic clock stood still for so long, in its own milliseconds. */
  sleptMs: number;
}

/** No timer is finer; what rounding leaves over would be waited for again and again. */
const FINEST_MS = 0.001;
const ROUNDING_MS = 1e-6;

export class Process implements Clock {
  readonly #time: VirtualTime;
  readonly #oscillator: Oscillator;
  readonly #gate = new Gate();
  #stalledAtMs = 0;
  readonly #mourners = new Set<() => void>();

  constructor(time: VirtualTime, oscillator: Oscillator) {
    this.#time = time;
    this.#oscillator = oscillator;
  }

  get state(): Gate['state'] {
    return this.#gate.state;
  }

  nowMs(): number {
    const { originMs, rate, sleptMs } = this.#oscillator;
    return originMs + this.#time.nowMs * rate - sleptMs;
  }

  wallMs(): number {
    return Math.floor(this.#oscillator.wallMs + this.#time.nowMs * this.#oscillator.rate);
  }

  after(delayMs: number, wake: () => void): Cancel {
    const dueMs = this.nowMs() + (delayMs > 0 ? Math.max(delayMs, FINEST_MS) : 0);
    let over = false;
    let cancel: Cancel = () => {};
    const ring = (): void => {
      if (over) return;
      // Its machine slept meanwhile, and the timer with it.
      if (this.nowMs() < dueMs - ROUNDING_MS) {
        arm();
        return;
      }
      over = true;
      wake();
    };
    const arm = (): void => {
      const leftMs = (dueMs - this.nowMs()) / this.#oscillator.rate;
      cancel = this.#time.at(this.#time.nowMs + leftMs, () => this.pass(ring));
    };
    arm();
    return () => {
      over = true;
      cancel();
    };
  }

  background(delayMs: number, wake: () => void): Cancel {
    return this.after(delayMs, wake);
  }

  soon(wake: () => void): void {
    this.#time.soon(() => this.pass(wake));
  }

  /** Runs now, or when the process goes on; never, once it is dead. */
  pass(work: () => void): void {
    this.#gate.pass(work);
  }

  stall(): void {
    if (this.#gate.state !== 'open') return;
    this.#gate.stall();
    this.#stalledAtMs = this.#time.nowMs;
  }

  /** @param slept the whole machine stood still */
  resume(slept = false): void {
    if (this.#gate.state !== 'stalled') return;
    if (slept) this.#oscillator.sleptMs += (this.#time.nowMs - this.#stalledAtMs) * this.#oscillator.rate;
    // One after the other, as an event loop takes them up.
    this.#gate.resume((work) => this.soon(work));
  }

  kill(): void {
    if (this.#gate.state === 'dead') return;
    this.#gate.kill();
    for (const mourn of this.#mourners) mourn();
    this.#mourners.clear();
  }

  /** Called when it dies: what a server does about a connection that closed. */
  onDeath(mourn: () => void): () => void {
    this.#mourners.add(mourn);
    return () => void this.#mourners.delete(mourn);
  }
}
