// The suite every MachineDriver passes. Machines are written with XState's own `setup`, so that it
// also tells whether another minor of XState still does what the runtime builds on.
import { callbackRules } from './machine-driver.callbacks.contract.ts';
import { childRules } from './machine-driver.children.contract.ts';
import { effectRules } from './machine-driver.effects.contract.ts';
import type { MachineDriverHarness } from './machine-driver.fixtures.ts';
import { invokeRules } from './machine-driver.invokes.contract.ts';
import { spawnedRules } from './machine-driver.spawned.contract.ts';
import { stepRules } from './machine-driver.steps.contract.ts';
import { storedRules } from './machine-driver.stored.contract.ts';

export type { MachineDriverHarness };

/** Tests, for vitest, that any `MachineDriver` passes. */
export function machineDriverContract(harness: MachineDriverHarness): void {
  stepRules(harness);
  effectRules(harness);
  storedRules(harness);
  invokeRules(harness);
  childRules(harness);
  spawnedRules(harness);
  callbackRules(harness);
}
