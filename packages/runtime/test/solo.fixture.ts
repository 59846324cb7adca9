// One node alone, under a clock that only the test moves; its store outlives it.
import { SimulatedClock, seededEntropy } from '@devmentor/locks/testing';
import {
  type ActorType,
  type Commit,
  createRuntime,
  type DeadLetter,
  MemoryStateStore,
  type Runtime,
  type RuntimeOptions,
  type StateStore,
} from '../src/index.ts';
import { type CommitFault, replacing, withCommitFaults } from '../src/testing-faults.ts';

export interface Solo {
  readonly clock: SimulatedClock;
  readonly state: MemoryStateStore;
  runtime: Runtime;
  readonly faults: unknown[];
  readonly deadLetters: DeadLetter[];
  /** The commits of each call that reached the store. */
  readonly calls: (readonly Commit[])[];
  run<T>(promise: Promise<T>): Promise<T>;
  /** A second process on the same store, after the first has stopped. */
  restart(actors?: readonly ActorType[]): Promise<void>;
}

export interface SoloOptions {
  readonly tracer?: RuntimeOptions['tracer'];
  readonly maxResident?: number;
  readonly mail?: RuntimeOptions['mail'];
  readonly limits?: ConstructorParameters<typeof MemoryStateStore>[0]['limits'];
  readonly fault?: (commits: readonly Commit[], call: number) => CommitFault;
  /** What the answer of a call waits for, once the store has done it. */
  readonly afterCommit?: (call: number) => Promise<void> | undefined;
}

export async function solo(actors: readonly ActorType[], options: SoloOptions = {}): Promise<Solo> {
  const clock = new SimulatedClock();
  const state = new MemoryStateStore({
    clock,
    shards: 4,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const faults: unknown[] = [];
  const deadLetters: DeadLetter[] = [];
  const calls: (readonly Commit[])[] = [];
  const slow: StateStore = replacing<StateStore, 'commit'>(state, 'commit', async (...given) => {
    const outcomes = await state.commit(...given);
    await options.afterCommit?.(calls.length);
    return outcomes;
  });
  const seen: StateStore = withCommitFaults(slow, (commits) => {
    calls.push(commits);
    return options.fault?.(commits, calls.length) ?? 'none';
  });
  const open = (defined: readonly ActorType[]): Runtime =>
    createRuntime({
      actors: defined,
      state: seen,
      clock,
      entropy: seededEntropy(calls.length + 1),
      ...(options.maxResident === undefined ? {} : { maxResident: options.maxResident }),
      ...(options.mail === undefined ? {} : { mail: options.mail }),
      ...(options.tracer === undefined ? {} : { tracer: options.tracer }),
      onFault: (fault) => faults.push(fault),
      onDeadLetter: (letter) => deadLetters.push(letter),
    });
  const run = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => {});
    for (let i = 0; !settled && i < 60_000; i++) await clock.advance(i < 100 ? 0.1 : 1);
    return await watched;
  };
  const harness: Solo = {
    clock,
    state,
    faults,
    deadLetters,
    calls,
    run,
    runtime: open(actors),
    restart: async (others = actors) => {
      await run(harness.runtime.stop());
      harness.runtime = open(others);
      await run(harness.runtime.start());
    },
  };
  await run(harness.runtime.start());
  return harness;
}
