export { SimulatedClock } from './clock.simulated.ts';
export { seededEntropy } from './entropy.ts';
