import type { Project } from '@devmentor/contracts';
import { useEffect, useState } from 'react';
import { type Draft, draftOf } from './draft.ts';

/** A draft that survives a reload of the tab. It begins when editing does. */
export function useDraft(projectId: string, project: Project | null, isEditing: boolean) {
  const key = `collab:draft:${location.search}:${projectId}`;
  const [draft, setDraft] = useState<Draft | undefined>(() => recall(key));

  useEffect(() => {
    if (isEditing && project !== null) setDraft((before) => before ?? draftOf(project));
  }, [isEditing, project]);

  useEffect(() => {
    if (draft === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(draft));
  }, [key, draft]);

  return [draft, setDraft] as const;
}

function recall(key: string): Draft | undefined {
  const text = sessionStorage.getItem(key);
  return text === null ? undefined : (JSON.parse(text) as Draft);
}
