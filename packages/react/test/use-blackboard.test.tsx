import './dom.ts';
import { act, cleanup, renderHook, waitFor } from '@testing-library/react';
import { type ReactNode, StrictMode } from 'react';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { APIClientProvider, useBlackboard } from '../src/index.ts';
import { circle, quietBoard, statementsOf } from './boards.fixture.ts';
import { promised, Stand, type Tab } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await Stand.open();
});
afterEach(cleanup);
afterAll(() => stand[Symbol.asyncDispose]());

function mount(tab: Tab, boardId: string) {
  const wrapper = ({ children }: { children: ReactNode }) => (
    <StrictMode>
      <APIClientProvider client={tab.client}>{children}</APIClientProvider>
    </StrictMode>
  );
  return renderHook(({ id }) => useBlackboard(id), { initialProps: { id: boardId }, wrapper });
}

const patiently = { timeout: 15_000 };

describe('useBlackboard', () => {
  it('shows the contributions as they come and the Solution in the end', async () => {
    const ada = await stand.tab('Ada');
    const { id } = await ada.client.ai.openBlackboard({ problem: circle });
    const hook = mount(ada, id);
    expect(hook.result.current.status).toBe('loading');
    await waitFor(() => expect(hook.result.current.solution).not.toBeNull(), patiently);
    const { contributions, solution, status } = hook.result.current;
    expect(status).toBe('solved');
    const order = contributions.map(({ revision }) => revision);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(contributions.filter(({ knowledge }) => knowledge.level === 'source')).toHaveLength(3);
    expect(solution === null ? [] : statementsOf(solution)).toEqual([
      expect.stringContaining('2 files import each other in a circle: lease.ts, store.ts'),
    ]);
  });

  it('leads from a statement over the contributions behind it to lines of a file', async () => {
    const ada = await stand.tab('Ada');
    const { id } = await ada.client.ai.openBlackboard({ problem: circle });
    const hook = mount(ada, id);
    await waitFor(() => expect(hook.result.current.solution).not.toBeNull(), patiently);
    const known = new Map(hook.result.current.contributions.map((contribution) => [contribution.id, contribution]));
    const behind = hook.result.current.solution?.statements[0]?.contributions ?? [];
    expect(behind.map((one) => known.get(one)?.kind)).toEqual(
      expect.arrayContaining(['import-cycle', 'imports', 'file']),
    );
    const evidence = known.get(behind[0] ?? '')?.evidence ?? [];
    expect(evidence.map(({ file, span }) => `${file}:${span?.startLine}`)).toEqual(
      expect.arrayContaining(['lease.ts:1', 'store.ts:1']),
    );
  });

  it('[BF1] two hooks on one board are one subscription and one reading', async () => {
    const ada = await stand.tab('Ada');
    const id = await quietBoard(ada);
    const [one, two] = [mount(ada, id), mount(ada, id)];
    await waitFor(() => expect(one.result.current.board).not.toBeNull());
    await waitFor(() => expect(ada.heard.filter((frame) => frame.includes('"subscribed"'))).toHaveLength(1));
    expect(two.result.current.board).toBe(one.result.current.board);
    one.unmount();
    await ada.client.ai.contribute(id, { level: 'fact', value: 'seen by the one that stayed' });
    await waitFor(() => expect(two.result.current.contributions).toHaveLength(1));
  });

  it('what somebody contributes stands in the log with what it links to', async () => {
    const ada = await stand.tab('Ada');
    const id = await quietBoard(ada);
    const hook = mount(ada, id);
    await waitFor(() => expect(hook.result.current.board).not.toBeNull());
    const first = await act(() => hook.result.current.contribute({ level: 'fact', value: 'a press stands still' }));
    await act(() =>
      hook.result.current.contribute({ level: 'finding', value: { text: 'oil is missing' }, links: [first.id] }),
    );
    await waitFor(() => expect(hook.result.current.contributions).toHaveLength(2));
    expect(hook.result.current.contributions[1]?.knowledge.links).toEqual([first.id]);
    const solution = await act(() => hook.result.current.synthesize());
    expect(statementsOf(solution)).toEqual(['oil is missing']);
  });

  it('a board is paused, goes on and is cancelled; what was said until then stays', async () => {
    const [ada, gate] = [await stand.tab('Ada'), promised()];
    stand.server.services.blackboards.registerKnowledgeSources([
      {
        name: 'gate',
        version: 1,
        trigger: { on: 'entry', level: 'source', kind: 'file', each: 'entry' },
        run: async () => {
          await gate.promise;
          return [];
        },
      },
    ]);
    const { id } = await ada.client.ai.openBlackboard({ problem: circle, sources: ['gate'] });
    const hook = mount(ada, id);
    await waitFor(() => expect(hook.result.current.board?.counts.running).toBeGreaterThan(0));
    await act(() => hook.result.current.pause());
    expect(hook.result.current.status).toBe('paused');
    await act(() => hook.result.current.resume());
    expect(hook.result.current.status).toBe('running');
    await act(() => hook.result.current.cancel());
    expect(hook.result.current.status).toBe('cancelled');
    gate.keep();
    await expect(hook.result.current.resume()).rejects.toMatchObject({ name: 'CoordinationError' });
    expect(hook.result.current.contributions).toHaveLength(3);
  });

  it("another user's board is missing", async () => {
    const [ada, bob] = [await stand.tab('Ada'), await stand.tab('Bob')];
    const hook = mount(bob, await quietBoard(ada));
    await waitFor(() => expect(hook.result.current.status).toBe('missing'));
    expect(hook.result.current.contributions).toEqual([]);
  });

  it('with another id nothing of the former board is shown', async () => {
    const ada = await stand.tab('Ada');
    const [first, second] = [await quietBoard(ada), await quietBoard(ada)];
    await ada.client.ai.contribute(first, { level: 'fact', value: 'of the first' });
    const hook = mount(ada, first);
    await waitFor(() => expect(hook.result.current.contributions).toHaveLength(1));
    hook.rerender({ id: second });
    expect(hook.result.current.contributions).toEqual([]);
    await waitFor(() => expect(hook.result.current.board?.id).toBe(second));
  });
});
