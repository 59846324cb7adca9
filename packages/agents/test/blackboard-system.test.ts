import { describe, expect, it } from 'vitest';
import { BlackboardSystem, defineKnowledgeSource } from '../src/index.ts';

const lines = defineKnowledgeSource({
  name: 'lines',
  version: 1,
  trigger: { on: 'entry', level: 'source', each: 'file' },
  run: async ({ inputs, file }) => {
    const findings = inputs.map(async ({ id, evidence: [place] }) => {
      const text = await file(place?.sha256 ?? '');
      return {
        level: 'finding',
        kind: 'lines',
        subject: { file: place?.file ?? '' },
        value: { text: `${place?.file} has ${text.split('\n').length} lines` },
        links: [id],
        evidence: place === undefined ? [] : [place],
      };
    });
    return await Promise.all(findings);
  },
});

describe('a blackboard system in one process', () => {
  it('solves a problem', async () => {
    await using boards = disposable(new BlackboardSystem({ sources: [lines] }));
    const id = await boards.initializeProblem({
      title: 'Lines',
      description: '',
      files: [
        { path: 'a.ts', content: 'one\ntwo' },
        { path: 'b.ts', content: 'one' },
      ],
    });
    const board = await boards.settled(id);
    expect(board).toMatchObject({
      status: 'solved',
      ended: false,
      counts: { contributions: 4, done: 2, pending: 0, running: 0 },
    });
    const solution = await boards.solution(id);
    expect(solution).toMatchObject({ reason: 'quiescent', completeness: 'complete', unmet: [] });
    expect(solution?.statements.map(({ text }) => text)).toEqual(['a.ts has 2 lines', 'b.ts has 1 lines']);
  });
});

function disposable(system: BlackboardSystem): BlackboardSystem & AsyncDisposable {
  return Object.assign(system, { [Symbol.asyncDispose]: () => system.stop() });
}
