// Property tests draw the same cases in every run: a test that fails is somebody's change, and fails
// again. `PROPERTY_SEED=random` draws others, and fast-check then prints the seed of what it found;
// `PROPERTY_SEED=<that seed>` draws those again.
import fc from 'fast-check';

const { PROPERTY_SEED: given = '20261' } = process.env;

if (given !== 'random') {
  const seed = Number(given);
  if (!Number.isSafeInteger(seed)) throw new Error(`PROPERTY_SEED is a whole number or random, not ${given}`);
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
}
