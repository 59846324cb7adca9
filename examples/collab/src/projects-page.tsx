import type { Project } from '@devmentor/contracts';
import { isCoordinationError, useAPIClient, useProjectView } from '@devmentor/react';
import { type FormEvent, useCallback, useEffect, useState } from 'react';
import { Avatar } from './avatar.tsx';
import { Link } from './link.tsx';
import { navigate } from './route.ts';

export function ProjectsPage() {
  const client = useAPIClient();
  const [projects, setProjects] = useState<readonly Project[]>();
  const [failure, setFailure] = useState<string>();
  const [nextCursor, setNextCursor] = useState<string>();

  const load = useCallback(
    async (signal?: AbortSignal, cursor?: string) => {
      try {
        const page = await client.projects.list(cursor === undefined ? {} : { cursor }, signal ? { signal } : {});
        setProjects((before) => (cursor === undefined ? page.items : [...(before ?? []), ...page.items]));
        setNextCursor(page.nextCursor);
        setFailure(undefined);
      } catch (error) {
        if (signal?.aborted !== true) setFailure(messageOf(error));
      }
    },
    [client],
  );

  useEffect(() => {
    document.title = 'Projects · DevMentor';
    const stop = new AbortController();
    void load(stop.signal);
    return () => stop.abort();
  }, [load]);

  return (
    <>
      <div className="title">
        <h1>Projects</h1>
        <p className="quiet">Open one in two windows: one of you edits, the other sees who does.</p>
      </div>
      {failure !== undefined && (
        <p className="banner warn" role="alert">
          {failure}{' '}
          <button type="button" className="link" onClick={() => void load()}>
            Try again
          </button>
        </p>
      )}
      <div className="columns">
        <section aria-label="Your projects">
          {projects === undefined && failure === undefined && <p className="quiet">Loading …</p>}
          {projects?.length === 0 && <p className="quiet">No project yet. Create the first one.</p>}
          <ul className="cards">
            {projects?.map((project) => (
              <ProjectCard key={project.id} listed={project} />
            ))}
          </ul>
          {nextCursor !== undefined && (
            <button type="button" onClick={() => void load(undefined, nextCursor)}>
              Show more
            </button>
          )}
        </section>
        <CreateProject />
      </div>
    </>
  );
}

function ProjectCard({ listed }: { listed: Project }) {
  const { project, holder } = useProjectView(listed.id);
  const { name, description } = project ?? listed;
  return (
    <li>
      <Link to={{ kind: 'project', id: listed.id }} className="card project-card">
        <strong>{name}</strong>
        <span className="quiet clamp">{description === '' ? 'No description' : description}</span>
        {holder !== undefined && (
          <span className="chip busy">
            <Avatar name={holder.displayName} />
            {holder.isMe ? 'You are editing' : `${holder.displayName} is editing`}
          </span>
        )}
      </Link>
    </li>
  );
}

function CreateProject() {
  const client = useAPIClient();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();

  const create = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    try {
      const description = String(form.get('description') ?? '');
      const project = await client.projects.create({ name: String(form.get('name')).trim(), description });
      navigate({ kind: 'project', id: project.id });
    } catch (error) {
      setFailure(messageOf(error));
      setBusy(false);
    }
  };

  return (
    <form className="card" onSubmit={(event) => void create(event)} aria-label="New project">
      <h2>New project</h2>
      <label>
        Name
        <input name="name" required maxLength={200} pattern=".*\S.*" autoComplete="off" data-testid="new-name" />
      </label>
      <label>
        Description
        <textarea name="description" rows={3} maxLength={10_000} />
      </label>
      {failure !== undefined && (
        <p className="error" role="alert">
          {failure}
        </p>
      )}
      <button type="submit" className="primary" disabled={isBusy} data-testid="create-button">
        Create project
      </button>
    </form>
  );
}

function messageOf(error: unknown): string {
  return isCoordinationError(error) ? error.message : String(error);
}
