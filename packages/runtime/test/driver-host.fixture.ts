// Runs a driver as the runtime does, beside a live actor of XState: timers in a table, events one by
// one, and the snapshot stored between the steps if it is told so.
import { expect } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import type { Effect, ScheduleEffect } from '../src/effect.ts';
import { isBoundFor, type MachineSnapshot } from '../src/machine-driver.ts';
import { xstateDriver } from '../src/machine-driver.xstate5.ts';

export class DriverHost {
  readonly driver;
  readonly emitted: unknown[] = [];
  readonly #stores: () => boolean;
  #timers = new Map<string, { due: number; order: number; event: ScheduleEffect['event'] }>();
  #order = 0;
  nowMs = 0;
  snapshot: MachineSnapshot;

  constructor(machine: AnyStateMachine, stores: () => boolean = () => true) {
    this.driver = xstateDriver(machine);
    this.#stores = stores;
    const { snapshot, effects } = this.driver.create();
    this.snapshot = snapshot;
    this.#apply(effects);
  }

  send(event: { readonly type: string }): void {
    const accepts = this.driver.accepts(this.snapshot, event);
    const before = this.#stores() ? JSON.stringify(this.driver.persist(this.snapshot)) : undefined;
    const given = this.snapshot;
    const step = this.driver.step(given, event);
    expect(step.handled).toBe(accepts);
    if (before === undefined) {
      this.snapshot = step.snapshot;
    } else {
      expect(JSON.stringify(this.driver.persist(given))).toBe(before);
      const stored: unknown = JSON.parse(JSON.stringify(this.driver.persist(step.snapshot)));
      this.snapshot = this.driver.restore(stored as never);
      expect(this.driver.persist(this.snapshot)).toEqual(stored);
    }
    this.#apply(step.effects);
  }

  get nextDue(): number | undefined {
    const dues = [...this.#timers.values()].map(({ due }) => due);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  advanceTo(ms: number): void {
    this.nowMs = ms;
    const due = [...this.#timers]
      .filter(([, timer]) => timer.due <= ms)
      .sort(([, a], [, b]) => a.due - b.due || a.order - b.order);
    for (const [id, timer] of due) {
      if (this.#timers.get(id) !== timer) continue;
      this.#timers.delete(id);
      this.send(timer.event);
    }
  }

  #apply(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'emit') this.emitted.push(effect.event);
      else if (effect.kind === 'cancel') this.#timers.delete(effect.id);
      else if (effect.kind === 'forget') {
        for (const [id, { event }] of [...this.#timers])
          if (id.startsWith(effect.within) || isBoundFor(event, effect.to)) this.#timers.delete(id);
      } else if (effect.kind === 'schedule')
        this.#timers.set(effect.id ?? `${effect.within ?? ''}~${this.#order}`, {
          due: this.nowMs + effect.delayMs,
          order: this.#order++,
          event: effect.event,
        });
      else throw new Error(`unexpected ${effect.kind}`);
    }
    if (this.snapshot.status !== 'active') this.#timers.clear();
  }
}
