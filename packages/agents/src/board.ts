// Board: what a log says, folded.
//
//   BF1  The board is a function of its log: folding in pieces or at once gives the same.
//   BF2  What is set aside and what was used never exceed what was reserved.
import { assert, type FencingToken } from '@devmentor/locks';
import type { BoardStatus } from './board-status.ts';
import type { BoardHead, StoredProblem } from './board-store.ts';
import type { ActivationPlace } from './board-write.ts';
import type { Activation, Contribution, Entry, VersionRef } from './entry.ts';
import type { BoardSettings } from './problem.ts';
import type { Solution } from './solution.ts';

/** A contribution that is the current version, with its place in the log. */
export interface Standing {
  readonly contribution: Contribution;
  readonly rev: number;
  readonly atMs: number;
}

/** An activation and how it fares. */
export interface ActivationState {
  readonly activation: Activation;
  readonly place: ActivationPlace;
  readonly rev: number;
  /** Fence and time of the latest start. */
  readonly fence: FencingToken | '';
  readonly startedAtMs: number;
  readonly worker: string;
  /** Failed runs whose worker said so, and runs whose worker vanished. */
  readonly failures: number;
  readonly losses: number;
  readonly permanent: boolean;
  readonly failedAtMs: number;
  readonly message: string;
  readonly reservedMs: number;
}

export interface Counts {
  readonly contributions: number;
  readonly pending: number;
  readonly running: number;
  readonly done: number;
  readonly obviated: number;
  readonly failed: number;
}

export interface Spent {
  readonly contributions: number;
  readonly activations: number;
  readonly timeMs: number;
}

const PLACES_COUNTED = {
  scheduled: 'pending',
  waiting: 'pending',
  reserved: 'pending',
  running: 'running',
  committed: 'done',
  obviated: 'obviated',
  dead: 'failed',
} as const satisfies Record<ActivationPlace, keyof Counts>;

export class Board {
  readonly id: string;
  readonly problem: StoredProblem;
  readonly settings: BoardSettings;
  readonly createdAtMs: number;
  #rev = 0;
  #updatedAtMs: number;
  #status: BoardStatus = 'initializing';
  #ended = false;
  #written = 0;
  #quiescentRev = 0;
  #quiescences = 0;
  #contributedRev = 0;
  #solution: Solution | undefined;
  #spentActivations = 0;
  #usedMs = 0;
  #reservedMs = 0;
  #low = new Set<string>();
  readonly #standing = new Map<string, Standing>();
  readonly #activations = new Map<string, ActivationState>();
  readonly #counts = { pending: 0, running: 0, done: 0, obviated: 0, failed: 0 };
  /** Those that are not over; what a controller looks at. */
  readonly #active = new Map<string, ActivationState>();

  constructor(head: Pick<BoardHead, 'id' | 'problem' | 'settings' | 'createdAtMs'>) {
    this.id = head.id;
    this.problem = head.problem;
    this.settings = head.settings;
    this.createdAtMs = head.createdAtMs;
    this.#updatedAtMs = head.createdAtMs;
  }

  get rev(): number {
    return this.#rev;
  }

  get updatedAtMs(): number {
    return this.#updatedAtMs;
  }

  get status(): BoardStatus {
    return this.#status;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** How often the board came to rest. */
  get quiescences(): number {
    return this.#quiescences;
  }

  /** Something was contributed since the board last came to rest. */
  get movedSinceQuiescence(): boolean {
    return this.#contributedRev > this.#quiescentRev;
  }

  /** The latest one written; of an earlier state of the board when more was contributed since. */
  get solution(): Solution | undefined {
    return this.#solution;
  }

  get counts(): Counts {
    return { contributions: this.#written, ...this.#counts };
  }

  get spent(): Spent {
    return { contributions: this.#written, activations: this.#spentActivations, timeMs: this.#usedMs };
  }

  /** What of the budget nobody has used or set aside. */
  get left(): Spent {
    const { budget } = this.settings;
    return {
      contributions: budget.contributions - this.#written,
      activations: budget.activations - this.#spentActivations,
      timeMs: budget.timeMs - this.#usedMs - this.#reservedMs,
    };
  }

  get lowMarks(): ReadonlySet<string> {
    return this.#low;
  }

  /** The current versions, in the order in which their ids appeared. */
  standing(): IterableIterator<Standing> {
    return this.#standing.values();
  }

  current(id: string): Contribution | undefined {
    return this.#standing.get(id)?.contribution;
  }

  standingOf(id: string): Standing | undefined {
    return this.#standing.get(id);
  }

  isCurrent({ id, version }: VersionRef): boolean {
    return this.#standing.get(id)?.contribution.version === version;
  }

  activation(key: string): ActivationState | undefined {
    return this.#activations.get(key);
  }

  activations(): IterableIterator<ActivationState> {
    return this.#activations.values();
  }

  active(): IterableIterator<ActivationState> {
    return this.#active.values();
  }

  get activeCount(): number {
    return this.#active.size;
  }

  /** The next entry of the log. */
  apply(entry: Entry): void {
    assert(entry.rev === this.#rev + 1, 'entries are applied in the order of the log');
    this.#rev = entry.rev;
    this.#updatedAtMs = entry.atMs;
    switch (entry.kind) {
      case 'contribution':
        this.#written += 1;
        this.#contributedRev = entry.rev;
        this.#standing.set(entry.contribution.id, {
          contribution: entry.contribution,
          rev: entry.rev,
          atMs: entry.atMs,
        });
        if (this.#status === 'solved') this.#status = 'running';
        break;
      case 'scheduled':
        this.#put(freshState(entry.activation, entry.rev));
        break;
      case 'reserved':
        this.#change(entry.key, (state) => {
          if (state.failures + state.losses === 0) this.#spentActivations += 1;
          this.#reservedMs += entry.timeMs;
          return { ...state, place: 'reserved', reservedMs: entry.timeMs };
        });
        break;
      case 'started':
        this.#change(entry.key, (state) => ({
          ...state,
          place: 'running',
          fence: entry.fence,
          startedAtMs: entry.atMs,
          worker: entry.worker,
        }));
        break;
      case 'committed':
        this.#change(entry.key, (state) => ({ ...this.#settle(state, entry.usage.timeMs), place: 'committed' }));
        break;
      case 'failed':
        this.#change(entry.key, (state) => ({
          ...this.#settle(state, entry.usage.timeMs),
          place: 'waiting',
          failures: state.failures + (entry.failure === 'lost' ? 0 : 1),
          losses: state.losses + (entry.failure === 'lost' ? 1 : 0),
          permanent: entry.failure === 'permanent',
          failedAtMs: entry.atMs,
          message: entry.message,
        }));
        break;
      case 'dead':
        this.#change(entry.key, (state) => ({ ...state, place: 'dead', message: entry.message }));
        break;
      case 'obviated':
        this.#change(entry.key, (state) => ({
          ...this.#settle(state, entry.usage?.timeMs ?? 0),
          place: 'obviated',
          message: entry.why,
        }));
        break;
      case 'status':
        this.#status = entry.status;
        this.#ended = entry.final;
        if (entry.status === 'quiescent') {
          this.#quiescentRev = entry.rev;
          this.#quiescences += 1;
        }
        break;
      case 'budget':
        this.#low.add(`${entry.what} ${entry.of}`);
        break;
      case 'solution':
        this.#solution = entry.solution;
        break;
    }
  }

  /** What was set aside is given back, what was used is booked. */
  #settle(state: ActivationState, usedMs: number): ActivationState {
    this.#reservedMs -= state.reservedMs;
    this.#usedMs += Math.min(usedMs, state.reservedMs);
    return { ...state, reservedMs: 0 };
  }

  #change(key: string, change: (state: ActivationState) => ActivationState): void {
    const state = this.#activations.get(key);
    assert(state !== undefined, 'an activation is scheduled before anything else happens to it');
    this.#counts[PLACES_COUNTED[state.place]] -= 1;
    this.#put(change(state));
  }

  #put(state: ActivationState): void {
    const { key } = state.activation;
    this.#counts[PLACES_COUNTED[state.place]] += 1;
    this.#activations.set(key, state);
    if (isOver(state.place)) this.#active.delete(key);
    else this.#active.set(key, state);
  }
}

/** Folds a log from its beginning. */
export function fold(
  head: Pick<BoardHead, 'id' | 'problem' | 'settings' | 'createdAtMs'>,
  log: Iterable<Entry>,
): Board {
  const board = new Board(head);
  for (const entry of log) board.apply(entry);
  return board;
}

function isOver(place: ActivationPlace): boolean {
  return place === 'committed' || place === 'dead' || place === 'obviated';
}

function freshState(activation: Activation, rev: number): ActivationState {
  return {
    activation,
    place: 'scheduled',
    rev,
    fence: '',
    startedAtMs: 0,
    worker: '',
    failures: 0,
    losses: 0,
    permanent: false,
    failedAtMs: 0,
    message: '',
    reservedMs: 0,
  };
}
