// What every BoardStore does; the rules are those of board-store.ts.
import { fenceOf } from '@devmentor/locks';
import { describe, expect, it } from 'vitest';
import type { BoardStore, ControlEntry, NewBoard, Run } from './board-store.ts';
import type { Activation, Entry } from './entry.ts';
import { draftOf, type Knowledge } from './knowledge.ts';
import { defaultBudget } from './problem.ts';

export interface BoardStoreHarness {
  /** A store without boards. */
  open(): Promise<BoardStore>;
}

export function boardStoreContract(harness: BoardStoreHarness): void {
  describe('BoardStore contract', () => {
    it('[BD1] revisions count from 1 without gaps, however many write at once', async () => {
      const store = await openedWith(harness);
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => store.contribute('b', [note(`a${n}`, n), note(`b${n}`, n)])),
      );
      const { entries } = await store.read('b', 0, 1_000);
      expect(entries.map(({ rev }) => rev)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
      expect((await store.head('b'))?.rev).toBe(40);
    });

    it('[BD1] a read answers the entries after its revision, up to the limit, as they were given', async () => {
      const store = await openedWith(harness);
      const value = { none: [], empty: {}, text: 'é\u0000🎓', n: 1e21, deep: [[{ a: null }]] };
      const evidence = [{ file: 'a/b.ts', sha256: 'a'.repeat(64), span: { startLine: 1, endLine: 2 } }];
      await store.contribute('b', [
        draft({ id: 'x', level: 'fact', value, evidence, subject: { file: 'a/b.ts' }, confidence: 0.5 }),
        note('y', 1),
      ]);
      const { entries } = await store.read('b', 0, 1);
      expect(entries).toMatchObject([
        {
          rev: 1,
          kind: 'contribution',
          source: 'ada',
          contribution: { id: 'x', version: 1, value, evidence, author: 'ada', supports: [], confidence: 0.5 },
        },
      ]);
      expect((await store.read('b', 1, 9)).entries.map(idOf)).toEqual(['y']);
      expect((await store.read('b', 2, 9)).entries).toEqual([]);
    });

    it('[BD2] an activation commits once, and a repeated commit says so and writes nothing', async () => {
      const store = await running(harness);
      expect(await commit(store, run(1), [note('found', 1)])).toMatchObject({
        kind: 'contributed',
        contributions: [{ id: 'found', version: 1, fresh: true }],
      });
      const before = await logOf(store);
      expect(await commit(store, run(1), [note('found', 2)])).toEqual({ kind: 'already' });
      expect(await store.start('b', run(2))).toEqual({ kind: 'already' });
      expect(await store.fail('b', run(1), failure)).toEqual({ kind: 'already' });
      expect(
        await record(store, [
          { kind: 'scheduled', activation },
          { kind: 'reserved', key: activation.key, timeMs: 9 },
        ]),
      ).toMatchObject({ kind: 'written' });
      expect(await logOf(store)).toEqual(before);
    });

    it('[BD2] of commits at one instant under one fence one counts', async () => {
      const store = await running(harness);
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, n) => commit(store, run(1), [note('found', n)])),
      );
      expect(outcomes.filter(({ kind }) => kind === 'contributed')).toHaveLength(1);
      expect((await logOf(store)).filter(({ kind }) => kind === 'committed')).toHaveLength(1);
    });

    it('[BD3] a controller writes until a newer epoch is sealed, and nothing after', async () => {
      const store = await openedWith(harness);
      expect(await store.seal('b', fenceOf(2))).toMatchObject({ kind: 'sealed', head: { epoch: fenceOf(2) } });
      expect(await record(store, [status('running')], 2)).toMatchObject({ kind: 'written' });
      expect(await store.seal('b', fenceOf(3))).toMatchObject({ kind: 'sealed' });
      expect(await record(store, [status('quiescent')], 2)).toEqual({ kind: 'fenced' });
      expect(await store.seal('b', fenceOf(2))).toEqual({ kind: 'fenced' });
      expect((await store.head('b'))?.status).toBe('running');
    });

    it('[BD4] a run that was overtaken, or whose failure was recorded, cannot commit', async () => {
      const store = await running(harness);
      expect(await store.start('b', run(2))).toMatchObject({ kind: 'written' });
      expect(await commit(store, run(1), [note('found', 1)])).toEqual({ kind: 'fenced' });
      expect(await store.start('b', run(1))).toEqual({ kind: 'fenced' });
      expect(await store.fail('b', run(2), { ...failure, epoch: fenceOf(1) })).toMatchObject({ kind: 'written' });
      expect(await commit(store, run(2), [note('found', 1)])).toEqual({ kind: 'already' });
      expect((await logOf(store)).map(({ kind }) => kind)).not.toContain('committed');
    });

    it('[BD4] a start that is said again answers as it did and writes nothing', async () => {
      const store = await running(harness);
      const before = await logOf(store);
      expect(await store.start('b', run(1))).toMatchObject({ kind: 'written' });
      expect(await logOf(store)).toEqual(before);
    });

    it('[BD5] a commit whose input has a newer version is stale and writes nothing', async () => {
      const store = await running(harness);
      await store.contribute('b', [note('input', 'changed')]);
      const before = await logOf(store);
      expect(
        await store.commit('b', run(1), {
          reads: [{ id: 'input', version: 1 }],
          contributions: [note('found', 1)],
          usage,
        }),
      ).toEqual({ kind: 'stale', id: 'input' });
      expect(
        await store.commit('b', run(1), { reads: [{ id: 'nobody', version: 1 }], contributions: [], usage }),
      ).toEqual({ kind: 'stale', id: 'nobody' });
      expect(await logOf(store)).toEqual(before);
      expect(await store.obviate('b', run(1), { why: 'stale', usage })).toMatchObject({ kind: 'written' });
    });

    it('[BD6] an equal body makes no version and no entry, a changed one the next version', async () => {
      const store = await openedWith(harness);
      await store.contribute('b', [note('x', 1)]);
      expect(await store.contribute('b', [note('x', 1)])).toMatchObject({
        contributions: [{ id: 'x', version: 1, rev: 1, fresh: false }],
        rev: 1,
      });
      expect(await store.contribute('b', [note('x', 2), note('x', 2), note('x', 1)])).toMatchObject({
        contributions: [
          { version: 2, rev: 2, fresh: true },
          { version: 2, rev: 2, fresh: false },
          { version: 3, rev: 3, fresh: true },
        ],
      });
    });

    it('[BD6] the same saying on newer grounds is a new version', async () => {
      const store = await openedWith(harness);
      await store.contribute('b', [note('x', 1), draft({ id: 'y', level: 'fact', value: 1, links: ['x'] })]);
      await store.contribute('b', [note('x', 2)]);
      expect(await store.contribute('b', [draft({ id: 'y', level: 'fact', value: 1, links: ['x'] })])).toMatchObject({
        contributions: [{ version: 2, fresh: true }],
      });
      expect((await logOf(store)).at(-1)).toMatchObject({
        contribution: { id: 'y', version: 2, supports: [{ id: 'x', version: 2 }] },
      });
    });

    it('[BD7] a link names a version that stands in the log, or one before it in the same write', async () => {
      const store = await openedWith(harness);
      const linked = (link: string) => draft({ id: 'y', level: 'fact', value: 1, links: [link] });
      expect(await store.contribute('b', [linked('x')])).toEqual({ kind: 'unknown-support', id: 'x' });
      expect(await store.contribute('b', [note('x', 1), linked('x@2')])).toEqual({ kind: 'unknown-support', id: 'x' });
      expect(await store.contribute('b', [linked('x'), note('x', 1)])).toEqual({ kind: 'unknown-support', id: 'x' });
      expect((await store.head('b'))?.rev).toBe(0);
      expect(await store.contribute('b', [note('x', 1), linked('x')])).toMatchObject({ kind: 'contributed' });
    });

    it('[BD8] what goes over the budget is refused as a whole', async () => {
      const store = await openedWith(harness, { contributions: 3 });
      expect(await store.contribute('b', [note('a', 1), note('b', 1)])).toMatchObject({ kind: 'contributed' });
      expect(await store.contribute('b', [note('c', 1), note('d', 1)])).toEqual({ kind: 'over-budget' });
      expect(await store.contribute('b', [note('a', 1), note('b', 1)])).toMatchObject({ kind: 'contributed' });
      const racing = await Promise.all(Array.from({ length: 10 }, (_, n) => store.contribute('b', [note(`r${n}`, n)])));
      expect(racing.filter(({ kind }) => kind === 'contributed')).toHaveLength(1);
    });

    it('[BD9] a board that ended takes nothing, a solved one is woken by a contribution', async () => {
      const store = await running(harness);
      await record(store, [status('solved')]);
      expect(await store.open(9)).toEqual([]);
      expect(await commit(store, run(1), [])).toEqual({ kind: 'closed', status: 'solved' });
      expect(await store.contribute('b', [note('more', 1)])).toMatchObject({ kind: 'contributed' });
      expect(await store.head('b')).toMatchObject({ status: 'running', ended: false });
      expect(await store.open(9)).toEqual(['b']);
      expect(await store.steer('b', 'cancel', 'enough')).toMatchObject({ kind: 'written' });
      expect(await store.contribute('b', [note('late', 1)])).toEqual({ kind: 'closed', status: 'cancelled' });
      expect(await commit(store, run(1), [])).toEqual({ kind: 'closed', status: 'cancelled' });
      expect(await record(store, [status('running')])).toEqual({ kind: 'closed', status: 'cancelled' });
      expect(await store.open(9)).toEqual([]);
    });

    it('[BD10] a write that names another revision than the board has is refused', async () => {
      const store = await openedWith(harness);
      await store.seal('b', fenceOf(1));
      await store.contribute('b', [note('x', 1)]);
      const under = { epoch: fenceOf(1), seen: 0 };
      expect(await store.record('b', [status('running')], under)).toEqual({ kind: 'moved' });
      expect(await store.record('b', [status('running')], { ...under, seen: 1 })).toEqual({ kind: 'written', rev: 2 });
    });

    it('[BD11] nothing starts while a board is paused, what runs may commit', async () => {
      const store = await running(harness);
      const second = { ...activation, key: 'second' };
      await record(store, [
        { kind: 'scheduled', activation: second },
        { kind: 'reserved', key: 'second', timeMs: 9 },
      ]);
      expect(await store.steer('b', 'pause', 'lunch')).toMatchObject({ kind: 'written' });
      expect(await store.steer('b', 'pause', 'lunch')).toEqual({ kind: 'refused', status: 'paused' });
      expect(await store.start('b', { ...run(1), key: 'second' })).toEqual({ kind: 'paused' });
      expect(await commit(store, run(1), [note('found', 1)])).toMatchObject({ kind: 'contributed' });
      expect(await store.steer('b', 'resume', 'back')).toMatchObject({ kind: 'written' });
      expect(await store.start('b', { ...run(1), key: 'second' })).toMatchObject({ kind: 'written' });
    });

    it('[BD12] only what was reserved starts, and once more only when it was reserved again', async () => {
      const store = await openedWith(harness);
      await store.seal('b', fenceOf(1));
      expect(await store.start('b', run(1))).toEqual({ kind: 'not-reserved' });
      await record(store, [{ kind: 'reserved', key: activation.key, timeMs: 9 }]);
      await record(store, [{ kind: 'scheduled', activation }]);
      expect(await store.start('b', run(1))).toEqual({ kind: 'not-reserved' });
      await record(store, [
        { kind: 'reserved', key: activation.key, timeMs: 9 },
        { kind: 'reserved', key: activation.key, timeMs: 9 },
      ]);
      expect(await store.start('b', run(1))).toMatchObject({ kind: 'written' });
      await store.fail('b', run(1), failure);
      expect(await store.start('b', run(2))).toEqual({ kind: 'not-reserved' });
      expect((await logOf(store)).map(({ kind }) => kind)).toEqual(['scheduled', 'reserved', 'started', 'failed']);
    });

    it('[BD13] opening a known id answers with the board that is there', async () => {
      const store = await openedWith(harness);
      await store.contribute('b', [note('x', 1)]);
      const again = await store.create({ ...board('b'), problem: { title: 'Another', description: '', files: [] } });
      expect(again).toMatchObject({ kind: 'exists', head: { rev: 1, problem: { title: 'Which cycles?' } } });
    });

    it('[BD13] a board is opened with its files, and begins as initializing', async () => {
      const store = await harness.open();
      const files = new Map([['f'.repeat(64), 'export {};']]);
      const made = await store.create({ ...board('b'), files, contributions: [note('x', 1)] });
      expect(made).toMatchObject({
        kind: 'created',
        head: { id: 'b', status: 'initializing', ended: false, rev: 1, epoch: '' },
      });
      expect(await store.files('b', ['f'.repeat(64), '0'.repeat(64)])).toEqual(files);
      await store.contribute('b', [note('y', 1)], new Map([['e'.repeat(64), '']]));
      expect(await store.files('b', ['e'.repeat(64)])).toEqual(new Map([['e'.repeat(64), '']]));
    });

    it('[BD14] a removed board is gone from everywhere', async () => {
      const store = await running(harness);
      expect(await store.remove('b')).toBe(true);
      expect(await store.remove('b')).toBe(false);
      expect(await store.head('b')).toBeUndefined();
      expect((await store.read('b', 0, 9)).entries).toEqual([]);
      expect(await store.contribute('b', [note('x', 1)])).toEqual({ kind: 'missing' });
      expect(await store.seal('b', fenceOf(9))).toEqual({ kind: 'missing' });
      expect(await store.open(9)).toEqual([]);
      expect(await store.list({ limit: 9 })).toEqual({ items: [] });
      expect(await store.create(board('b'))).toMatchObject({ kind: 'created', head: { rev: 0 } });
      expect(await store.start('b', run(1))).toEqual({ kind: 'not-reserved' });
    });

    it('[BD14] every board is in the list once, page by page, under any id', async () => {
      const store = await harness.open();
      const ids = [
        'plain',
        'dots.and~tildes',
        '~',
        '-',
        'x'.repeat(128),
        ...Array.from({ length: 20 }, (_, n) => `b${n}`),
      ];
      for (const id of ids) await store.create(board(id));
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await store.list({ limit: 7, ...(after === undefined ? {} : { after }) });
        expect(page.items.length).toBeLessThanOrEqual(7);
        seen.push(...page.items.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      expect(seen.toSorted()).toEqual(ids.toSorted());
      expect((await store.open(99)).toSorted()).toEqual(ids.toSorted());
    });
  });
}

const usage = { timeMs: 3 };
const failure = { failure: 'transient', message: 'no luck', usage } as const;

export const activation: Activation = {
  key: 'first',
  source: 'graph@1',
  subject: {},
  inputs: [{ id: 'input', version: 1 }],
  rating: 500,
  triggeredBy: 1,
  attempts: 3,
  backoffMs: 10,
  timeoutMs: 1_000,
};

function board(id: string, budget: Partial<NewBoard['settings']['budget']> = {}): NewBoard {
  return {
    id,
    problem: { title: 'Which cycles?', description: '', files: [] },
    settings: { sources: ['graph@1'], budget: { ...defaultBudget, ...budget }, concurrency: 32 },
    files: new Map(),
    contributions: [],
  };
}

async function openedWith(
  harness: BoardStoreHarness,
  budget: Partial<NewBoard['settings']['budget']> = {},
): Promise<BoardStore> {
  const store = await harness.open();
  await store.create(board('b', budget));
  return store;
}

/** A board with one input, whose activation `first` has started under fence 1. */
async function running(harness: BoardStoreHarness): Promise<BoardStore> {
  const store = await openedWith(harness);
  await store.contribute('b', [note('input', 'as it was')]);
  await store.seal('b', fenceOf(1));
  await record(store, [
    status('running'),
    { kind: 'scheduled', activation },
    { kind: 'reserved', key: activation.key, timeMs: 1_000 },
  ]);
  await store.start('b', run(1));
  return store;
}

function run(fence: number): Run {
  return { key: activation.key, fence: fenceOf(fence), worker: 'w' };
}

function status(to: 'running' | 'quiescent' | 'solved'): ControlEntry {
  return { kind: 'status', status: to, final: false, why: 'test' };
}

function record(store: BoardStore, entries: readonly ControlEntry[], epoch = 1): ReturnType<BoardStore['record']> {
  return store.record('b', entries, { epoch: fenceOf(epoch) });
}

function commit(
  store: BoardStore,
  by: Run,
  contributions: NewBoard['contributions'],
): ReturnType<BoardStore['commit']> {
  return store.commit('b', by, { reads: [{ id: 'input', version: 1 }], contributions, usage });
}

function note(id: string, value: number | string): NewBoard['contributions'][number] {
  return draft({ id, level: 'fact', value });
}

function draft(knowledge: Knowledge): NewBoard['contributions'][number] {
  return draftOf(knowledge, { author: 'ada' });
}

async function logOf(store: BoardStore): Promise<readonly Entry[]> {
  return (await store.read('b', 0, 1_000)).entries;
}

function idOf(entry: Entry): string {
  return entry.kind === 'contribution' ? entry.contribution.id : entry.kind;
}
