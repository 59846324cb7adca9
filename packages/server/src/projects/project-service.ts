// The project service as the published interface names it, in this process: the same cases of use
// that the routes call, without HTTP between.
import type { ClaimToken, CreateProjectDTO, IProjectService, Project, UpdateProjectDTO } from '@devmentor/contracts';
import { claimSchema } from '@devmentor/contracts';
import { type Entropy, systemClock, systemEntropy } from '@devmentor/locks';
import { memoryBackends } from '../backends.ts';
import { openServices, type Services } from '../services.ts';
import { projectToWire } from './wire.ts';

export interface ProjectServiceOptions {
  /** Whose service this is; by default one of its own, in memory. */
  readonly services?: Pick<Services, 'projects' | 'claims'>;
  /** On whose behalf projects are made, read and changed. @default 'user1' */
  readonly as?: string;
  readonly entropy?: Entropy;
}

type Parts = Pick<Services, 'projects' | 'claims'> & { readonly stop: () => Promise<void> };

/**
 * Projects and their claims for code that runs beside them. The caller is trusted: `claim` takes
 * whose claim it is at its word, and a write by the holder needs no token of its own.
 */
export class ProjectService implements IProjectService {
  readonly #as: string;
  readonly #entropy: Entropy;
  readonly #given: Pick<Services, 'projects' | 'claims'> | undefined;
  readonly #held = new Map<string, string>();
  #own: Promise<Parts> | undefined;

  constructor(options: ProjectServiceOptions = {}) {
    this.#as = options.as ?? 'user1';
    this.#entropy = options.entropy ?? systemEntropy;
    this.#given = options.services;
  }

  async create(data: CreateProjectDTO, options: { readonly id?: string; readonly as?: string } = {}): Promise<Project> {
    const { projects } = await this.#parts();
    const { name, description = '', data: content = {} } = data;
    const id = options.id ?? this.#entropy.id();
    return projectToWire(
      await projects.create(
        { id, ownerId: options.as ?? this.#as, name, description, data: content },
        this.#entropy.id(),
      ),
    );
  }

  async findById(id: string): Promise<Project> {
    const { projects } = await this.#parts();
    return projectToWire(await projects.get(this.#as, id));
  }

  async update(
    id: string,
    data: UpdateProjectDTO,
    options: { readonly ifMatch?: number | '*'; readonly claimToken?: string } = {},
  ): Promise<Project> {
    const { projects } = await this.#parts();
    return projectToWire(await projects.update(this.#as, id, data, this.#precondition(id, options)));
  }

  async delete(
    id: string,
    options: { readonly ifMatch?: number | '*'; readonly claimToken?: string } = {},
  ): Promise<void> {
    const { projects } = await this.#parts();
    await projects.delete(this.#as, id, this.#precondition(id, options));
  }

  async claim(projectId: string, userId: string): Promise<ClaimToken> {
    const { claims } = await this.#parts();
    const { grant } = await claims.claim({ userId, displayName: userId }, projectId, claimSchema.parse({}));
    if (userId === this.#as) this.#held.set(projectId, grant.claimToken);
    return grant;
  }

  async release(token: ClaimToken): Promise<void> {
    const { claims } = await this.#parts();
    if (this.#held.get(token.projectId) === token.claimToken) this.#held.delete(token.projectId);
    await claims.release('anybody', token.projectId, token.claimToken);
  }

  async isLocked(projectId: string): Promise<boolean> {
    const { claims } = await this.#parts();
    return (await claims.lease(this.#as, projectId)).isLocked;
  }

  async addCollaborator(projectId: string, userId: string): Promise<void> {
    const { projects } = await this.#parts();
    await projects.addCollaborator(this.#as, projectId, userId);
  }

  async removeCollaborator(projectId: string, userId: string): Promise<void> {
    const { projects } = await this.#parts();
    await projects.removeCollaborator(this.#as, projectId, userId);
  }

  /** Ends what the service made for itself; services it was given stay. */
  async close(): Promise<void> {
    const own = this.#own;
    this.#own = undefined;
    await (await own)?.stop();
  }

  #precondition(
    id: string,
    { ifMatch = '*', claimToken }: { readonly ifMatch?: number | '*'; readonly claimToken?: string },
  ): { versions: readonly number[] | 'any'; claimToken: string | undefined } {
    return { versions: ifMatch === '*' ? 'any' : [ifMatch], claimToken: claimToken ?? this.#held.get(id) };
  }

  async #parts(): Promise<Pick<Services, 'projects' | 'claims'>> {
    if (this.#given !== undefined) return this.#given;
    this.#own ??= embedded(this.#entropy);
    return this.#own;
  }
}

async function embedded(entropy: Entropy): Promise<Parts> {
  const backends = memoryBackends({ clock: systemClock, entropy });
  const services = await openServices({
    backends,
    clock: systemClock,
    entropy,
    namespace: 'devmentor',
    registration: false,
    guests: 'none',
    throttled: false,
    onFault: () => {},
  });
  await services.runtime.start();
  return {
    ...services,
    stop: async () => {
      await services.runtime.stop();
      await backends.locks.close();
      await backends.close();
    },
  };
}
