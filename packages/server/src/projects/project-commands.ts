// What the project actor does with a message, as a pure function: the aggregate decides, and the
// decision says what to store, answer, publish and tell. The actor only carries it out.
import type { Holder, Project as WireProject } from '@devmentor/contracts';
import type { LogId } from '@devmentor/runtime';
import type { MembershipChange } from '../auth/user-actor.ts';
import { DomainError, type DomainErrorCode } from './domain-error.ts';
import { UserId } from './ids.ts';
import { type NewProject, Project, type ProjectPatch, type ProjectState } from './project.ts';
import { projectToWire, timeText } from './wire.ts';

// In characters, of which each is up to three bytes; a reply has at most 256 KiB.
const MAX_TRAVELLING = 16_384;
const MAX_REPLIED = 65_536;
const MAX_SAID = 4_096;

/** The version a writer saw; `any` for an unconditional write. */
export type Expected = number | 'any';

export type ProjectCommand =
  /** `request` names the attempt: the same one again is answered with what it made. */
  | { readonly type: 'create'; readonly project: NewProject; readonly request: string; readonly atMs: number }
  | {
      readonly type: 'update';
      readonly by: string;
      readonly patch: ProjectPatch;
      readonly expected: Expected;
      readonly atMs: number;
    }
  | { readonly type: 'delete'; readonly by: string; readonly expected: Expected; readonly atMs: number }
  | { readonly type: 'addCollaborator'; readonly by: string; readonly userId: string; readonly atMs: number }
  | { readonly type: 'removeCollaborator'; readonly by: string; readonly userId: string; readonly atMs: number }
  | LeaseTold;

/** One event of the lease log, relayed in log order. */
export type LeaseTold = { readonly type: 'lease.event'; readonly logId: LogId; readonly event: LeaseHappening };

export type LeaseHappening = {
  readonly type: string;
  readonly resource: string;
  readonly gen: number;
  /** Names the grant: no two have the same. */
  readonly fence: string;
  readonly holder: Person;
  readonly instance: string;
  readonly atMs: number;
  readonly ttlMs: number;
  readonly untilMs: number;
  readonly how?: string;
  readonly reason?: string;
  /** Who asks for the claim of another. */
  readonly by?: Person;
  /** Whom the claim was taken over from. */
  readonly from?: Person;
  readonly takeoverId?: string;
};

type Person = { readonly id: string; readonly name?: string };

export type ProjectReply =
  /** Without the project when it is too big for a message; whoever needs it reads it. */
  | { readonly kind: 'done'; readonly project: ProjectState | 'big' }
  | { readonly kind: 'refused'; readonly code: DomainErrorCode; readonly message: string; readonly version?: number }
  /** A bug: what was thrown, for the log. */
  | { readonly kind: 'failed'; readonly what: string };

export type ProjectContext = {
  readonly project: ProjectState | null;
  /** Attempt that created the project. */
  readonly request: string;
  /** Last event of the lease log that was taken; an older one is a duplicate. */
  readonly lastLogId: LogId | '';
};

export const NO_PROJECT: ProjectContext = { project: null, request: '', lastLogId: '' };

export interface Membership {
  readonly userId: string;
  readonly event: MembershipChange;
}

export interface Decision {
  readonly context: ProjectContext;
  readonly reply?: ProjectReply;
  readonly publish: readonly { readonly type: string; readonly data: object }[];
  readonly memberships: readonly Membership[];
}

export function decide(context: ProjectContext, command: ProjectCommand): Decision {
  if (command.type === 'lease.event') return followLease(context, command);
  try {
    return command.type === 'create' ? create(context, command) : change(context, command);
  } catch (error) {
    return { context, reply: unchanged(context, error), publish: [], memberships: [] };
  }
}

/** A request that fails is answered like one that is refused: it must not cost others their project. */
function unchanged({ project }: ProjectContext, error: unknown): ProjectReply {
  if (!(error instanceof DomainError))
    return {
      kind: 'failed',
      what: (error instanceof Error ? (error.stack ?? error.message) : String(error)).slice(0, MAX_SAID),
    };
  const { code, message } = error;
  return { kind: 'refused', code, message, ...(project !== null && { version: project.version }) };
}

function create(context: ProjectContext, command: ProjectCommand & { type: 'create' }): Decision {
  const { project: existing } = context;
  if (existing !== null) {
    // The same attempt again, its answer having been lost.
    if (context.request === command.request && existing.ownerId === command.project.ownerId) {
      return { context, reply: doneReply(existing), publish: [], memberships: [] };
    }
    throw new DomainError('ALREADY_EXISTS', 'a project of that id exists');
  }
  const project = Project.create(command.project, at(command.atMs));
  return changed({ ...context, request: command.request }, null, project, command.atMs);
}

function change(context: ProjectContext, command: Exclude<ProjectCommand, LeaseTold | { type: 'create' }>): Decision {
  const before = context.project;
  if (before === null) throw new DomainError('NOT_FOUND', 'no such project');
  const project = Project.restore(before, at(command.atMs));
  const by = new UserId(command.by);
  // Whether there is such a project at all is nobody else's business, its version included.
  if (!project.isMember(by)) throw new DomainError('NOT_FOUND', 'no such project');
  switch (command.type) {
    case 'update':
      expectVersion(before, command.expected);
      project.update(by, command.patch);
      break;
    case 'delete':
      expectVersion(before, command.expected);
      project.delete(by);
      break;
    case 'addCollaborator':
      project.addCollaborator(by, new UserId(command.userId));
      break;
    case 'removeCollaborator':
      project.removeCollaborator(by, new UserId(command.userId));
      break;
  }
  return changed(context, before, project, command.atMs);
}

function followLease(context: ProjectContext, { logId, event }: LeaseTold): Decision {
  const ignored: Decision = { context, publish: [], memberships: [] };
  if (logId <= context.lastLogId) return ignored;
  const seen: ProjectContext = { ...context, lastLogId: logId };
  const { project: before } = context;
  // A lease may outlive its project, or be taken on one that never was: nothing to tell anybody.
  if (before === null || before.status === 'deleted') return { ...ignored, context: seen };

  const project = Project.restore(before, at(event.atMs));
  // Whatever ends a claim that is not this project's came late, or is an offer that nobody took.
  const over = event.type === 'released' || event.type === 'expired';
  if (over && before.claim?.id !== event.fence) return { ...ignored, context: seen };
  if (event.type === 'claimed' || event.type === 'taken-over')
    project.follow({ kind: 'claimed', id: event.fence, userId: event.holder.id });
  else if (event.type === 'released') project.follow({ kind: 'released' });
  else if (event.type === 'expired') project.follow({ kind: 'ended' });

  const own = project
    .takeEvents()
    .map((happened) => ({ type: happened.type, data: { ...happened, ...grantFacts(event), holder: holderOf(event) } }));
  return { context: { ...seen, project: project.state }, publish: [...own, ...finer(event)], memberships: [] };
}

/** Lease events that appear on a project's topic under their own name; claimed and released are its own events. */
const FINER = new Set(['away', 'back', 'expired', 'taken-over', 'takeover-requested', 'takeover-denied']);

function finer(event: LeaseHappening): Decision['publish'] {
  if (!FINER.has(event.type)) return [];
  const { resource, gen, by, from, reason, takeoverId } = event;
  const data = {
    resource,
    gen,
    holder: holderOf(event),
    ...grantFacts(event),
    ...(by !== undefined && { by: personOf(by) }),
    ...(takeoverId !== undefined && { requestId: takeoverId }),
    ...(from !== undefined && { previous: personOf(from), forced: event.how === 'forced' }),
    ...(reason !== undefined && { reason }),
  };
  return [{ type: `lease.${event.type}`, data }];
}

function holderOf({ holder, instance }: LeaseHappening): Holder {
  return { ...personOf(holder), instanceId: instance };
}

function personOf({ id, name }: Person): { readonly userId: string; readonly displayName: string } {
  return { userId: id, displayName: name ?? id };
}

function grantFacts({ fence, ttlMs, untilMs }: LeaseHappening): {
  fencingToken: string;
  ttlMs: number;
  expiresAt: string;
} {
  return { fencingToken: fence, ttlMs, expiresAt: timeText(untilMs) };
}

function changed(context: ProjectContext, before: ProjectState | null, project: Project, atMs: number): Decision {
  return {
    context: { ...context, project: project.state },
    reply: doneReply(project.state),
    publish: project
      .takeEvents()
      .map((event) => ({ type: event.type, data: { ...event, ...travelling(project.state) } })),
    memberships: memberships(before, project.state, atMs),
  };
}

function doneReply(state: ProjectState): ProjectReply {
  return { kind: 'done', project: sizeOf(state) > MAX_REPLIED ? 'big' : state };
}

function sizeOf(state: ProjectState): number {
  return JSON.stringify(state.data).length;
}

/** The project travels with its events while it is small; a reader of a big one fetches it. */
function travelling(state: ProjectState): { project?: WireProject } {
  return state.status === 'deleted' || sizeOf(state) > MAX_TRAVELLING ? {} : { project: projectToWire(state) };
}

function memberships(before: ProjectState | null, after: ProjectState, atMs: number): readonly Membership[] {
  const was = membersOf(before);
  const is = membersOf(after);
  const told = { projectId: after.id, version: after.version, atMs } as const;
  return [
    ...[...is]
      .filter((id) => !was.has(id))
      .map((userId) => ({ userId, event: { type: 'member.joined', ...told } }) as const),
    ...[...was]
      .filter((id) => !is.has(id))
      .map((userId) => ({ userId, event: { type: 'member.left', ...told } }) as const),
  ];
}

function membersOf(state: ProjectState | null): ReadonlySet<string> {
  return new Set(state === null || state.status === 'deleted' ? [] : [state.ownerId, ...state.collaborators]);
}

function expectVersion(state: ProjectState, expected: Expected): void {
  if (expected !== 'any' && expected !== state.version)
    throw new DomainError('VERSION_MISMATCH', `the project is at version ${state.version}`);
}

/** The actor has no clock: the moment of a command came with it. */
function at(atMs: number): { wallMs: () => number; id: () => string } {
  return { wallMs: () => atMs, id: () => '' };
}
