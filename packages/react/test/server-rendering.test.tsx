import { renderToString } from 'react-dom/server';
import { expect, it, vi } from 'vitest';
import { APIClientProvider, DevMentorAPIClient, useProject, useProjectStore } from '../src/index.ts';

function Page() {
  const { status, isLocked, connection } = useProject('123');
  const count = useProjectStore(({ projects }) => projects.size);
  return <p>{`${status} ${isLocked} ${connection.state} ${count}`}</p>;
}

it('[UP1] rendering on a server does no I/O and shows a project that is being loaded', () => {
  const fetch = vi.fn<typeof globalThis.fetch>();
  const client = new DevMentorAPIClient({ fetch });
  const html = renderToString(
    <APIClientProvider client={client}>
      <Page />
    </APIClientProvider>,
  );
  expect(html).toBe('<p>loading false initial 0</p>');
  expect(fetch).not.toHaveBeenCalled();
  expect(client.feeds.peek('123')).toBeUndefined();
});
