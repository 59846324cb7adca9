// What the parts of the MachineDriver contract share.
import type { AnyStateMachine } from 'xstate';
import type { Effect, ScheduleEffect } from './effect.ts';
import {
  type InvokeRun,
  type MachineDriver,
  MachineFailed,
  MachineRefused,
  type MachineSnapshot,
} from './machine-driver.ts';

export interface MachineDriverHarness {
  readonly driverOf: (machine: AnyStateMachine) => MachineDriver;
}

/** A snapshot as it is after it was stored and loaded. */
export function throughJson(driver: MachineDriver, snapshot: MachineSnapshot): MachineSnapshot {
  return driver.restore(JSON.parse(JSON.stringify(driver.persist(snapshot))));
}

export function thrown(work: () => unknown): MachineFailed | MachineRefused {
  try {
    work();
  } catch (error) {
    if (error instanceof MachineFailed || error instanceof MachineRefused) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** What an invoke runs under in a test: nobody stops it and nobody listens, unless said otherwise. */
export function under(idempotencyKey: string, more: Partial<InvokeRun> = {}): InvokeRun {
  return {
    idempotencyKey,
    signal: new AbortController().signal,
    say: () => {},
    see: () => {},
    hear: () => {},
    ask: () => Promise.reject(new Error('there is nobody to ask')),
    ...more,
  };
}

/** Steps through JSON, as a node that passivates after each step would. */
export class Walk {
  readonly driver: MachineDriver;
  snapshot: MachineSnapshot;
  effects: readonly Effect[];
  handled = true;

  constructor(driver: MachineDriver, input?: unknown) {
    this.driver = driver;
    const { snapshot, effects } = driver.create(input);
    this.snapshot = throughJson(driver, snapshot);
    this.effects = effects;
  }

  send(event: { readonly type: string; readonly [key: string]: unknown }): this {
    const { snapshot, effects, handled } = this.driver.step(this.snapshot, event);
    this.snapshot = throughJson(this.driver, snapshot);
    Object.assign(this, { effects, handled });
    return this;
  }

  get timers(): readonly ScheduleEffect[] {
    return this.effects.filter((effect) => effect.kind === 'schedule');
  }

  get invoked(): readonly string[] {
    return this.driver.invokes(this.snapshot).map(({ id }) => id);
  }
}
