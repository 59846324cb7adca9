import type { Cancel, Clock } from './clock.ts';
import { assert } from './invariant.ts';

interface Alarm {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Turns of the microtask queue granted to woken code before time moves on. */
const SETTLE_TURNS = 64;

/**
 * Time that moves only when told to.
 *
 * Alarms fire in order of their due time, then of their creation; `soon` fires before time
 * moves. Between two alarms all promise continuations run, so a test sees what a fast machine
 * would do.
 */
export class SimulatedClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  readonly #alarms = new Set<Alarm>();
  #soon: (() => void)[] = [];

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallOffsetMs = wallMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Math.floor(this.#nowMs + this.#wallOffsetMs);
  }

  after(delayMs: number, wake: () => void): Cancel {
    this.#order += 1;
    const alarm: Alarm = { dueMs: later(this.#nowMs, delayMs), order: this.#order, wake };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  background(delayMs: number, wake: () => void): Cancel {
    return this.after(delayMs, wake);
  }

  soon(wake: () => void): void {
    this.#soon.push(wake);
  }

  /** Alarms that have not fired; a test of "no timer is left behind" reads it. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Moves wall time alone, as NTP or a suspended machine does. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Moves monotonic time without firing alarms: an event loop that stalled. */
  stall(byMs: number): void {
    assert(byMs >= 0, 'time does not run backwards');
    this.#nowMs += byMs;
  }

  /** Lets everything that is due now run, without moving time. */
  async settle(): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await Promise.resolve();
      const due = this.#soon;
      if (due.length === 0) return;
      this.#soon = [];
      for (const wake of due) wake();
    }
  }

  /** Moves time on, firing every alarm that falls due, each at its own moment. */
  async advance(byMs: number): Promise<void> {
    assert(byMs >= 0, 'time does not run backwards');
    const endMs = this.#nowMs + byMs;
    await this.settle();
    for (let next = this.#nextDue(endMs); next !== undefined; next = this.#nextDue(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#alarms.delete(next);
      next.wake();
      await this.settle();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  #nextDue(endMs: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.dueMs > endMs) continue;
      if (
        first === undefined ||
        alarm.dueMs < first.dueMs ||
        (alarm.dueMs === first.dueMs && alarm.order < first.order)
      )
        first = alarm;
    }
    return first;
  }
}

/**
 * A delay too small to be added is as long as the least that can be: who finds its time not yet come
 * and waits for the rest, by a clock of another offset, would otherwise wait for ever at one moment.
 */
function later(nowMs: number, delayMs: number): number {
  if (!(delayMs > 0)) return nowMs;
  return Math.max(nowMs + delayMs, nowMs + nowMs * Number.EPSILON);
}
