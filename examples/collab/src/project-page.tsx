import { isCoordinationError, useProject } from '@devmentor/react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Activity } from './activity.tsx';
import { Avatar } from './avatar.tsx';
import { Conflict } from './conflict.tsx';
import { conflictsOf, isChanged, patchOf, rebased, textsOf } from './draft.ts';
import { EditButton } from './edit-button.tsx';
import { Link } from './link.tsx';
import { LockedMessage } from './locked-message.tsx';
import { ProjectFields } from './project-fields.tsx';
import { ReviewPanel } from './review/review-panel.tsx';
import { useDraft } from './use-draft.ts';

/** How long Edit queues before it gives up: long enough for a save that is just under way. */
const waitMs = 2_000;

export function ProjectPage({ projectId }: { projectId: string }) {
  const view = useProject(projectId);
  const { project, status, claimState, isLockedByMe, holder } = view;
  const isEditing = claimState === 'held';
  const [draft, setDraft] = useDraft(projectId, project, isEditing);
  const [failure, setFailure] = useState<string>();
  const [isSaving, setSaving] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  useEffect(() => {
    document.title = `${project?.name ?? 'Project'} · DevMentor`;
  }, [project?.name]);

  useEffect(() => {
    if (isEditing) form.current?.querySelector<HTMLInputElement>('input')?.focus({ preventScroll: true });
  }, [isEditing]);

  // Somebody saved before us, and nothing of ours contradicts it: go on from there.
  const conflicts = draft !== undefined && project !== null ? conflictsOf(draft, project) : [];
  useEffect(() => {
    if (draft === undefined || project === null || project.version <= draft.version) return;
    if (conflicts.length === 0) setDraft(rebased(draft, project));
  }, [draft, project, conflicts.length, setDraft]);

  const edit = (): void => {
    setFailure(undefined);
    if (isLockedByMe) form.current?.querySelector<HTMLInputElement>('input')?.focus();
    // A refusal is shown from the state.
    else view.claim({ waitMs, purpose: 'editing in the browser' }).catch(() => undefined);
  };

  const save = async (event?: FormEvent): Promise<void> => {
    event?.preventDefault();
    if (draft === undefined || isSaving) return;
    setSaving(true);
    setFailure(undefined);
    try {
      await view.update(patchOf(draft), { ifMatch: draft.version });
      setDraft(undefined);
      await view.release();
    } catch (error) {
      if (isCoordinationError(error) && error.code === 'VERSION_MISMATCH') view.refresh();
      setFailure(isCoordinationError(error) ? error.message : String(error));
    } finally {
      setSaving(false);
    }
  };

  const stop = async (): Promise<void> => {
    setDraft(undefined);
    setFailure(undefined);
    await view.release().catch(() => undefined);
  };

  if (status === 'missing') return <Missing />;
  if (project === null) return <p className="quiet center">{view.error?.message ?? 'Loading …'}</p>;

  const isLockedByOther = holder !== undefined && !isLockedByMe;
  const kept = draft !== undefined && !isEditing && isChanged(draft);
  return (
    <>
      <div className="title">
        <nav aria-label="Breadcrumb">
          <Link to={{ kind: 'projects' }}>Projects</Link> <span aria-hidden="true">/</span>
        </nav>
        <div className="row">
          <h1>{project.name}</h1>
          {isEditing && (
            <span className="chip mine" role="status" data-testid="editing-indicator">
              <span className="pulse" aria-hidden="true" />
              You are editing
            </span>
          )}
          <span className="grow" />
          <EditButton claimState={claimState} isLocked={isLockedByOther} onEdit={edit} />
        </div>
      </div>

      {isLockedByOther && <LockedMessage holder={holder} isWaiting={claimState === 'claiming'} />}
      {claimState === 'denied' && !isLockedByOther && (
        <p className="banner good" role="status">
          The project is free again. You can edit it now.
        </p>
      )}
      {claimState === 'suspect' && (
        <p className="banner warn" role="status" data-testid="claim-suspect">
          We cannot reach the server. Your text is kept; you can write on once it answers.
        </p>
      )}
      {claimState === 'lost' && (
        <p className="banner warn" role="alert" data-testid="claim-lost">
          {lossText[view.lostReason ?? 'ended']} {kept && 'Your text is kept below, not yet saved.'}
        </p>
      )}
      {kept && claimState !== 'lost' && claimState !== 'suspect' && (
        <p className="banner warn" role="status" data-testid="draft-kept">
          You have text that is not saved. Edit again to save it.
        </p>
      )}
      {claimState === 'failed' && <p className="banner warn">{view.error?.message}</p>}
      {failure !== undefined && (
        <p className="banner warn" role="alert" data-testid="save-failure">
          Not saved. {failure}
        </p>
      )}
      {draft !== undefined && conflicts.length > 0 && (
        <Conflict
          fields={conflicts}
          mine={draft.mine}
          theirs={textsOf(project)}
          onKeepMine={() => setDraft(rebased(draft, project))}
          onTakeTheirs={() => setDraft({ ...rebased(draft, project), mine: textsOf(project) })}
        />
      )}

      <div className="columns">
        <form ref={form} className={isEditing ? 'card editing' : 'card'} onSubmit={(event) => void save(event)}>
          <ProjectFields
            texts={draft?.mine ?? textsOf(project)}
            isReadOnly={!isEditing || draft === undefined}
            onChange={(field, text) =>
              setDraft((before) => before && { ...before, mine: { ...before.mine, [field]: text } })
            }
            onSave={() => void save()}
          />
          <div className="row actions">
            {(isEditing || isSaving) && (
              <button
                type="submit"
                className="primary"
                disabled={isSaving || conflicts.length > 0}
                data-testid="save-button"
              >
                {isSaving ? 'Saving …' : 'Save'}
              </button>
            )}
            {(isEditing || kept) && (
              <button type="button" onClick={() => void stop()} data-testid="cancel-button">
                {isEditing ? 'Cancel' : 'Discard my text'}
              </button>
            )}
            <span className="grow" />
            <span className="quiet small" data-testid="version">
              Version {project.version} · saved {timeOf(project.updatedAt)}
            </span>
          </div>
        </form>
        <Activity projectId={projectId} />
      </div>
      <ReviewPanel projectId={projectId} />
    </>
  );
}

const lossText = {
  expired: 'You were away for too long and are not editing any more.',
  superseded: 'Somebody else is editing now.',
  moved: 'You went on editing in another window.',
  ended: 'You are not editing any more.',
} as const;

function Missing() {
  return (
    <section className="card center" data-testid="missing">
      <Avatar name="?" />
      <h1>There is no such project</h1>
      <p className="quiet">It was deleted, or it is not shared with you.</p>
      <Link to={{ kind: 'projects' }}>All projects</Link>
    </section>
  );
}

function timeOf(at: string): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}
