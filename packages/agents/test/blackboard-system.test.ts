import { CoordinationError, MemoryLockManager, systemClock } from '@devmentor/locks';
import { createRuntime } from '@devmentor/runtime';
import { describe, expect, it } from 'vitest';
import {
  BlackboardSystem,
  type BlackboardSystemOptions,
  defineKnowledgeSource,
  type Entry,
  type IKnowledgeSource,
  MemoryBoardStore,
  PermanentFailure,
  type Problem,
} from '../src/index.ts';

const lines = defineKnowledgeSource({
  name: 'lines',
  version: 1,
  trigger: { on: 'entry', level: 'source', each: 'file' },
  run: async ({ inputs: [input], file }) => {
    const place = input?.evidence[0];
    if (input === undefined || place === undefined) return [];
    const count = (await file(place.sha256)).split('\n').length;
    const value = { text: `${place.file} has ${count} lines` };
    return [
      { level: 'finding', kind: 'lines', subject: { file: place.file }, value, links: [input.id], evidence: [place] },
    ];
  },
});

const problem: Problem = {
  title: 'Lines',
  description: '',
  files: [
    { path: 'a.ts', content: 'one\ntwo' },
    { path: 'b.ts', content: 'one' },
  ],
};

/** A source that never ends by itself. */
const endless = sourceOf(
  'endless',
  ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
);

describe('a board', () => {
  it('[CC4] comes to a Solution when no source has anything to add', async () => {
    await using boards = started({ sources: [lines] });
    const id = await boards.initializeProblem(problem);
    const counts = { contributions: 4, done: 2, pending: 0, running: 0, obviated: 0, failed: 0 };
    expect(await boards.settled(id)).toMatchObject({ status: 'solved', ended: false, counts });
    const solution = await boards.solution(id);
    expect(solution).toMatchObject({ reason: 'quiescent', completeness: 'complete', unmet: [] });
    expect(solution?.statements.map(({ text }) => text)).toEqual(['a.ts has 2 lines', 'b.ts has 1 lines']);
  });

  it('[QU2] rests in two steps, and a source may answer the first', async () => {
    const last = defineKnowledgeSource({
      name: 'last',
      version: 1,
      trigger: { on: 'quiescence' },
      run: () => [{ level: 'section', kind: 'wrap-up', value: 'that was all' }],
    });
    await using boards = started({ sources: [lines, last] });
    const id = await boards.initializeProblem(problem);
    await boards.settled(id);
    const statuses = (await logOf(boards, id)).flatMap((entry) => (entry.kind === 'status' ? [entry.status] : []));
    expect(statuses).toEqual(['running', 'quiescent', 'quiescent', 'solved']);
    expect((await boards.solution(id))?.statements[0]?.text).toBe('that was all');
  });

  it('[BD9] is woken from its rest by a contribution, and comes to another Solution', async () => {
    await using boards = started({ sources: [lines] });
    const id = await boards.initializeProblem(problem);
    await boards.settled(id);
    const said = await boards.contribute(id, 'ada', { level: 'finding', value: 'a.ts is too long', links: [] });
    expect(said).toMatchObject({ author: 'ada', level: 'finding', version: 1, revision: Number(said.cursor) });
    await boards.settled(id);
    const { statements } = await boards.synthesizeSolution(id);
    expect(statements.map(({ text, basis }) => [text, basis])).toContainEqual(['a.ts is too long', 'opinion']);
    await boards.contribute(id, 'ada', { level: 'source', value: { path: 'b.ts', content: '1\n2\n3' } });
    await boards.settled(id);
    expect((await boards.synthesizeSolution(id)).statements.map(({ text }) => text)).toContain('b.ts has 3 lines');
  });

  it('says `solved` when somebody contributed a solution and no work is left', async () => {
    await using boards = started({ sources: [lines] });
    const id = await boards.initializeProblem(problem);
    await boards.contribute(id, 'ada', { level: 'solution', value: 'delete b.ts' });
    await boards.settled(id);
    expect(await boards.solution(id)).toMatchObject({
      reason: 'solved',
      completeness: 'complete',
      statements: [{ text: 'delete b.ts' }, {}, {}],
    });
  });

  it('[SY1] names contributions of its log behind every statement, and evidence of files it has', async () => {
    await using boards = started({ sources: [lines] });
    const id = await boards.initializeProblem(problem);
    await boards.settled(id);
    const ids = new Set((await boards.contributions(id)).items.map((item) => item.id));
    for (const { contributions, evidence } of (await boards.synthesizeSolution(id)).statements) {
      expect(contributions.length).toBeGreaterThan(1);
      expect(contributions.every((one) => ids.has(one))).toBe(true);
      for (const { sha256 } of evidence) expect(await boards.file(id, sha256)).toBeTypeOf('string');
    }
  });

  it('[BD13] is opened once under an id', async () => {
    await using boards = started({ sources: [lines] });
    expect((await boards.open({ id: 'mine', problem })).kind).toBe('opened');
    expect((await boards.open({ id: 'mine', problem: { ...problem, title: 'Other' } })).board.title).toBe('Lines');
    expect((await boards.boards()).items.map(({ id }) => id)).toEqual(['mine']);
    expect(await boards.remove('mine')).toBe(true);
    await expect(boards.board('mine')).rejects.toMatchObject({ code: 'BOARD_NOT_FOUND', applied: 'no' });
  });
});

describe('a source that goes wrong', () => {
  it('[CC2] is tried again, later each time, then is dead; its siblings do not notice', async () => {
    let runs = 0;
    const flaky = sourceOf('flaky', () => {
      runs += 1;
      throw new Error('no luck');
    });
    await using boards = started({ sources: [lines, { ...flaky, limits: { attempts: 3, backoffMs: 5 } }] });
    const id = await boards.initializeProblem(problem);
    expect(await boards.settled(id)).toMatchObject({ counts: { done: 2, failed: 1 } });
    expect(runs).toBe(3);
    expect(await boards.solution(id)).toMatchObject({
      reason: 'quiescent',
      completeness: 'partial',
      unmet: ['flaky@1 failed: Error: no luck'],
    });
    const failed = (await logOf(boards, id)).filter(({ kind }) => kind === 'failed').map(({ atMs }) => atMs);
    expect((failed[2] ?? 0) - (failed[1] ?? 0)).toBeGreaterThanOrEqual(10);
  });

  it.each([
    [
      'cannot be helped',
      () => {
        throw new PermanentFailure('never');
      },
    ],
    ['contributes what no board takes', () => [{ level: '', value: 1 }]],
    ['rests on what is not there', () => [{ level: 'fact', value: 1, links: ['nobody'] }]],
    ['is not JSON', () => [{ level: 'fact', value: Number.NaN }]],
  ])('[RN3] that %s is dead at once', async (_, run) => {
    await using boards = started({ sources: [sourceOf('bad', run)] });
    const id = await boards.initializeProblem(problem);
    expect(await boards.settled(id)).toMatchObject({ status: 'failed', ended: true, counts: { failed: 1, done: 0 } });
    expect((await logOf(boards, id)).filter(({ kind }) => kind === 'failed')).toHaveLength(1);
    expect(await boards.solution(id)).toMatchObject({ reason: 'failed', completeness: 'partial', statements: [] });
  });

  it('[RN3] in its precondition or rating dies alone too', async () => {
    const throws = () => {
      throw new Error('confused');
    };
    const bad = {
      ...sourceOf('bad', () => []),
      precondition: throws,
      rate: throws,
      limits: { attempts: 2, backoffMs: 1 },
    };
    await using boards = started({ sources: [lines, bad] });
    const id = await boards.initializeProblem(problem);
    expect(await boards.settled(id)).toMatchObject({ status: 'solved', counts: { done: 2, failed: 1 } });
  });

  it('[RN2] is ended when its time is over, and what it says later does not count', async () => {
    const late = sourceOf('late', async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return [{ level: 'finding', value: 'too late' }];
    });
    await using boards = started({ sources: [{ ...late, limits: { timeoutMs: 20, attempts: 1 } }] });
    const id = await boards.initializeProblem(problem);
    await boards.settled(id);
    expect((await boards.solution(id))?.statements).toEqual([]);
    expect((await logOf(boards, id)).find(({ kind }) => kind === 'failed')).toMatchObject({ failure: 'timeout' });
  });
});

describe('a board with limits', () => {
  it('[BU1] ends with what it has when its activations are used up', async () => {
    const files = Array.from({ length: 30 }, (_, n) => ({ path: `f${n}.ts`, content: '' }));
    await using boards = started({ sources: [lines] });
    const { board } = await boards.open({ problem: { ...problem, files }, budget: { activations: 10 } });
    expect(await boards.settled(board.id)).toMatchObject({ status: 'solved', ended: true, spent: { activations: 10 } });
    expect(await boards.solution(board.id)).toMatchObject({ reason: 'budget', completeness: 'partial' });
    expect((await boards.solution(board.id))?.statements).toHaveLength(10);
    await expect(boards.contribute(board.id, 'ada', { level: 'fact', value: 1 })).rejects.toMatchObject({
      code: 'BOARD_CLOSED',
    });
  });

  it('[BU1] ends with what it has when its contributions or its time are used up', async () => {
    await using boards = started({ sources: [lines] });
    const few = await boards.open({ problem, budget: { contributions: 3 } });
    expect(await boards.settled(few.board.id)).toMatchObject({ ended: true, spent: { contributions: 3 } });
    const short = await boards.open({ problem, budget: { timeMs: 0 } });
    expect(await boards.settled(short.board.id)).toMatchObject({ ended: true, spent: { timeMs: 0, activations: 0 } });
    await expect(boards.open({ problem, budget: { contributions: 1 } })).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
    });
  });

  it('[BU2] says once that a budget runs low', async () => {
    await using boards = started({ sources: [lines] });
    const { board } = await boards.open({ problem, budget: { contributions: 5 } });
    await boards.settled(board.id);
    const marks = (await logOf(boards, board.id)).filter(({ kind }) => kind === 'budget');
    expect(marks).toMatchObject([{ what: 'low', of: 'contributions' }]);
  });

  it('[CC4] ends at its deadline, and ends what runs', async () => {
    await using boards = started({ sources: [lines, endless] });
    const { board } = await boards.open({ problem, deadlineMs: 100 });
    expect(await boards.settled(board.id)).toMatchObject({ status: 'solved', ended: true });
    const solution = await boards.solution(board.id);
    expect(solution).toMatchObject({
      reason: 'deadline',
      completeness: 'partial',
      unmet: ['endless@1 did not run to its end'],
    });
    expect(solution?.statements).toHaveLength(2);
  });
});

describe('steering', () => {
  it('[BD11] a paused board starts nothing until it is resumed', async () => {
    await using boards = started({ sources: [lines], controllers: false });
    const id = await boards.initializeProblem(problem);
    expect(await boards.pause(id)).toMatchObject({ status: 'paused' });
    await expect(boards.pause(id)).rejects.toMatchObject({ code: 'BOARD_STATE' });
    boards.controller.start();
    await boards.contribute(id, 'ada', { level: 'fact', value: 1 });
    expect(await boards.board(id)).toMatchObject({ status: 'paused', counts: { running: 0, done: 0 } });
    await boards.resume(id);
    expect(await boards.settled(id)).toMatchObject({ status: 'solved', counts: { done: 2 } });
  });

  it('[RN2] a cancelled board ends what runs, and nothing of it is committed', async () => {
    let aborted = false;
    const slow = sourceOf('slow', async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      aborted = true;
      return [{ level: 'finding', value: 'too late' }];
    });
    await using boards = started({ sources: [slow] });
    const id = await boards.initializeProblem(problem);
    for await (const { kind } of boards.watch(id)) if (kind === 'started') break;
    await boards.cancel(id, 'enough');
    await boards.stop();
    expect(aborted).toBe(true);
    expect(await boards.board(id)).toMatchObject({ status: 'cancelled', ended: true });
    expect(await boards.synthesizeSolution(id)).toMatchObject({ reason: 'cancelled', completeness: 'partial' });
    await expect(boards.resume(id)).rejects.toMatchObject({ code: 'BOARD_STATE' });
  });
});

describe('several systems on one store', () => {
  it('[LD1] one leads, the work is done once, and another leads on when it stops', async () => {
    const shared = { store: new MemoryBoardStore({ clock: systemClock }), locks: new MemoryLockManager() };
    const first = started({ ...shared, sources: [lines, endless] });
    await using second = started({ ...shared, sources: [lines, endless] });
    const { board } = await first.open({ problem, deadlineMs: 2_000 });
    for await (const entry of first.watch(board.id)) if (entry.kind === 'committed') break;
    await first.stop();
    expect(await second.settled(board.id)).toMatchObject({ status: 'solved', counts: { done: 2 } });
    const keys = (await logOf(second, board.id)).flatMap((entry) => (entry.kind === 'committed' ? [entry.key] : []));
    expect(new Set(keys).size).toBe(2);
    expect(keys).toHaveLength(2);
    await shared.locks.close();
  });

  it('[LD1] with a runtime, the actor of the board leads it', async () => {
    await using boards = started({ sources: [lines], controllers: true });
    const runtime = createRuntime({ actors: [...boards.actors] });
    await runtime.start();
    await boards.start({ runtime });
    const { board } = await boards.open({ problem });
    expect(await boards.settled(board.id)).toMatchObject({ status: 'solved' });
    await boards.contribute(board.id, 'ada', { level: 'fact', value: 1 });
    expect(await boards.settled(board.id)).toMatchObject({ status: 'solved' });
    for await (const { value } of runtime.actor(boards.actors[0], board.id).watch()) if (value === 'resting') break;
    await boards.stop();
    await runtime.stop();
  });
});

describe('what cannot be', () => {
  it('[BD14] a board that is removed while it is worked on is given up, and may be opened anew', async () => {
    await using boards = started({ sources: [lines, endless] });
    await boards.open({ id: 'again', problem, sources: ['endless'] });
    for await (const { kind } of boards.watch('again')) if (kind === 'started') break;
    expect(await boards.remove('again')).toBe(true);
    await boards.open({ id: 'again', problem, sources: ['lines'] });
    expect(await boards.settled('again')).toMatchObject({ status: 'solved', counts: { done: 2 } });
    expect(await boards.remove('nobody')).toBe(false);
  });

  it('a source that nobody registered, and a runtime that comes too late, are refused', async () => {
    await using boards = started({ sources: [lines] });
    await expect(boards.open({ problem, sources: ['nobody'] })).rejects.toMatchObject({ code: 'SOURCE_UNKNOWN' });
    await boards.start();
    const runtime = createRuntime({ actors: [...boards.actors] });
    await expect(boards.start({ runtime })).rejects.toMatchObject({ code: 'AGENTS_CONFIG' });
  });

  it.each([
    [
      'two files of one path',
      {
        title: 'T',
        description: '',
        files: [
          { path: 'a', content: '' },
          { path: 'a', content: '' },
        ],
      },
    ],
    ['a path that leaves', { title: 'T', description: '', files: [{ path: '../a', content: '' }] }],
    ['no title', { title: '', description: '' }],
  ])('a problem with %s is refused', async (_, bad) => {
    await using boards = started({});
    await expect(boards.initializeProblem(bad)).rejects.toMatchObject({ code: 'KNOWLEDGE_REJECTED', applied: 'no' });
  });

  it.each([
    { level: 'fact', value: 1, confidence: 2 },
    { level: 'fact', value: 1, links: ['nobody'] },
    { level: 'fact', value: 1, id: 'a b' },
    { level: 'fact', value: { deep: [Number.NaN] } },
    { level: 'fact', value: 1, evidence: [{ file: 'a', sha256: 'short' }] },
    { level: 'a\nb', value: 1 },
  ])('knowledge like %j is refused, and nothing is written', async (knowledge) => {
    await using boards = started({});
    const id = await boards.initializeProblem({ title: 'T', description: '' });
    await expect(boards.contribute(id, 'ada', knowledge)).rejects.toMatchObject({ code: 'KNOWLEDGE_REJECTED' });
    expect((await boards.board(id)).counts.contributions).toBe(0);
    await expect(boards.contribute('nobody', 'ada', { level: 'fact', value: 1 })).rejects.toMatchObject({
      code: 'BOARD_NOT_FOUND',
    });
  });
});

describe('the topic of a board', () => {
  it('[BT1][BT2] has an event for every revision, from any cursor', async () => {
    await using boards = started({ sources: [lines] });
    const id = await boards.initializeProblem(problem);
    await boards.settled(id);
    const topic = `blackboard:${id}`;
    const all = await boards.topics.read(topic, '', 1_000);
    if (all.kind !== 'events') throw new Error('a board keeps its whole log');
    expect(all.events.length).toBe((await boards.board(id)).revision);
    expect(all.events.map(({ prev }) => prev)).toEqual(['', ...all.events.slice(0, -1).map((event) => event.id)]);
    expect(await boards.topics.last(topic)).toBe(all.events.at(-1)?.id);
    for (const [i, event] of all.events.entries()) {
      const rest = await boards.topics.read(topic, event.id, 3);
      expect(rest).toEqual({ kind: 'events', events: all.events.slice(i + 1, i + 4) });
    }
    expect(await boards.topics.read(topic, '0000000000009999', 3)).toMatchObject({ kind: 'gone' });
    expect(await boards.topics.read(topic, 'nonsense', 3)).toMatchObject({ kind: 'gone' });
    await expect(boards.topics.append(topic, [])).rejects.toMatchObject({ code: 'BOARD_STATE' });
  });

  it('[BT3] says what was contributed, scheduled and solved, and in between the counts', async () => {
    await using boards = started({ sources: [lines] });
    const id = await boards.initializeProblem(problem);
    await boards.settled(id);
    const all = await boards.topics.read(`blackboard:${id}`, '', 1_000);
    if (all.kind !== 'events') throw new Error('a board keeps its whole log');
    const of = (type: string) => all.events.filter((event) => event.type === type).map(({ data }) => data);
    expect(of('blackboard.contribution')).toHaveLength(4);
    expect(of('blackboard.contribution')[0]).toMatchObject({
      blackboardId: id,
      contribution: { revision: 1, source: 'problem', knowledge: { level: 'source', confidence: 1, links: [] } },
    });
    expect(of('blackboard.scheduled')).toMatchObject([{ source: 'lines@1', rating: 500, triggeredBy: 1 }, {}]);
    expect(of('blackboard.solved')).toEqual([{ blackboardId: id, solutionId: (await boards.solution(id))?.id }]);
    expect(of('blackboard.progress').at(-1)).toMatchObject({ counts: { contributions: 4, done: 2, running: 0 } });
  });
});

describe('watching a board', () => {
  it('goes on from a cursor, and ends with its signal or with the board', async () => {
    await using boards = started({ sources: [lines] });
    const id = await boards.initializeProblem(problem);
    await boards.settled(id);
    const seen: Entry[] = [];
    const stop = new AbortController();
    for await (const entry of boards.watch(id, { after: '0000000000000002', signal: stop.signal })) {
      seen.push(entry);
      if (entry.kind === 'status' && entry.status === 'solved') stop.abort();
    }
    expect(seen[0]?.rev).toBe(3);
    const { revision } = await boards.board(id);
    const rest = boards.watch(id, { after: String(revision).padStart(16, '0') });
    const next = rest.next();
    await boards.remove(id);
    expect(await next).toEqual({ done: true, value: undefined });
    await expect(boards.watch(id, { after: 'x' }).next()).rejects.toMatchObject({ code: 'KNOWLEDGE_REJECTED' });
  });
});

function sourceOf(name: string, run: IKnowledgeSource['run']): IKnowledgeSource {
  return defineKnowledgeSource({ name, version: 1, trigger: { on: 'entry', level: 'source', each: 'board' }, run });
}

describe('a call whose answer fails', () => {
  it('[BS1] does not say that nothing was written when only the reading of it failed', async () => {
    let isDown = false;
    class Store extends MemoryBoardStore {
      override async head(id: string): ReturnType<MemoryBoardStore['head']> {
        return isDown ? await refuse() : await super.head(id);
      }
      override async read(id: string, after: number, limit: number): ReturnType<MemoryBoardStore['read']> {
        return isDown ? await refuse() : await super.read(id, after, limit);
      }
    }
    const store = new Store({ clock: systemClock });
    await using boards = started({ store, sources: [lines], controllers: false });
    const id = await boards.initializeProblem(problem);
    isDown = true;
    const unknown = { code: 'REPLY_LOST', applied: 'unknown', cause: { applied: 'no' } };
    const remark = { id: 'r', level: 'finding', kind: 'remark', value: 'so it is' };
    await expect(boards.contribute(id, 'ada', remark)).rejects.toMatchObject(unknown);
    await expect(boards.pause(id)).rejects.toMatchObject(unknown);
    await expect(boards.open({ id: 'other', problem })).rejects.toMatchObject(unknown);
    isDown = false;
    expect((await boards.board(id)).status).toBe('paused');
    expect((await boards.contributions(id)).items.map(({ id }) => id)).toContain('r');
    expect((await boards.boards()).items.map(({ id }) => id)).toContain('other');
  });
});

/** As a store that certainly did not do what it was asked. */
function refuse(): Promise<never> {
  return Promise.reject(new CoordinationError('STORE_UNAVAILABLE', 'refused', { applied: 'no' }));
}

function started(options: BlackboardSystemOptions): BlackboardSystem & AsyncDisposable {
  const system = new BlackboardSystem(options);
  return Object.assign(system, { [Symbol.asyncDispose]: () => system.stop() });
}

async function logOf(boards: BlackboardSystem, id: string): Promise<readonly Entry[]> {
  const { revision } = await boards.board(id);
  const log: Entry[] = [];
  for await (const entry of boards.watch(id)) {
    log.push(entry);
    if (entry.rev === revision) break;
  }
  return log;
}
