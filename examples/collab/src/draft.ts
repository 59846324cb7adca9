// Draft
//
// What somebody typed, and what the project said when he began (pure).
import type { Project, UpdateProjectDTO } from '@devmentor/contracts';

export const fields = ['name', 'description', 'notes'] as const;
export type Field = (typeof fields)[number];
export type Texts = Readonly<Record<Field, string>>;

export interface Draft {
  readonly mine: Texts;
  readonly base: Texts;
  /** The version that a save is based on. */
  readonly version: number;
}

export function textsOf({ name, description, data }: Project): Texts {
  const { notes } = data;
  return { name, description, notes: typeof notes === 'string' ? notes : '' };
}

export function draftOf(project: Project): Draft {
  const texts = textsOf(project);
  return { mine: texts, base: texts, version: project.version };
}

export function isChanged({ mine, base }: Draft): boolean {
  return fields.some((field) => mine[field] !== base[field]);
}

/** Fields in which somebody else's save and this draft disagree. */
export function conflictsOf(draft: Draft, project: Project): Field[] {
  if (project.version <= draft.version) return [];
  const theirs = textsOf(project);
  return fields.filter(
    (field) =>
      draft.mine[field] !== draft.base[field] &&
      theirs[field] !== draft.base[field] &&
      theirs[field] !== draft.mine[field],
  );
}

/** The draft on top of what somebody else saved: his changes, and mine where I made one. */
export function rebased({ mine, base }: Draft, project: Project): Draft {
  const theirs = textsOf(project);
  const merged: Record<Field, string> = { ...theirs };
  for (const field of fields) if (mine[field] !== base[field]) merged[field] = mine[field];
  return { mine: merged, base: theirs, version: project.version };
}

/** Only what was changed: a merge patch leaves the rest to others. */
export function patchOf({ mine, base }: Draft): UpdateProjectDTO {
  return {
    ...(mine.name === base.name ? {} : { name: mine.name.trim() }),
    ...(mine.description === base.description ? {} : { description: mine.description }),
    ...(mine.notes === base.notes ? {} : { data: { notes: mine.notes } }),
  };
}
