import type { Lane, Moment, Span } from './story.ts';

/** What the page is given: it is written into the page as JSON, and nothing else is loaded. */
export interface PageData {
  readonly title: string;
  /** Read from left to right under the title. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly violations: readonly string[];
  readonly steps: readonly string[];
  readonly faults: readonly string[];
  readonly lanes: readonly Lane[];
  readonly moments: readonly Moment[];
  readonly spans: readonly Span[];
}

/** What somebody wants to see. */
export interface View {
  /** By index. */
  readonly hiddenLanes: ReadonlySet<number>;
  readonly hiddenKinds: ReadonlySet<Topic>;
  /** Lower case; empty for everything. */
  readonly search: string;
  readonly width: number;
}

export type Topic = 'operations' | 'messages' | 'faults' | 'notes' | 'heartbeats';

/** Where everything of a view stands, in pixels of the whole picture. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly laneGap: number;
  /** By lane; undefined for a hidden one. */
  readonly laneX: readonly (number | undefined)[];
  /** Moments in view, from top to bottom. */
  readonly shown: readonly number[];
  /** By moment; undefined for a hidden one. */
  readonly y: readonly (number | undefined)[];
  /** By moment: what ended it, or undefined. */
  readonly endedBy: readonly (number | undefined)[];
  /** By moment of kind call: how many others of its lane it stands beside. */
  readonly slot: readonly number[];
  /** By moment: the outermost place that is taken in its lane. */
  readonly outermost: readonly number[];
  readonly spans: readonly { readonly span: Span; readonly top: number; readonly bottom: number }[];
  /** Stretches in which nothing in view happened. */
  readonly quiet: readonly { readonly y: number; readonly ms: number }[];
}
