// An actor at rest, as its activation holds it, and the form in which its record keeps it.

import { type Asks, noAsks } from './asks.ts';
import { type Behavior, migrated } from './behavior.ts';
import { type KeptDelay, reckoned, type Window } from './delay-policy.ts';
import type { Effect } from './effect.ts';
import type { ViewData } from './envelope.ts';
import { ActorError } from './errors.ts';
import type { MachineDriver, MachineSnapshot } from './machine-driver.ts';
import type { ActorRecord, Json, TimerRow } from './state-store.ts';
import { type Halt, noStrikes, type Strikes } from './supervision.ts';
import { noWatchers, type Watchers } from './watchers.ts';

export interface ActorState {
  /** Version of the stored record; 0 when there is none. */
  readonly version: number;
  readonly snapshot: MachineSnapshot;
  readonly timers: ReadonlyMap<string, TimerRow>;
  /** Number of the last message it told; see `nextNumber`. */
  readonly lastOut: number;
  /** Which run of each invoke is the one waited for. */
  readonly runs: Readonly<Record<string, number>>;
  /** Last number given to a timer or a run; tells each from the one of the same id before it. */
  readonly mark: number;
  /** What the creation of the machine asked for; goes out with the first commit. */
  readonly unborn: readonly Effect[];
  /** Why it takes nothing; undefined while it does. */
  readonly halt: Halt | undefined;
  readonly strikes: Strikes;
  /** Of the timers whose policy is not `deadline`. */
  readonly delays: Readonly<Record<string, KeptDelay>>;
  /** What it has been asked and answers later. */
  readonly asks: Asks;
  /** Who is to be told of its end. */
  readonly watchers: Watchers;
  /** Trace contexts of the steps that asked for the invokes that run. */
  readonly traces: Readonly<Record<string, string>>;
}

/** What `ActorRecord.snapshot` holds. */
interface StoredState {
  readonly machine: Json;
  readonly runs: Readonly<Record<string, number>>;
  readonly mark: number;
  /** `lastOut`; absent while nothing was told. */
  readonly out?: number;
  readonly halt?: Halt;
  readonly strikes?: Strikes;
  readonly asks?: Asks;
  readonly watchers?: Watchers;
  readonly traces?: ActorState['traces'];
  /** `delays`, and when this was written. */
  readonly delays?: { readonly atMs: number; readonly of: ActorState['delays'] };
}

// Most actors have none of these: they share them.
export const noTimers: ActorState['timers'] = new Map();
const noRuns: ActorState['runs'] = Object.freeze({});
const noTraces: ActorState['traces'] = Object.freeze({});

export function storedForm(driver: MachineDriver, state: ActorState, storeMs: number): Json {
  const stored = {
    machine: driver.persist(state.snapshot),
    runs: state.runs,
    mark: state.mark,
    ...(state.lastOut === 0 ? {} : { out: state.lastOut }),
    ...(state.halt === undefined ? {} : { halt: { ...state.halt } }),
    ...(state.strikes.count === 0 ? {} : { strikes: { ...state.strikes } }),
    ...(isEmpty(state.asks) ? {} : { asks: state.asks }),
    ...(state.watchers.length === 0 ? {} : { watchers: state.watchers }),
    ...(isEmpty(state.traces) ? {} : { traces: state.traces }),
    ...(isEmpty(state.delays) ? {} : { delays: { atMs: storeMs, of: state.delays } }),
  } satisfies StoredState;
  return stored as object as Json;
}

/** Of no timer that a machine sets: those have the ids that XState gives them, or `raise` and `sendTo` do. */
const WAKES = 'devmentor.invokes';

/**
 * The timers of a state as its record keeps them. While an invoke is under way there is one more, due at once: the
 * next owner of the shard wakes the actor by it, and so starts the invoke again, though nobody tells the actor anything.
 */
export function storedTimers({ timers, runs, halt }: ActorState, storeMs: number): readonly TimerRow[] {
  const rows = [...timers.values()];
  if (isEmpty(runs) || halt !== undefined) return rows;
  return [...rows, { id: WAKES, generation: 0, dueAtMs: Math.floor(storeMs), event: { type: WAKES } }];
}

/**
 * The number after `last`, for the next message of an actor to anybody. One counter serves all
 * receivers, each of which sees rising numbers with gaps: so an actor keeps one number, however
 * many it tells. Made of the time, it rises over the loss of its record too.
 */
export function nextNumber(last: number, storeMs: number): number {
  return Math.max(last + 1, Math.floor(storeMs * 1_000));
}

/** The store's time when a message was numbered, or a little later where many were in one instant. */
export function numberedAtMs(n: number): number {
  return n / 1_000;
}

export function createdState(driver: MachineDriver, input: unknown): ActorState {
  const { snapshot, effects } = driver.create(input);
  return {
    version: 0,
    snapshot,
    timers: noTimers,
    lastOut: 0,
    runs: noRuns,
    mark: 0,
    unborn: effects,
    halt: undefined,
    strikes: noStrikes,
    delays: {},
    asks: noAsks,
    watchers: noWatchers,
    traces: noTraces,
  };
}

/** The state of a record after the windows in which its shard was not served; `VERSION_UNSUPPORTED` when this node's machine is older, or a migration is missing. */
export function loadedState(
  driver: MachineDriver,
  behavior: Behavior,
  record: ActorRecord,
  windows: readonly Window[],
): ActorState {
  const stored = record.snapshot as object as StoredState;
  const machine = migratedMachine(behavior, record, stored.machine);
  return {
    version: record.version,
    snapshot: driver.restore(machine),
    timers: loadedTimers(record.timers, stored.delays, windows),
    lastOut: stored.out ?? 0,
    runs: isEmpty(stored.runs) ? noRuns : stored.runs,
    mark: stored.mark,
    unborn: [],
    halt: stored.halt,
    strikes: stored.strikes ?? noStrikes,
    delays: stored.delays?.of ?? {},
    asks: stored.asks ?? noAsks,
    watchers: stored.watchers ?? noWatchers,
    traces: stored.traces ?? noTraces,
  };
}

function loadedTimers(
  rows: readonly TimerRow[],
  delays: StoredState['delays'],
  windows: readonly Window[],
): ActorState['timers'] {
  const own = rows.filter(({ id }) => id !== WAKES);
  return own.length === 0 ? noTimers : new Map(own.map((row) => [row.id, timerOf(row, delays, windows)]));
}

function timerOf(row: TimerRow, delays: StoredState['delays'], windows: readonly Window[]): TimerRow {
  const kept = delays?.of[row.id];
  return delays === undefined || kept === undefined ? row : reckoned(row, kept, windows, delays.atMs);
}

export function isEmpty(record: object): boolean {
  for (const _ in record) return false;
  return true;
}

function migratedMachine(behavior: Behavior, record: ActorRecord, machine: Json): Json {
  if (record.machineVersion === behavior.version) return machine;
  const current =
    record.machineVersion < behavior.version ? migrated(behavior, record.machineVersion, machine) : undefined;
  if (current !== undefined) return current;
  const message = `${record.id} is stored at machine version ${record.machineVersion}; this node runs version ${behavior.version} and knows no way between them`;
  throw new VersionUnsupported(message, record);
}

/** A record that this node's machine cannot take up. */
export class VersionUnsupported extends ActorError {
  override readonly name = 'VersionUnsupported';
  /** The machine version it was written by. */
  readonly stored: number;

  constructor(message: string, { id, machineVersion }: ActorRecord) {
    super('VERSION_UNSUPPORTED', message, { applied: 'no', actor: id });
    this.stored = machineVersion;
  }
}

/** What readers are shown of a state. */
export function viewOf(driver: MachineDriver, state: ActorState, version: number): ViewData {
  return viewOfMachine(driver.persist(state.snapshot), version, state.halt);
}

/** What readers are shown of a stored record. */
export function viewOfRecord(record: ActorRecord): ViewData {
  const { machine, halt } = record.snapshot as object as StoredState;
  return viewOfMachine(machine, record.version, halt);
}

function viewOfMachine(machine: Json, version: number, halt: Halt | undefined): ViewData {
  const {
    value,
    context,
    status = 'active',
    output,
  } = machine as object as { value: Json; context: Json; status?: ViewData['status']; output?: Json };
  return {
    value,
    context,
    status: halt?.kind === 'stopped' ? 'stopped' : status,
    version,
    ...(output === undefined ? {} : { output }),
    ...(halt?.kind === 'suspended' ? { suspended: halt.why } : {}),
  };
}
