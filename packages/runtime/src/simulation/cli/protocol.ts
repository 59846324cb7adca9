import type { CaseFile } from '../case-file.ts';
import type { Exploration } from '../explore.ts';
import type { Violation } from '../seen.ts';

/** One seed of one simulation. */
export interface Job {
  readonly simulation: string;
  readonly seed: number;
}

/** What a worker is asked. It does one thing at a time. */
export type Order =
  | ({ readonly kind: 'explore' } & Job)
  /** Plays a case that was found, to see whether it can be played again. */
  | { readonly kind: 'confirm'; readonly file: CaseFile };

/** What a worker says. */
export type Answer =
  | { readonly kind: 'ready'; readonly simulations: readonly string[] }
  | { readonly kind: 'unusable'; readonly message: string }
  | ({ readonly kind: 'explored'; readonly figures: Figures; readonly found: FoundCase | undefined } & Job)
  /** The seed could not be played at all. */
  | ({ readonly kind: 'broken'; readonly message: string } & Job)
  | { readonly kind: 'confirmed'; readonly digest: string; readonly violations: readonly Violation[] };

export type Figures = Omit<Exploration, 'failures'>;

export interface FoundCase {
  readonly file: CaseFile;
  readonly shrinks: number;
}
