import { APIClientProvider, useConnectionStatus } from '@devmentor/react';
import { useSyncExternalStore } from 'react';
import { Avatar } from './avatar.tsx';
import { ConnectionBadge } from './connection-badge.tsx';
import { Link } from './link.tsx';
import { ProjectPage } from './project-page.tsx';
import { ProjectsPage } from './projects-page.tsx';
import { useRoute } from './route.ts';
import type { Visit } from './visit.ts';

export function App({ visit }: { visit: Visit }) {
  const signIn = useSyncExternalStore(visit.signIn.subscribe, visit.signIn.get);
  return (
    <APIClientProvider client={visit.client}>
      <header className="bar">
        <Link to={{ kind: 'projects' }} className="brand">
          <span className="mark" aria-hidden="true" />
          DevMentor
        </Link>
        <span className="grow" />
        <ConnectionBadge />
        {signIn.kind === 'done' && (
          <span className="me" data-testid="me" title="You are a guest in this demo">
            <Avatar name={signIn.name} />
            {signIn.name}
          </span>
        )}
      </header>
      <LostBanner />
      <main>
        {signIn.kind === 'pending' && <p className="quiet center">Signing in …</p>}
        {signIn.kind === 'failed' && (
          <section className="card center" role="alert">
            <h1>The server does not let us in</h1>
            <p className="quiet">{signIn.message}</p>
            <button type="button" className="primary" onClick={visit.retry}>
              Try again
            </button>
          </section>
        )}
        {signIn.kind === 'done' && <Page />}
      </main>
    </APIClientProvider>
  );
}

function Page() {
  const route = useRoute();
  switch (route.kind) {
    case 'projects':
      return <ProjectsPage />;
    case 'project':
      return <ProjectPage key={route.id} projectId={route.id} />;
    case 'unknown':
      return (
        <section className="card center">
          <h1>There is no such page</h1>
          <Link to={{ kind: 'projects' }}>All projects</Link>
        </section>
      );
  }
}

function LostBanner() {
  const { health } = useConnectionStatus();
  if (health !== 'lost') return null;
  return (
    <p className="banner warn wide" role="status" data-testid="connection-lost">
      The connection to the server is lost. What you typed is kept; we keep trying.
    </p>
  );
}
