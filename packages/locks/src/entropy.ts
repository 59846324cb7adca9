import { randomBytes } from 'node:crypto';

/** PORT: chance. Jitter comes from `random`, names from `id`. */
export interface Entropy {
  /** In [0, 1). */
  random(): number;
  /** 128 bits as base64url, 22 characters; never given twice. */
  id(): string;
}

const ID_BYTES = 16;
const POOL_IDS = 256;
let pool = '';
let poolAt = 0;

/** The platform's chance. Ids are cut from a pool: one call into the kernel per 256 of them. */
export const systemEntropy: Entropy = {
  random: () => Math.random(),
  id: () => {
    if (poolAt === pool.length) {
      pool = '';
      const bytes = randomBytes(ID_BYTES * POOL_IDS);
      for (let i = 0; i < POOL_IDS; i += 1) pool += bytes.toString('base64url', i * ID_BYTES, (i + 1) * ID_BYTES);
      poolAt = 0;
    }
    const id = pool.slice(poolAt, poolAt + 22);
    poolAt += 22;
    return id;
  },
};

/** Chance that repeats: the same seed gives the same run (mulberry32). */
export function seededEntropy(seed: number): Entropy {
  let state = seed >>> 0;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return {
    random,
    id: () => Array.from({ length: 22 }, () => alphabet.charAt(Math.floor(random() * 64))).join(''),
  };
}
