// Project
//
// What people edit together: its own rules, and nothing about where it is stored, who may
// connect, or what time it is.
//
//   P1  `version` rises by one with every change of content or membership, and only then:
//       claims and releases are events of a project, not changes of it.
//   P2  At most one claim at a time. `claim` refuses while there is one; `follow` records what
//       the lease log says, which is the truth when the two differ.
//   P3  A command that is refused changes nothing and records no event.
//   P4  The owner is always a member and is never among the collaborators.
import { limits, type ProjectStatus as WireStatus } from '@devmentor/contracts';
import { type Clock, type Entropy, systemClock, systemEntropy } from '@devmentor/locks';
import { AggregateRoot } from './aggregate-root.ts';
import { ClaimToken } from './claim-token.ts';
import { DomainError } from './domain-error.ts';
import { ProjectId, UserId } from './ids.ts';
import { type JsonObject, mergePatch } from './merge-patch.ts';

/** `deleted` is how a project that was is remembered; nobody sees it. */
export type ProjectStatus = WireStatus | 'deleted';

/** The stored form: JSON, and all there is to a project. */
export type ProjectState = {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly status: ProjectStatus;
  readonly ownerId: string;
  readonly collaborators: readonly string[];
  /** Whether every guest counts as a collaborator: an arriving guest then changes no version. */
  readonly openToGuests: boolean;
  readonly data: JsonObject;
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly claim: { readonly id: string; readonly userId: string; readonly atMs: number } | null;
};

export interface ProjectEvent {
  readonly type: (typeof Project.Events)[keyof typeof Project.Events];
  readonly projectId: string;
  readonly userId: string;
  /** Epoch milliseconds of whoever gave the command. */
  readonly timestamp: number;
  readonly version: number;
  /** Which members changed, for `project.updated`. */
  readonly changed?: readonly string[];
  /** Who is no member any more: he hears nothing of this project from here on. */
  readonly removed?: readonly string[];
}

export interface NewProject {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly description?: string;
  readonly data?: JsonObject;
  readonly openToGuests?: boolean;
}

/** A merge patch of what may be edited; `null` clears. */
export interface ProjectPatch {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly status?: WireStatus | undefined;
  readonly data?: JsonObject | null | undefined;
}

/** Where a project takes the time and fresh ids from. */
export interface Moment {
  readonly wallMs: () => number;
  readonly id: () => string;
}

export const MAX_COLLABORATORS = 1000;

function system(clock: Clock, entropy: Entropy): Moment {
  return { wallMs: () => clock.wallMs(), id: () => entropy.id() };
}

export class Project extends AggregateRoot<ProjectEvent> {
  static readonly Events = {
    Created: 'project.created',
    Updated: 'project.updated',
    Claimed: 'project.claimed',
    Released: 'project.released',
    Deleted: 'project.deleted',
  } as const;

  #state: ProjectState;
  readonly #moment: Moment;

  private constructor(state: ProjectState, moment: Moment) {
    super();
    this.#state = state;
    this.#moment = moment;
  }

  static create(from: NewProject, moment: Moment = system(systemClock, systemEntropy)): Project {
    const atMs = moment.wallMs();
    const project = new Project(
      {
        id: new ProjectId(from.id).value,
        name: checkedName(from.name),
        description: checkedDescription(from.description ?? ''),
        status: 'active',
        ownerId: new UserId(from.ownerId).value,
        collaborators: [],
        openToGuests: from.openToGuests ?? false,
        data: from.data ?? {},
        version: 1,
        createdAtMs: atMs,
        updatedAtMs: atMs,
        claim: null,
      },
      moment,
    );
    project.#record(Project.Events.Created, from.ownerId, atMs);
    return project;
  }

  static restore(state: ProjectState, moment: Moment = system(systemClock, systemEntropy)): Project {
    return new Project(state, moment);
  }

  get id(): ProjectId {
    return new ProjectId(this.#state.id);
  }

  get version(): number {
    return this.#state.version;
  }

  get state(): ProjectState {
    return this.#state;
  }

  isLocked(): boolean {
    return this.#state.claim !== null;
  }

  isMember(user: UserId): boolean {
    return isMember(this.#state, user.value);
  }

  update(by: UserId, patch: ProjectPatch): void {
    this.#member(by);
    const before = this.#state;
    const changes: Partial<ProjectState> = {
      ...(patch.name !== undefined && { name: checkedName(patch.name) }),
      ...(patch.description !== undefined && { description: checkedDescription(patch.description ?? '') }),
      ...(patch.status !== undefined && { status: patch.status }),
      // A merge patch of an object is an object; `null` clears it.
      ...(patch.data !== undefined && {
        data: patch.data === null ? {} : (mergePatch(before.data, patch.data) as JsonObject),
      }),
    };
    this.#change(Project.Events.Updated, by, changes);
  }

  delete(by: UserId): void {
    this.#owner(by);
    this.#change(Project.Events.Deleted, by, { status: 'deleted' });
  }

  addCollaborator(by: UserId, user: UserId): void {
    this.#owner(by);
    const { collaborators, ownerId } = this.#state;
    if (user.value === ownerId || collaborators.includes(user.value)) return;
    if (collaborators.length >= MAX_COLLABORATORS)
      throw new DomainError('VALIDATION_FAILED', `a project has at most ${MAX_COLLABORATORS} collaborators`);
    this.#change(Project.Events.Updated, by, { collaborators: [...collaborators, user.value] });
  }

  /** The owner removes anybody; a collaborator may leave. */
  removeCollaborator(by: UserId, user: UserId): void {
    this.#member(by);
    if (!by.equals(user)) this.#owner(by);
    if (user.value === this.#state.ownerId) throw new DomainError('VALIDATION_FAILED', 'the owner cannot be removed');
    const { collaborators } = this.#state;
    if (!collaborators.includes(user.value)) return;
    this.#change(Project.Events.Updated, by, { collaborators: collaborators.filter((id) => id !== user.value) }, [
      user.value,
    ]);
  }

  claim(userId: UserId): ClaimToken {
    this.#member(userId);
    if (this.isLocked()) throw new DomainError('RESOURCE_LOCKED', 'Resource is locked: the project is already claimed');
    const token = new ClaimToken(this.id, userId, this.#moment.id());
    this.#claimed(token.id, userId.value);
    return token;
  }

  release(token: ClaimToken): void {
    const { claim } = this.#state;
    if (claim?.id !== token.id || claim.userId !== token.userId.value)
      throw new DomainError('NOT_FOUND', 'Invalid claim token');
    this.#released();
  }

  /** Takes over what the lease log says about the claim; never refuses, since the log is the truth. */
  follow(
    said:
      | { readonly kind: 'claimed'; readonly id: string; readonly userId: string }
      | { readonly kind: 'released' }
      | { readonly kind: 'ended' },
  ): void {
    if (said.kind === 'claimed') this.#claimed(said.id, said.userId);
    else if (said.kind === 'released' && this.isLocked()) this.#released();
    else this.#state = { ...this.#state, claim: null };
  }

  #claimed(id: string, userId: string): void {
    const atMs = this.#moment.wallMs();
    this.#state = { ...this.#state, claim: { id, userId, atMs } };
    this.#record(Project.Events.Claimed, userId, atMs);
  }

  #released(): void {
    const { claim } = this.#state;
    this.#state = { ...this.#state, claim: null };
    this.#record(Project.Events.Released, claim?.userId ?? this.#state.ownerId, this.#moment.wallMs());
  }

  #change(type: ProjectEvent['type'], by: UserId, changes: Partial<ProjectState>, removed?: readonly string[]): void {
    const changed = Object.entries(changes).filter(
      ([key, value]) => !sameJson(value, this.#state[key as keyof ProjectState]),
    );
    if (changed.length === 0) return;
    const atMs = this.#moment.wallMs();
    this.#state = { ...this.#state, ...changes, version: this.#state.version + 1, updatedAtMs: atMs };
    this.#record(type, by.value, atMs, {
      changed: changed.map(([key]) => key),
      ...(removed !== undefined && { removed }),
    });
  }

  #record(
    type: ProjectEvent['type'],
    userId: string,
    timestamp: number,
    facts: Pick<ProjectEvent, 'changed' | 'removed'> = {},
  ): void {
    this.addEvent({ type, projectId: this.#state.id, userId, timestamp, version: this.#state.version, ...facts });
  }

  #member(by: UserId): void {
    if (!this.isMember(by)) throw new DomainError('NOT_FOUND', 'no such project');
  }

  #owner(by: UserId): void {
    this.#member(by);
    if (by.value !== this.#state.ownerId) throw new DomainError('FORBIDDEN', 'only the owner may do that');
  }
}

/** Whether a project exists for this user: to everybody else it does not. */
export function isMember(state: ProjectState, userId: string): boolean {
  if (state.status === 'deleted') return false;
  return (
    state.ownerId === userId ||
    state.collaborators.includes(userId) ||
    (state.openToGuests && new UserId(userId).isGuest)
  );
}

function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed.length === 0 || trimmed.length > limits.projectNameLength)
    throw new DomainError('VALIDATION_FAILED', `a name has 1 to ${limits.projectNameLength} characters`);
  return trimmed;
}

function checkedDescription(description: string): string {
  if (description.length > limits.descriptionLength)
    throw new DomainError('VALIDATION_FAILED', `a description has at most ${limits.descriptionLength} characters`);
  return description;
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
