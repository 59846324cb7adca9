import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { circle, quietBoard, statementsOf } from './boards.fixture.ts';
import { Stand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await Stand.open();
});
afterAll(() => stand[Symbol.asyncDispose]());

describe('AIServiceProxy', () => {
  it('opens one board on a stored problem, however often it is asked to', async () => {
    const { ai } = (await stand.tab('Ada')).client;
    await ai.putProblem('circle', circle);
    const board = await ai.initializeBlackboard('circle');
    expect(board).toMatchObject({ title: 'Circle', problemId: 'circle' });
    expect((await ai.initializeBlackboard('circle')).id).toBe(board.id);
    await expect(ai.initializeBlackboard('unknown')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('takes knowledge, and says in a Solution what came of it', async () => {
    const { ai } = (await stand.tab('Ada')).client;
    const { id } = await ai.openBlackboard({ problem: { title: 'Press', description: 'Why does it stand still?' } });
    await expect(ai.contributeKnowledge(id, { level: 'finding', value: { text: 'oil is missing' } })).resolves.toBe(
      undefined,
    );
    const solution = await ai.synthesizeSolution(id);
    expect(statementsOf(solution)).toEqual(['oil is missing']);
    const { items } = await ai.contributions(id);
    expect(solution.statements[0]?.contributions).toEqual([items[0]?.id]);
  });

  it('[H1] a contribution is one, though it is sent again under its key', async () => {
    const { ai } = (await stand.tab('Ada')).client;
    const { id } = await ai.openBlackboard({ problem: { title: 'Press', description: '' } });
    const knowledge = { level: 'fact', value: 'said once' };
    const say = () => ai.contribute(id, knowledge, { idempotencyKey: 'the-same' });
    const [first, second] = await Promise.all([say(), say()]);
    expect(second.revision).toBe(first.revision);
    expect((await ai.contributions(id)).items).toHaveLength(1);
  });

  it('pages through contributions and boards without losing one', async () => {
    const tab = await stand.tab('Ada');
    const { ai } = tab.client;
    const ids = [await quietBoard(tab), await quietBoard(tab), await quietBoard(tab)];
    const [id = ''] = ids;
    for (const value of [1, 2, 3]) await ai.contribute(id, { level: 'fact', value });
    const first = await ai.contributions(id, { limit: 2 });
    const rest = await ai.contributions(id, { after: first.nextCursor, limit: 2 });
    expect([...first.items, ...rest.items].map(({ knowledge }) => knowledge.value)).toEqual([1, 2, 3]);
    const newest = await ai.listBlackboards({ limit: 2 });
    const oldest = await ai.listBlackboards({ limit: 2, cursor: newest.nextCursor });
    expect([...newest.items, ...oldest.items].map((board) => board.id).sort()).toEqual([...ids].sort());
  });

  it('a deleted board is not there any more', async () => {
    const tab = await stand.tab('Ada');
    const id = await quietBoard(tab);
    await tab.client.ai.deleteBlackboard(id);
    await expect(tab.client.ai.blackboard(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(tab.client.ai.solution(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
