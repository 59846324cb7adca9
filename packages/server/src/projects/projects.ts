// Projects
//
// The cases of use of a project, as the routes and the in-process service call them. Each is one
// question to the project's actor, with the right to write carried along.
import type { ProjectPage, Project as WireProject } from '@devmentor/contracts';
import type { Clock } from '@devmentor/locks';
import { type ActorRef, type ActorTypes, type Runtime, StaleFenceError } from '@devmentor/runtime';
import { UserActor } from '../auth/user-actor.ts';
import { Problem } from '../problem.ts';
import type { Claims } from './claims.ts';
import { isMember, type NewProject, type ProjectPatch, type ProjectState } from './project.ts';
import { ProjectActor } from './project-actor.ts';
import type { Expected, ProjectReply } from './project-commands.ts';
import { projectToWire } from './wire.ts';

/** What a writer saw and holds. */
export interface Precondition {
  /** Versions any of which will do, from If-Match; `any` for an unconditional write. */
  readonly versions: readonly number[] | 'any';
  readonly claimToken?: string | undefined;
}

/** The project as this user may see it; NOT_FOUND when it does not exist for him. */
export async function visibleProject(runtime: Runtime, userId: string, projectId: string): Promise<ProjectState> {
  const { project } = (await runtime.actor(ProjectActor, projectId).read()).context;
  if (project === null || !isMember(project, userId)) throw notFound();
  return project;
}

export class Projects {
  readonly #runtime: Runtime;
  readonly #claims: Claims;
  readonly #clock: Clock;

  constructor(options: { readonly runtime: Runtime; readonly claims: Claims; readonly clock: Clock }) {
    this.#runtime = options.runtime;
    this.#claims = options.claims;
    this.#clock = options.clock;
  }

  /** `request` names the attempt: the same one again answers with the project it made. */
  async create(project: NewProject, request: string): Promise<ProjectState> {
    const reply = await this.#actor(project.id).ask({ type: 'create', project, request, atMs: this.#now() });
    const created = await this.#done(project.id, reply);
    // The project tells its owner too; telling him here lets his next list show it.
    await this.#runtime
      .actor(UserActor, created.ownerId)
      .tell({ type: 'member.joined', projectId: created.id, version: created.version, atMs: created.createdAtMs });
    return created;
  }

  get(userId: string, projectId: string): Promise<ProjectState> {
    return visibleProject(this.#runtime, userId, projectId);
  }

  async list(
    userId: string,
    page: { readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<ProjectPage> {
    const { memberships } = (await this.#runtime.actor(UserActor, userId).read()).context;
    const after = page.cursor === undefined ? '' : decodeCursor(page.cursor);
    const ahead = Object.entries(memberships)
      .filter(([, membership]) => !membership.left)
      .map(([projectId, { sinceMs }]) => ({ projectId, place: placeOf(sinceMs, projectId) }))
      .filter(({ place }) => place > after)
      .sort((a, b) => (a.place < b.place ? -1 : 1));

    const items: WireProject[] = [];
    let taken = 0;
    while (items.length < page.limit && taken < ahead.length) {
      const next = ahead.slice(taken, taken + page.limit - items.length);
      taken += next.length;
      // A project may have gone since its member was told.
      const states = await Promise.all(
        next.map(async ({ projectId }) => (await this.#actor(projectId).read()).context.project),
      );
      items.push(
        ...states
          .filter((state) => state !== null)
          .filter((state) => isMember(state, userId))
          .map(projectToWire),
      );
    }
    const last = ahead[taken - 1];
    return taken < ahead.length && last !== undefined ? { items, nextCursor: encodeCursor(last.place) } : { items };
  }

  async update(
    userId: string,
    projectId: string,
    patch: ProjectPatch,
    precondition: Precondition,
  ): Promise<ProjectState> {
    return this.#write(userId, projectId, precondition, (expected) => ({
      type: 'update',
      by: userId,
      patch,
      expected,
      atMs: this.#now(),
    }));
  }

  async delete(userId: string, projectId: string, precondition: Precondition): Promise<void> {
    const gone = await this.#write(userId, projectId, precondition, (expected) => ({
      type: 'delete',
      by: userId,
      expected,
      atMs: this.#now(),
    }));
    await this.#claims.revoke(projectId, 'anybody');
    await this.#runtime
      .actor(UserActor, gone.ownerId)
      .tell({ type: 'member.left', projectId, version: gone.version, atMs: gone.updatedAtMs });
  }

  /** Membership is the owner's business whoever holds the claim, so it needs no claim and no version. */
  async addCollaborator(by: string, projectId: string, userId: string): Promise<void> {
    const project = await this.#done(
      projectId,
      await this.#actor(projectId).ask({ type: 'addCollaborator', by, userId, atMs: this.#now() }),
    );
    await this.#runtime
      .actor(UserActor, userId)
      .tell({ type: 'member.joined', projectId, version: project.version, atMs: project.updatedAtMs });
  }

  async removeCollaborator(by: string, projectId: string, userId: string): Promise<void> {
    const project = await this.#done(
      projectId,
      await this.#actor(projectId).ask({ type: 'removeCollaborator', by, userId, atMs: this.#now() }),
    );
    if (isMember(project, userId)) return;
    await this.#claims.revoke(projectId, userId);
    await this.#runtime
      .actor(UserActor, userId)
      .tell({ type: 'member.left', projectId, version: project.version, atMs: project.updatedAtMs });
  }

  async #write(
    userId: string,
    projectId: string,
    { versions, claimToken }: Precondition,
    command: (expected: Expected) => ProjectWrite,
  ): Promise<ProjectState> {
    const seen = await this.get(userId, projectId);
    const right = await this.#claims.writeRight(userId, projectId, claimToken);
    if (versions !== 'any' && !versions.includes(seen.version)) throw mismatch(seen);
    try {
      const reply = await this.#actor(projectId).ask(command(versions === 'any' ? 'any' : seen.version), {
        fence: right.fence,
      });
      if (reply.kind === 'refused' && reply.code === 'VERSION_MISMATCH')
        throw mismatch(await this.get(userId, projectId));
      return await this.#done(projectId, reply);
    } catch (error) {
      if (error instanceof StaleFenceError) throw await this.#claims.refused(right, userId, projectId);
      throw error;
    }
  }

  /** The project a command left behind. A big one is read after; by then it may be a version further. */
  async #done(projectId: string, reply: ProjectReply): Promise<ProjectState> {
    if (reply.kind === 'refused') throw new Problem(reply.code, reply.message);
    if (reply.kind === 'failed') throw new Error(`project ${projectId} failed: ${reply.what}`);
    if (reply.project !== 'big') return reply.project;
    const { project } = (await this.#actor(projectId).read()).context;
    if (project === null) throw notFound();
    return project;
  }

  #actor(projectId: string): ActorRef<TypesOf<typeof ProjectActor>> {
    return this.#runtime.actor(ProjectActor, projectId);
  }

  #now(): number {
    return Math.floor(this.#clock.wallMs());
  }
}

type TypesOf<Type> = Type extends { readonly types?: infer Types extends ActorTypes } ? Types : never;
type ProjectWrite = Extract<
  NonNullable<(typeof ProjectActor)['types']>['event'],
  { readonly type: 'update' | 'delete' }
>;

function notFound(): Problem {
  return new Problem('NOT_FOUND', 'no such project');
}

function mismatch(current: ProjectState): Problem {
  return new Problem('VERSION_MISMATCH', `the project is at version ${current.version}`, {
    current: projectToWire(current),
    headers: { etag: `"${current.version}"` },
  });
}

// A place in a list: time of joining, then id. Padded, so that it orders as text.
function placeOf(sinceMs: number, projectId: string): string {
  return `${String(Math.floor(sinceMs)).padStart(15, '0')}:${projectId}`;
}

function encodeCursor(place: string): string {
  return Buffer.from(place).toString('base64url');
}

function decodeCursor(cursor: string): string {
  const place = Buffer.from(cursor, 'base64url').toString();
  if (!/^\d{15}:/.test(place)) throw Problem.invalid([{ pointer: '/cursor', message: 'is not a cursor of this list' }]);
  return place;
}
