import { FAULT_KINDS } from './fault.ts';
import type { Floors } from './figures.ts';

/** What a trial of this length comes to on a slow and busy machine; a tenth of what a quiet one does. */
export function floorsFor(withinMs: number): Floors {
  const seconds = withinMs / 1_000;
  return {
    acknowledged: { claims: seconds * 10, 'lock-set': seconds * 5, actors: seconds * 5 },
    kinds: FAULT_KINDS,
    strikes: Math.max(1, Math.floor(seconds / 40)),
    unknown: 1,
    staleWrites: 1,
  };
}
