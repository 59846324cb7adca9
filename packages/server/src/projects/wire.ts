import type { Project } from '@devmentor/contracts';
import type { ProjectState } from './project.ts';

/** Milliseconds since 1970 as they stand on the wire: RFC 3339, UTC, with milliseconds. */
export function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** A project as members see it. The lease is not part of it. */
export function projectToWire(state: ProjectState): Project {
  return {
    id: state.id,
    name: state.name,
    description: state.description,
    // A deleted project is nobody's to see; its last event still shows it as it was left.
    status: state.status === 'deleted' ? 'archived' : state.status,
    ownerId: state.ownerId,
    collaborators: [...state.collaborators],
    data: state.data,
    version: state.version,
    createdAt: timeText(state.createdAtMs),
    updatedAt: timeText(state.updatedAtMs),
  };
}
