// Which timers of one activation are due, and when the next one is. A timer that was rung waits in
// the mailbox until it is settled and is not rung again meanwhile.
import type { Due } from './mailbox.ts';
import type { TimerRow } from './state-store.ts';

const NONE: readonly Due[] = [];

export class DueTimers {
  /** Generations; there while something is rung. */
  #rung: Set<number> | undefined;

  /** Nothing that was rung is unsettled. */
  get isEmpty(): boolean {
    return this.#rung === undefined;
  }

  /** Timers that have fallen due, in the order of their times. */
  ring(timers: ReadonlyMap<string, TimerRow>, nowMs: number): readonly Due[] {
    if (timers.size === 0) return NONE;
    const due = [...timers.values()].filter((row) => row.dueAtMs <= nowMs && this.#rung?.has(row.generation) !== true);
    if (due.length === 0) return NONE;
    const rung = this.#rung ?? new Set();
    this.#rung = rung;
    due.sort((a, b) => a.dueAtMs - b.dueAtMs || a.generation - b.generation);
    for (const { generation } of due) rung.add(generation);
    return due.map(({ id, generation }) => ({ kind: 'due', id, generation }));
  }

  settled({ generation }: Due): void {
    this.#rung?.delete(generation);
    if (this.#rung?.size === 0) this.#rung = undefined;
  }

  nextMs(timers: ReadonlyMap<string, TimerRow>): number | undefined {
    let next: number | undefined;
    for (const { generation, dueAtMs } of timers.values()) {
      if (this.#rung?.has(generation) !== true && (next === undefined || dueAtMs < next)) next = dueAtMs;
    }
    return next;
  }
}
