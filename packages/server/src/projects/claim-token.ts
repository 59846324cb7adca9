import type { ProjectId, UserId } from './ids.ts';

/** Proof, inside the domain, that a user claimed a project. On the wire it becomes a signed grant (see `claim-seal.ts`). */
export class ClaimToken {
  readonly id: string;
  readonly projectId: ProjectId;
  readonly userId: UserId;

  constructor(projectId: ProjectId, userId: UserId, id: string) {
    this.id = id;
    this.projectId = projectId;
    this.userId = userId;
  }
}
