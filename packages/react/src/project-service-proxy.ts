// ProjectServiceProxy
//
//   P1  A write carries the version last seen by this client (fetched when none was) and
//       the token of the claim held, unless the caller says otherwise.
//   P2  A repetition of a claim is the same claim: every claim has a key.
import type {
  CallOptions,
  ClaimOptions,
  ClaimToken,
  CreateProjectDTO,
  Project,
  ProjectLease,
  ProjectPage,
  ProjectServiceClient,
  ReleaseResult,
  UpdateProjectDTO,
  WriteOptions,
} from '@devmentor/contracts';
import { etagOf, pathTo, headers as wire } from '@devmentor/contracts/routes';
import { isCoordinationError } from './errors.ts';
import type { ServiceTransport } from './service-transport.ts';

/** How many projects' versions are remembered. */
const remembered = 1_000;
/** On top of the time a claim may wait in the queue. */
const claimTimeoutMs = 10_000;

export interface LeaseOptions extends CallOptions {
  /** Tells the caller's tabs apart in the answer. */
  readonly instanceId?: string;
}

/** Projects, who may edit them and who is editing. */
export class ProjectServiceProxy implements ProjectServiceClient {
  readonly #transport: ServiceTransport;
  readonly #versions = new Map<string, number>();
  readonly #held = new Map<string, ClaimToken>();

  constructor(transport: ServiceTransport) {
    this.#transport = transport;
  }

  async create(data: CreateProjectDTO, options: CallOptions = {}): Promise<Project> {
    return this.saw((await this.#transport.create<Project>(pathTo('projects.create'), data, options)).data);
  }

  async list(page: { cursor?: string; limit?: number } = {}, options: CallOptions = {}): Promise<ProjectPage> {
    const { data } = await this.#transport.get<ProjectPage>(pathTo('projects.list', {}, page), options);
    for (const project of data.items) this.saw(project);
    return data;
  }

  async findById(id: string, options: CallOptions = {}): Promise<Project> {
    return this.saw((await this.#transport.get<Project>(pathTo('projects.get', { id }), options)).data);
  }

  async update(id: string, data: UpdateProjectDTO, options: WriteOptions = {}): Promise<Project> {
    const settings = await this.#writeSettings(id, options);
    try {
      return this.saw((await this.#transport.patch<Project>(pathTo('projects.update', { id }), data, settings)).data);
    } catch (error) {
      // The next write is then based on what the answer brought along.
      const current = isCoordinationError(error) ? error.problem?.current : undefined;
      if (current !== undefined) this.#versions.set(id, current.version);
      throw error;
    }
  }

  async delete(id: string, options: WriteOptions = {}): Promise<void> {
    await this.#transport.delete(pathTo('projects.delete', { id }), await this.#writeSettings(id, options));
    this.#versions.delete(id);
    this.#held.delete(id);
  }

  /** @throws CoordinationError RESOURCE_LOCKED, naming the holder, once `waitMs` is over. */
  async claim(projectId: string, userId?: string, options: ClaimOptions = {}): Promise<ClaimToken> {
    const { signal, idempotencyKey, ...wanted } = options;
    const body = userId === undefined ? wanted : { ...wanted, userId };
    const { data } = await this.#transport.create<ClaimToken>(pathTo('projects.claim', { id: projectId }), body, {
      signal,
      idempotencyKey,
      timeoutMs: claimTimeoutMs + (wanted.waitMs ?? 0),
    });
    this.holds(data);
    return data;
  }

  async release(token: ClaimToken, options: CallOptions = {}): Promise<void> {
    await this.releaseNow(token, options);
  }

  /** Releases, and says what there was to release. */
  async releaseNow(token: ClaimToken, options: CallOptions = {}): Promise<ReleaseResult['outcome']> {
    this.holdsNo(token);
    const path = pathTo('projects.release', { id: token.projectId });
    const request = { ...options, repeatable: true };
    return (await this.#transport.post<ReleaseResult>(path, { claimToken: token.claimToken }, request)).data.outcome;
  }

  async renew(token: ClaimToken, options: CallOptions = {}): Promise<ClaimToken> {
    const path = pathTo('projects.renew', { id: token.projectId });
    const body = { claimToken: token.claimToken };
    return (await this.#transport.post<ClaimToken>(path, body, { ...options, repeatable: true })).data;
  }

  async lease(projectId: string, options: LeaseOptions = {}): Promise<ProjectLease> {
    const { instanceId, ...request } = options;
    return (
      await this.#transport.get<ProjectLease>(pathTo('projects.lease', { id: projectId }, { instanceId }), request)
    ).data;
  }

  async isLocked(projectId: string, options: CallOptions = {}): Promise<boolean> {
    return (await this.lease(projectId, options)).isLocked;
  }

  async addCollaborator(projectId: string, userId: string, options: CallOptions = {}): Promise<void> {
    const path = pathTo('projects.addCollaborator', { id: projectId, userId });
    await this.#transport.put(path, undefined, { ...options, repeatable: true });
    // Who belongs to a project is part of its version, and the answer does not tell the new one.
    this.#versions.delete(projectId);
  }

  async removeCollaborator(projectId: string, userId: string, options: CallOptions = {}): Promise<void> {
    const path = pathTo('projects.removeCollaborator', { id: projectId, userId });
    await this.#transport.delete(path, { ...options, repeatable: true });
    this.#versions.delete(projectId);
  }

  /** Takes note of a project that came another way, such as over the live connection. */
  saw(project: Project): Project {
    const known = this.#versions.get(project.id);
    this.#versions.delete(project.id);
    this.#versions.set(project.id, Math.max(project.version, known ?? 0));
    for (const oldest of this.#versions.keys()) {
      if (this.#versions.size <= remembered) break;
      this.#versions.delete(oldest);
    }
    return project;
  }

  /** Takes note of a claim that writes are from now on made under. */
  holds(token: ClaimToken): void {
    this.#held.set(token.projectId, token);
  }

  /** Forgets a claim, unless a newer one has taken its place. */
  holdsNo(token: ClaimToken): void {
    if (this.#held.get(token.projectId)?.claimToken === token.claimToken) this.#held.delete(token.projectId);
  }

  async #writeSettings(id: string, options: WriteOptions): Promise<{ headers: Record<string, string> }> {
    const { ifMatch, claimToken = this.#held.get(id)?.claimToken, ...request } = options;
    const version = ifMatch ?? this.#versions.get(id) ?? (await this.findById(id, request)).version;
    return {
      ...request,
      headers: {
        [wire.ifMatch]: version === '*' ? '*' : etagOf(version),
        ...(claimToken === undefined ? {} : { [wire.claimToken]: claimToken }),
      },
    };
  }
}
