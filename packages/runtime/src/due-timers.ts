// Which timers of one activation are due, and when the next one is. A timer that was rung waits in
// the mailbox until it is settled and is not rung again meanwhile.
import type { Due } from './mailbox.ts';
import type { TimerRow } from './state-store.ts';

export class DueTimers {
  readonly #rung = new Set<number>();

  /** Timers that have fallen due, in the order of their times. */
  ring(timers: ReadonlyMap<string, TimerRow>, nowMs: number): readonly Due[] {
    const due = [...timers.values()].filter((row) => row.dueAtMs <= nowMs && !this.#rung.has(row.generation));
    due.sort((a, b) => a.dueAtMs - b.dueAtMs || a.generation - b.generation);
    for (const { generation } of due) this.#rung.add(generation);
    return due.map(({ id, generation }) => ({ kind: 'due', id, generation }));
  }

  settled({ generation }: Due): void {
    this.#rung.delete(generation);
  }

  nextMs(timers: ReadonlyMap<string, TimerRow>): number | undefined {
    let next: number | undefined;
    for (const { generation, dueAtMs } of timers.values()) {
      if (!this.#rung.has(generation) && (next === undefined || dueAtMs < next)) next = dueAtMs;
    }
    return next;
  }
}
