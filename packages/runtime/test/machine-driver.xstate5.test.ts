import { machineDriverContract } from '../src/machine-driver.contract.ts';
import { xstateDriver } from '../src/machine-driver.xstate5.ts';

machineDriverContract({ driverOf: xstateDriver });
