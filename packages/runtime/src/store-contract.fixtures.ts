// What the three store suites share: ids, commits with defaults, and outcomes taken apart.

import type { FencingToken } from '@devmentor/locks';
import { encodeId, fenceOf, slotOf } from '@devmentor/locks';
import { expect } from 'vitest';
import type { ActorId } from './actor-id.ts';
import type { Json } from './json.ts';
import type { LogStore } from './log-store.ts';
import type { Commit, CommitOutcome, Epoch, Settled, Shard, StateStore } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';

export interface StoreHarness<Store> {
  /** A store over an empty namespace, as one node opens it. */
  open(options?: { readonly shards?: number; readonly limits?: Partial<StoreLimits> }): Promise<Store>;
  /** Lets the store's clock pass; a real backend waits. */
  elapse(ms: number): Promise<void>;
}

/** The state store under test and the log its topic events go to. */
export interface StateAndLog {
  readonly state: StateStore;
  readonly log: LogStore;
}

export type StateStoreHarness = StoreHarness<StateAndLog>;

export const ada: ActorId = 'project:ada';
export const fences: readonly [FencingToken, FencingToken, FencingToken] = [
  fenceOf(1_700_000_000_000_001),
  fenceOf(1_700_000_000_000_002),
  fenceOf(1_700_000_000_000_003),
];

/** Ids that break naive keys: separators, patterns, hash tags, Unicode, long ones. */
export const hostileIds: readonly ActorId[] = [
  'a:b:c',
  'a:b',
  'a:',
  ':a',
  'project:*',
  'project:{x}',
  'project:{s1}:own',
  'project:~',
  'project:a b\n\t"\\',
  'projet:élève-学習-🎓',
  `project:${'x'.repeat(512)}`,
  `project:${'x'.repeat(511)}y`,
  `project:${'学'.repeat(170)}`,
  'project:__proto__',
  'project:constructor',
];

export function shardOf(state: StateStore, id: ActorId): Shard {
  return slotOf(encodeId(id), state.shards);
}

/** Another actor of the same shard. */
export function neighbourOf(state: StateStore, id: ActorId): ActorId {
  for (let i = 0; ; i++) {
    const other: ActorId = `project:n${i}`;
    if (shardOf(state, other) === shardOf(state, id)) return other;
  }
}

export function commitOf(commit: Partial<Commit> & Pick<Commit, 'id' | 'commitId' | 'basis'>): Commit {
  return {
    machineVersion: 1,
    snapshot: { value: 'idle' },
    timers: [],
    outbox: { add: [], remove: [] },
    settles: [],
    events: [],
    ...commit,
  };
}

export function settled(n: number, floor: number, reply?: Json, sender = 'node-1'): Settled {
  return { sender, n, floor, ...(reply === undefined ? {} : { reply }) };
}

/** One node that has sealed an actor's shard, and commits to that actor one after another. */
export class Owner {
  readonly state: StateStore;
  readonly id: ActorId;
  readonly shard: Shard;
  readonly epoch: Epoch;
  version = 0;
  #commits = 0;

  private constructor(state: StateStore, id: ActorId, epoch: Epoch) {
    this.state = state;
    this.id = id;
    this.shard = shardOf(state, id);
    this.epoch = epoch;
  }

  static async of(state: StateStore, id: ActorId = ada, incarnation = 'node-1'): Promise<Owner> {
    return new Owner(state, id, await sealed(state, shardOf(state, id), incarnation));
  }

  /** The one outcome of a commit on the version seen last. */
  async commit(parts: Partial<Commit> = {}): Promise<CommitOutcome> {
    this.#commits += 1;
    const commit = commitOf({ id: this.id, commitId: `${this.epoch}:${this.#commits}`, basis: this.version, ...parts });
    const outcome = only(await this.state.commit(this.shard, this.epoch, [commit]));
    if (outcome.kind === 'committed') this.version = outcome.version;
    return outcome;
  }

  async committed(parts: Partial<Commit> = {}) {
    const outcome = await this.commit(parts);
    if (outcome.kind !== 'committed') throw new Error(`expected a committed outcome, got ${JSON.stringify(outcome)}`);
    return outcome;
  }

  async record() {
    const loaded = await this.state.load(this.shard, this.epoch, this.id);
    if (loaded.kind !== 'record') throw new Error(`expected a record, got ${JSON.stringify(loaded)}`);
    return loaded.record;
  }
}

/** Takes the shard from whoever has it. */
export async function sealed(state: StateStore, shard: Shard, incarnation: string): Promise<Epoch> {
  const [own] = await state.ownership([shard]);
  if (own === undefined) throw new Error('a shard has an ownership');
  const outcome = await state.seal(shard, incarnation, own);
  if (outcome.kind !== 'sealed') throw new Error(`expected to seal, got ${JSON.stringify(outcome)}`);
  return outcome.epoch;
}

export function outcomesOf(answer: Awaited<ReturnType<StateStore['commit']>>): readonly CommitOutcome[] {
  if (answer.kind !== 'outcomes') throw new Error(`expected outcomes, got ${JSON.stringify(answer)}`);
  return answer.outcomes;
}

function only(answer: Awaited<ReturnType<StateStore['commit']>>): CommitOutcome {
  const [outcome, ...others] = outcomesOf(answer);
  expect(others).toEqual([]);
  if (outcome === undefined) throw new Error('a commit has an outcome');
  return outcome;
}
