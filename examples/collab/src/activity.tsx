import type { WireEvent } from '@devmentor/contracts';
import { useAPIClient } from '@devmentor/react';
import { useEffect, useState } from 'react';
import { Avatar } from './avatar.tsx';

const shown = 8;

interface Entry {
  readonly key: string;
  readonly name: string;
  readonly text: string;
  readonly at: string;
}

/** What has happened since the page was opened, the latest first. */
export function Activity({ projectId }: { projectId: string }) {
  const client = useAPIClient();
  const [entries, setEntries] = useState<readonly Entry[]>([]);

  useEffect(() => {
    const names = new Map<string, string>();
    const { user } = client.session;
    if (user !== undefined) names.set(user.id, user.displayName);
    const { thing: feed, leave } = client.feeds.use(projectId);
    const stop = feed.onEvent((event) => {
      const entry = entryOf(event, names);
      if (entry !== undefined) setEntries((before) => [entry, ...before].slice(0, shown));
    });
    return () => {
      stop();
      leave();
    };
  }, [client, projectId]);

  return (
    <aside className="card" aria-label="Activity">
      <h2>Activity</h2>
      {entries.length === 0 && <p className="quiet">What others do here shows up at once.</p>}
      <ul className="activity" data-testid="activity" hidden={entries.length === 0}>
        {entries.map(({ key, name, text, at }) => (
          <li key={key}>
            <Avatar name={name} />
            <span>
              <strong>{name}</strong> {text}
              <span className="quiet small"> {new Date(at).toLocaleTimeString()}</span>
            </span>
          </li>
        ))}
      </ul>
    </aside>
  );
}

function entryOf(event: WireEvent, names: Map<string, string>): Entry | undefined {
  const nameOf = (userId: string): string => names.get(userId) ?? 'Somebody';
  const entry = (name: string, text: string): Entry => ({ key: event.seq, name, text, at: event.at });
  switch (event.type) {
    case 'project.claimed':
      names.set(event.data.holder.userId, event.data.holder.displayName);
      return entry(event.data.holder.displayName, 'started editing');
    case 'project.released':
      return entry(nameOf(event.data.userId), 'stopped editing');
    case 'project.updated':
      return entry(nameOf(event.data.userId), 'saved a change');
    case 'lease.away':
      return entry(event.data.holder.displayName, 'lost the connection');
    case 'lease.back':
      return entry(event.data.holder.displayName, 'is back');
    case 'lease.expired':
      return entry(event.data.holder.displayName, 'was away for too long');
    default:
      return undefined;
  }
}
