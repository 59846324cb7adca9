// Those who wait to see an actor's state: reads that came before it was loaded, and watchers that
// wait for a version above the one they know. Bounded; a watcher that gave up is forgotten.
import type { Answer, Read, Watch } from './envelope.ts';

export interface Onlooker {
  readonly request: Read | Watch;
  readonly expiresAtMs: number;
  readonly answer: (answer: Answer) => void;
}

const MOST = 4_096;

export class Onlookers {
  #waiting: Onlooker[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** False when too many wait already. */
  add(onlooker: Onlooker, nowMs: number): boolean {
    if (this.#waiting.length >= 16) this.expire(nowMs);
    if (this.#waiting.length >= MOST) return false;
    this.#waiting.push(onlooker);
    return true;
  }

  expire(nowMs: number): void {
    this.#waiting = this.#waiting.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  }

  /** Takes out those who can be shown a state of this version. */
  ready(version: number): readonly Onlooker[] {
    if (this.#waiting.length === 0) return [];
    const ready = this.#waiting.filter(({ request }) => request.op === 'read' || version > request.after);
    this.#waiting = this.#waiting.filter(({ request }) => request.op === 'watch' && version <= request.after);
    return ready;
  }

  takeAll(): readonly Onlooker[] {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }
}
