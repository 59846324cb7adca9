// What the parts of the MachineDriver contract share.
import type { AnyStateMachine } from 'xstate';
import { type MachineDriver, MachineFailed, MachineRefused, type MachineSnapshot } from './machine-driver.ts';

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
