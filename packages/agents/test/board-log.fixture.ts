// Logs as a board writes them: random moves through a real store, of which some are refused.
import { fenceOf } from '@devmentor/locks';
import { SimulatedClock } from '@devmentor/locks/testing';
import fc from 'fast-check';
import { MemoryBoardStore } from '../src/board-store.memory.ts';
import type { BoardHead, BoardStore, Run } from '../src/board-store.ts';
import type { Activation, Entry } from '../src/entry.ts';
import { draftOf } from '../src/knowledge.ts';

export type Move =
  | { readonly kind: 'contribute'; readonly id: string; readonly value: number; readonly on: string | undefined }
  | { readonly kind: 'schedule' | 'reserve' | 'obviate' | 'kill'; readonly key: string }
  | {
      readonly kind: 'work' | 'launch' | 'start' | 'commit' | 'fail';
      readonly key: string;
      readonly fence: number;
      readonly ms: number;
    }
  | { readonly kind: 'seal' | 'write'; readonly epoch: number }
  | { readonly kind: 'pause' | 'resume' | 'rest' };

const id = fc.constantFrom('a', 'b', 'c', 'd');
const key = fc.constantFrom('k1', 'k2', 'k3');
const small = fc.integer({ min: 1, max: 3 });

export const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('contribute' as const), id, value: small, on: fc.option(id, { nil: undefined }) }),
    fc.record({
      kind: fc.constantFrom(
        'schedule' as const,
        'reserve' as const,
        'reserve' as const,
        'obviate' as const,
        'kill' as const,
      ),
      key,
    }),
    fc.record({
      kind: fc.constantFrom('work' as const, 'launch' as const, 'start' as const, 'commit' as const, 'fail' as const),
      key,
      fence: small,
      ms: fc.integer({ min: 0, max: 200 }),
    }),
    fc.record({ kind: fc.constantFrom('seal' as const, 'write' as const), epoch: small }),
    fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const, 'rest' as const) }),
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
);

export const settings = {
  sources: ['s@1'],
  budget: { contributions: 8, activations: 3, timeMs: 1_000 },
  concurrency: 4,
};

export async function play(
  store: BoardStore,
  played: readonly Move[],
): Promise<{ head: BoardHead; log: readonly Entry[]; answers: readonly unknown[] }> {
  await store.create({
    id: 'x',
    problem: { title: 'T', description: '', files: [] },
    settings,
    files: new Map(),
    contributions: [],
  });
  let epoch = 1;
  await store.seal('x', fenceOf(epoch));
  const answers: unknown[] = [];
  for (const move of played) {
    if (move.kind === 'seal' && move.epoch >= epoch) epoch = move.epoch;
    answers.push(await playOne(store, move, epoch));
  }
  const head = await store.head('x');
  if (head === undefined) throw new Error('the board is there');
  return { head, log: (await store.read('x', 0, 1_000)).entries, answers };
}

function playOne(store: BoardStore, move: Move, epoch: number): Promise<unknown> {
  const record = (entry: Parameters<BoardStore['record']>[1][number], under = epoch) =>
    store.record('x', [entry], { epoch: fenceOf(under) });
  switch (move.kind) {
    case 'contribute':
      return store.contribute('x', [
        draftOf(
          { id: move.id, level: 'fact', value: move.value, links: move.on === undefined ? [] : [move.on] },
          { author: 'ada' },
        ),
      ]);
    case 'schedule':
      return record({ kind: 'scheduled', activation: activationOf(move.key) });
    case 'reserve':
      return record({ kind: 'reserved', key: move.key, timeMs: 100 });
    case 'obviate':
      return record({ kind: 'obviated', key: move.key, why: 'moot' });
    case 'kill':
      return record({ kind: 'dead', key: move.key, message: 'enough' });
    case 'write':
      return record({ kind: 'budget', what: 'low', of: 'timeMs' }, move.epoch);
    case 'rest':
      return record({ kind: 'status', status: 'quiescent', final: false, why: 'rest' });
    case 'seal':
      return store.seal('x', fenceOf(move.epoch)).then(({ kind }) => kind);
    case 'pause':
    case 'resume':
      return store.steer('x', move.kind, 'asked');
    case 'launch':
      return record({ kind: 'scheduled', activation: activationOf(move.key) })
        .then(() => record({ kind: 'reserved', key: move.key, timeMs: 100 }))
        .then(() => store.start('x', runOf(move)));
    case 'work':
      return playOne(store, { ...move, kind: 'launch' }, epoch).then(() =>
        playOne(store, { ...move, kind: 'commit' }, epoch),
      );
    case 'start':
      return store.start('x', runOf(move));
    case 'commit':
      return store.commit('x', runOf(move), {
        reads: [],
        contributions: [draftOf({ id: move.key, level: 'fact', value: move.fence }, { author: 's@1' })],
        usage: { timeMs: move.ms },
      });
    case 'fail':
      return store.fail('x', runOf(move), { failure: 'transient', message: 'no luck', usage: { timeMs: move.ms } });
  }
}

function runOf({ key: of, fence }: { readonly key: string; readonly fence: number }): Run {
  return { key: of, fence: fenceOf(fence), worker: 'w' };
}

function activationOf(of: string): Activation {
  return {
    key: of,
    source: 's@1',
    subject: {},
    inputs: [],
    rating: 1,
    triggeredBy: 0,
    attempts: 3,
    backoffMs: 1,
    timeoutMs: 100,
  };
}

export function memoryStore(): BoardStore {
  return new MemoryBoardStore({ clock: new SimulatedClock() });
}
