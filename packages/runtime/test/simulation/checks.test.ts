import {
  type Check,
  effectivelyOnce,
  everyWaiterServed,
  exclusiveByFence,
  History,
  linearizableBy,
  linearizableLogs,
  linearizableRegisters,
  noAcknowledgedLoss,
  nonVacuous,
  type Objection,
  type Operation,
  type Outcome,
  type Run,
  reachedIn,
  recordedRun,
  refines,
  registerModel,
  risingFences,
  type Sighting,
  sometimes,
} from '@devmentor/runtime/simulation';
import { describe, expect, it } from 'vitest';
import { fenceOf, historyOf, type Line } from './histories.fixture.ts';

const runOf = (lines: readonly Line<unknown, unknown>[]): Run =>
  recordedRun({ operations: historyOf(lines), sightings: [] });
const line = (ask: unknown, told: unknown, from: number, to: number): Line<unknown, unknown> => ({
  ask,
  told,
  from,
  to,
});

/** A run in which these things were seen, a millisecond apart. */
function saw(...sightings: readonly Sighting[]): Run {
  let nowMs = 0;
  const history = new History(() => nowMs++);
  for (const sighting of sightings) history.saw('n1', sighting);
  return recordedRun(history.toJSON());
}
const messages = (objections: readonly Objection[]): readonly string[] => objections.map(({ message }) => message);

const wrote = (by: string, fence: number, admitted = true): Sighting => ({
  kind: 'guarded-write',
  key: 'doc',
  by,
  fence: fenceOf(fence),
  admitted,
});
const granted = (to: string, fence: number, key = 'doc'): Sighting => ({
  kind: 'grant',
  key,
  to,
  fence: fenceOf(fence),
});
const sent = (id: string): Sighting => ({ kind: 'effect', key: 'order', id });
const append = (item: string, told: Outcome<unknown>['kind'], from: number, to: number, by?: string) => ({
  ...line({ kind: 'append', item }, told === 'ok' ? { kind: 'appended' } : told, from, to),
  ...(by === undefined ? {} : { by }),
});

describe('models', () => {
  it('[LC13] a register that was compared held what it was compared with, and one that refused did not', () => {
    const cas = (from: number, to: number, kind: 'written' | 'other', at: number) =>
      line({ kind: 'compare-and-set', from, to }, { kind }, at, at);
    const check = linearizableRegisters({ initial: 0 });
    expect(check.inspect(runOf([cas(0, 1, 'written', 0), cas(0, 2, 'other', 1), cas(1, 2, 'written', 2)]))).toEqual([]);
    expect(check.inspect(runOf([cas(0, 1, 'written', 0), cas(0, 2, 'written', 1)]))).toHaveLength(1);
    expect(check.inspect(runOf([cas(0, 1, 'written', 0), cas(1, 2, 'other', 1)]))).toHaveLength(1);
  });

  it('[LC13] a log keeps what was appended, in the order in which it was', () => {
    const items = (at: number, ...kept: readonly string[]) =>
      line({ kind: 'items' }, { kind: 'items', items: kept }, at, at);
    const both = [append('a', 'ok', 0, 5), append('b', 'ok', 2, 6)];
    const check = linearizableLogs();
    expect(check.inspect(runOf([...both, items(7, 'b', 'a')]))).toEqual([]);
    expect(check.inspect(runOf([...both, items(7, 'b', 'a'), items(8, 'a', 'b')]))).toHaveLength(1);
    expect(check.inspect(runOf([...both, items(7, 'a')]))).toHaveLength(1);
    const placed = line({ kind: 'append', item: 'c' }, { kind: 'appended', at: 0 }, 8, 9);
    expect(check.inspect(runOf([...both, placed]))).toHaveLength(1);
  });

  it('[LC13] operations are told apart by their kinds, and a model of one own judges its own', () => {
    const run = runOf([append('a', 'ok', 0, 1), line({ kind: 'read' }, { kind: 'value', value: 5 }, 2, 3)]);
    expect(linearizableLogs().inspect(run)).toEqual([]);
    expect(linearizableRegisters().inspect(run)).toHaveLength(1);
    const own = { ...registerModel(5), name: 'dial' };
    const check = linearizableBy(
      own,
      (operation): operation is Operation<{ kind: 'read' }, never> => operation.id === 1,
    );
    expect(check).toMatchObject({ name: 'linearizable dial' });
    expect(check.inspect(run)).toEqual([]);
  });

  it('[LC6] an undecided history is an objection of its own kind', () => {
    const run = runOf([
      ...Array.from({ length: 8 }, (_, i) => append(`${i}`, 'ok', 0, 9)),
      line({ kind: 'items' }, { kind: 'items', items: [] }, 10, 11),
    ]);
    expect(linearizableLogs({ budget: 20 }).inspect(run)).toEqual([
      {
        check: 'linearizable logs',
        kind: 'undecided',
        key: 'k',
        message: 'k: 9 operations were not decided within 20 configurations',
      },
    ]);
  });

  it('[LC13] a log is not searched for the order that its longest reading tells, whoever appended at once', () => {
    const names = Array.from({ length: 40 }, (_, i) => `${(i * 17) % 40}`);
    const reading = (at: number, items: readonly string[]) => line({ kind: 'items' }, { kind: 'items', items }, at, at);
    const appends = Array.from({ length: 40 }, (_, i) => append(`${i}`, i % 4 === 0 ? 'unknown' : 'ok', 0, 9));
    const check = linearizableLogs({ budget: 100 });
    expect(check.inspect(runOf([...appends, reading(5, names.slice(0, 20)), reading(10, names)]))).toEqual([]);
    const [lost] = check.inspect(runOf([...appends, reading(5, names.slice(1, 20)), reading(10, names)]));
    expect(lost?.kind).toBe('violation');
  });

  it('[LC6] a check of runs is a check of worlds', () => {
    const checks: readonly Check[] = [
      exclusiveByFence(),
      nonVacuous(),
      linearizableLogs(),
      noAcknowledgedLoss({ kept: () => new Map() }),
    ];
    expect(checks.map(({ name }) => name)).toEqual([
      'exclusive by fence',
      'non-vacuous',
      'linearizable logs',
      'no acknowledged loss',
    ]);
  });
});

describe('what was seen where it happened', () => {
  it('[LC14] at a resource no writer is admitted after one of a greater fence, nor two under one', () => {
    const check = exclusiveByFence();
    expect(check.inspect(saw(wrote('a', 1), wrote('a', 1), wrote('b', 2), wrote('a', 1, false)))).toEqual([]);
    expect(messages(check.inspect(saw(wrote('a', 1), wrote('b', 2), wrote('a', 1))))).toEqual([
      'doc at 2 ms: a was admitted under #1 after b under #2',
    ]);
    expect(messages(check.inspect(saw(wrote('a', 1), wrote('b', 1))))).toEqual([
      'doc at 1 ms: b and a were both admitted under #1',
    ]);
  });

  it('[LC14] nobody is turned away who has the greatest fence', () => {
    expect(exclusiveByFence().inspect(saw(wrote('b', 1), wrote('a', 2, false)))).toHaveLength(1);
    expect(exclusiveByFence().inspect(saw(wrote('b', 2), wrote('a', 2, false)))).toEqual([]);
  });

  it('[LC15] every grant has a greater fence than all before it, of its own resource', () => {
    const check = risingFences();
    expect(check.inspect(saw(granted('a', 1), granted('b', 2), granted('c', 1, 'other')))).toEqual([]);
    expect(check.inspect(saw(granted('a', 2), granted('b', 2)))).toHaveLength(1);
    expect(messages(check.inspect(saw(granted('a', 3), granted('b', 2))))).toEqual([
      'doc at 1 ms: b was granted #2 after a #3',
    ]);
  });

  it('[LC15] so do grants as clients heard of them, where one was answered before the other was asked for', () => {
    const claim = (by: string, fence: number, from: number, to: number) =>
      line({ kind: 'claim', by, ttlMs: 10 }, { kind: 'granted', fence: fenceOf(fence) }, from, to);
    expect(risingFences().inspect(runOf([claim('a', 2, 0, 4), claim('b', 1, 2, 6), claim('c', 3, 8, 9)]))).toEqual([]);
    const [objection] = risingFences().inspect(runOf([claim('a', 2, 0, 4), claim('b', 1, 5, 6)]));
    expect(objection).toMatchObject({ key: 'k', operations: [0, 1] });
  });

  it('[LC17] no effect leaves twice, and what is owed leaves', () => {
    expect(effectivelyOnce().inspect(saw(sent('a'), sent('b')))).toEqual([]);
    expect(messages(effectivelyOnce().inspect(saw(sent('a'), sent('b'), sent('a'))))).toEqual([
      'order: a left 2 times, at 0, 2 ms',
    ]);
    const owing = effectivelyOnce({ owed: () => [{ key: 'order', id: 'b' }] });
    expect(messages(owing.inspect(saw(sent('a'))))).toEqual(['order: b was acknowledged, and never left']);
  });
});

describe('whole runs', () => {
  const keeping = (...items: readonly string[]) => noAcknowledgedLoss({ kept: () => new Map([['k', items]]) });

  it('[LC16] what was acknowledged is kept once; what is unknown may be; what failed is not', async () => {
    const run = runOf([append('a', 'ok', 0, 1), append('b', 'unknown', 0, 1), append('c', 'failed', 0, 1)]);
    expect(await keeping('a').inspect(run)).toEqual([]);
    expect(await keeping('b', 'a').inspect(run)).toEqual([]);
    expect(messages(await keeping('b').inspect(run))).toEqual(['k: a was acknowledged to (0) p0, and is not kept']);
    expect(messages(await keeping('a', 'a').inspect(run))).toEqual(['k: a is kept twice']);
    expect(messages(await keeping('a', 'c').inspect(run))).toEqual(["k: c is kept, and nobody's"]);
    expect(messages(await keeping('a', 'z').inspect(run))).toEqual(["k: z is kept, and nobody's"]);
  });

  it('[LC16] what is said again may be kept from the first time on', async () => {
    const run = runOf([append('b', 'unknown', 0, 1, 'p'), append('a', 'ok', 2, 3, 'p'), append('b', 'ok', 4, 5, 'p')]);
    expect(await keeping('b', 'a').inspect(run)).toEqual([]);
    expect(await keeping('a', 'b').inspect(run)).toEqual([]);
    const failed = runOf([
      append('b', 'failed', 0, 1, 'p'),
      append('a', 'ok', 2, 3, 'p'),
      append('b', 'ok', 4, 5, 'p'),
    ]);
    expect(await keeping('b', 'a').inspect(failed)).toHaveLength(1);
  });

  it("[LC16] each author's items are kept in the order in which they were acknowledged", async () => {
    const run = runOf([append('a', 'ok', 0, 1, 'p'), append('b', 'ok', 2, 3, 'p'), append('c', 'ok', 0, 9, 'q')]);
    expect(await keeping('a', 'c', 'b').inspect(run)).toEqual([]);
    expect(await keeping('b', 'c', 'a').inspect(run)).toHaveLength(1);
  });

  it('[LC18] whoever waits and lives is answered in its time once all is whole', () => {
    const check = everyWaiterServed({ withinMs: 100 });
    const waits = { kind: 'claim', by: 'a', ttlMs: 10, waits: true };
    const run = (
      endMs: number,
      heals: boolean,
      end: (history: ReturnType<History['invoke']>) => void,
      atMs: number,
    ): Run => {
      let nowMs = 0;
      const history = new History(() => nowMs);
      const pending = history.invoke({ process: 'p', node: 'n1', key: 'k', input: waits });
      nowMs = 50;
      if (heals) history.saw('world', { kind: 'healed' });
      nowMs = atMs;
      end(pending);
      return { history, endMs };
    };
    const answered = (atMs: number) => run(1_000, true, (pending) => pending.ok({ kind: 'granted' }), atMs);
    expect(check.inspect(answered(150))).toEqual([]);
    expect(check.inspect(answered(151))).toHaveLength(1);
    expect(messages(check.inspect(run(151, true, () => {}, 60)))).toEqual([
      'k: (0) p waits since 0 ms, all was whole at 50, and it still waits at 151',
    ]);
    expect(check.inspect(run(150, true, () => {}, 60))).toEqual([]);
    expect(check.inspect(run(1_000, true, (pending) => pending.unknown(), 900))).toEqual([]);
    expect(check.inspect(run(1_000, false, () => {}, 60))).toMatchObject([{ kind: 'undecided' }]);
  });

  it('[LC19] a run with crashes shows only what one without could have shown', () => {
    const till = (end?: { readonly sum: number }) =>
      refines<{ readonly sum: number }, { readonly add: number }, { readonly sum: number }>({
        name: 'a till without crashes',
        initial: () => ({ sum: 0 }),
        apply: ({ sum }, { add }) => ({ state: { sum: sum + add }, output: { sum: sum + add } }),
        mine: (operation): operation is Operation<{ readonly add: number }, { readonly sum: number }> =>
          operation.key === 'k',
        ...(end === undefined ? {} : { end: () => new Map([['k', end]]) }),
      });
    const run = runOf([
      line({ add: 1 }, { sum: 1 }, 0, 1),
      line({ add: 10 }, 'unknown', 2, 3),
      line({ add: 100 }, { sum: 101 }, 4, 5),
    ]);
    expect(till().inspect(run)).toEqual([]);
    expect(till({ sum: 101 }).inspect(run)).toEqual([]);
    expect(till({ sum: 111 }).inspect(run)).toEqual([]);
    // The unknown one twice, or an acknowledged one not at all.
    for (const sum of [121, 11, 1]) expect(till({ sum }).inspect(run)).toHaveLength(1);
  });

  it('[LC20] a run in which nothing was acknowledged, or nothing broke that was to break, is an objection', () => {
    const run = runOf([append('a', 'ok', 0, 1), append('b', 'unknown', 0, 1)]);
    expect(nonVacuous().inspect(run)).toEqual([]);
    expect(messages(nonVacuous({ acknowledged: 2 }).inspect(run))).toEqual([
      '1 operations were acknowledged, of at least 2',
    ]);
    expect(messages(nonVacuous().inspect(runOf([])))).toEqual(['0 operations were acknowledged, of at least 1']);
    const broken = { ...run, faults: [{ struck: true }, { struck: false }] };
    expect(nonVacuous({ faults: 1 }).inspect(broken)).toEqual([]);
    expect(messages(nonVacuous({ faults: 2 }).inspect(broken))).toEqual(['1 faults met anything, of at least 2']);
  });

  it('[LC20] a state that no run reached is an objection', () => {
    const counts = reachedIn(saw({ kind: 'reached', label: 'a lapse while waiting' }, { kind: 'healed' }));
    expect(messages(sometimes(['a lapse while waiting', 'a late answer'], counts))).toEqual([
      '"a late answer" was never reached',
    ]);
  });
});
