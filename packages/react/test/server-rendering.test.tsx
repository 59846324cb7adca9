import { renderToString } from 'react-dom/server';
import { expect, it, vi } from 'vitest';
import { APIClientProvider, DevMentorAPIClient, useBlackboard, useProject, useProjectStore } from '../src/index.ts';

function Page() {
  const { status, isLocked, connection } = useProject('123');
  const count = useProjectStore(({ projects }) => projects.size);
  const board = useBlackboard('b1');
  return <p>{`${status} ${isLocked} ${connection.state} ${count} ${board.status}`}</p>;
}

it('[UP1] rendering on a server does no I/O and shows a project and a board that are being loaded', () => {
  const fetch = vi.fn<typeof globalThis.fetch>();
  const client = new DevMentorAPIClient({ fetch });
  const html = renderToString(
    <APIClientProvider client={client}>
      <Page />
    </APIClientProvider>,
  );
  expect(html).toBe('<p>loading false initial 0 loading</p>');
  expect(fetch).not.toHaveBeenCalled();
  expect(client.feeds.peek('123')).toBeUndefined();
  expect(client.boards.peek('b1')).toBeUndefined();
});
