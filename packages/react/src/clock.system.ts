// The one file that asks the platform for time and chance.
import type { Clock, Entropy } from './clock.ts';

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, wake) {
    // Longer than a platform timer can be told, it would fire at once.
    const timer = setTimeout(wake, Math.min(Math.max(0, delayMs), 2_147_483_647));
    return () => clearTimeout(timer);
  },
};

export const systemEntropy: Entropy = {
  random: () => Math.random(),
  id() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  },
};
