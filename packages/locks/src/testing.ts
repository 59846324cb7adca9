export { SimulatedClock } from './clock.simulated.ts';
export { seededEntropy } from './entropy.ts';
export { type LeaseStoreHarness, leaseStoreContract } from './lease-store.contract.ts';
