export { SimulatedClock } from './clock.simulated.ts';
export { seededEntropy } from './entropy.ts';
export type { Direction, Ending, Moment, PassingRequest, RequestFault, RequestMatch } from './fault.ts';
export { type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts';
export { type LeaseStoreHarness, leaseStoreContract } from './lease-store.contract.ts';
export { type PermitStoreHarness, permitStoreContract } from './permit-store.contract.ts';
