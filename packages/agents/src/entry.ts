// Entry
//
// What the log of a board is made of. An entry never changes; its revision is its place in the
// log, from 1 and without gaps.
import type { FencingToken } from '@devmentor/locks';
import type { Json } from '@devmentor/runtime';
import type { BoardStatus } from './board-status.ts';
import type { Evidence } from './evidence.ts';
import type { Solution } from './solution.ts';

/** Levels from raw to final. A board takes any other name too; it ranks as `fact`. */
export const LEVELS = ['source', 'fact', 'finding', 'hypothesis', 'section', 'solution'] as const;

/** 0 for `source`, 5 for `solution`. */
export function rankOf(level: string): number {
  const rank = (LEVELS as readonly string[]).indexOf(level);
  return rank === -1 ? 1 : rank;
}

/** What a contribution speaks of. */
export interface Subject {
  readonly file?: string;
  readonly symbol?: string;
}

/** One version of a contribution. */
export interface VersionRef {
  readonly id: string;
  readonly version: number;
}

/** One thing that somebody says, in one version. */
export interface Contribution extends VersionRef {
  readonly level: string;
  readonly kind: string;
  readonly subject: Subject;
  readonly value: Json;
  /** `name@version` of a knowledge source, or the name of a person or program. */
  readonly author: string;
  /** 0 to 1. */
  readonly confidence: number;
  /** What it follows from; each stands in the log before it. */
  readonly supports: readonly VersionRef[];
  readonly evidence: readonly Evidence[];
  /** Key of the activation that made it. */
  readonly activation?: string;
}

/** A knowledge source that is to run on these inputs, once. */
export interface Activation {
  /** Made of source, subject and inputs; at most one commit ever bears it. */
  readonly key: string;
  readonly source: string;
  readonly subject: Subject;
  readonly inputs: readonly VersionRef[];
  readonly rating: number;
  /** Revision of the entry that woke the source. */
  readonly triggeredBy: number;
  /** Failed runs after which it is dead. */
  readonly attempts: number;
  readonly backoffMs: number;
  /** Longest run. */
  readonly timeoutMs: number;
}

export interface Usage {
  readonly timeMs: number;
  /** The run ended without saying what it used. */
  readonly estimated?: boolean;
}

/**
 * Why a run ended without a commit. `lost`: its worker did not come back. The first three may be
 * tried again.
 */
export type FailureClass = 'transient' | 'timeout' | 'lost' | 'permanent';

export type EntryBody =
  | { readonly kind: 'contribution'; readonly contribution: Contribution }
  | { readonly kind: 'scheduled'; readonly activation: Activation }
  /** The activation may run now, for so long; the time is set aside until it settles. */
  | { readonly kind: 'reserved'; readonly key: string; readonly timeMs: number }
  | { readonly kind: 'started'; readonly key: string; readonly fence: FencingToken; readonly worker: string }
  | {
      readonly kind: 'committed';
      readonly key: string;
      readonly fence: FencingToken;
      readonly worker: string;
      readonly usage: Usage;
    }
  | {
      readonly kind: 'failed';
      readonly key: string;
      readonly fence: FencingToken;
      readonly failure: FailureClass;
      readonly message: string;
      readonly usage: Usage;
    }
  /** Poisoned: it will not run again. */
  | { readonly kind: 'dead'; readonly key: string; readonly message: string }
  | { readonly kind: 'obviated'; readonly key: string; readonly why: string; readonly usage?: Usage }
  | { readonly kind: 'status'; readonly status: BoardStatus; readonly final: boolean; readonly why: string }
  | {
      readonly kind: 'budget';
      readonly what: 'low' | 'exhausted';
      readonly of: 'contributions' | 'activations' | 'timeMs';
    }
  | { readonly kind: 'solution'; readonly solution: Solution };

export type EntryKind = EntryBody['kind'];

export type Entry = EntryBody & {
  readonly rev: number;
  /** Wall time of the store, epoch milliseconds. */
  readonly atMs: number;
  /** Who wrote it. */
  readonly source: string;
};
