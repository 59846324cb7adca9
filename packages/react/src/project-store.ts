import type { ClaimToken, CreateProjectDTO, Project, UpdateProjectDTO } from '@devmentor/contracts';
import { createStore, type StoreApi } from 'zustand/vanilla';
import type { DevMentorAPIClient } from './api-client.ts';

/** Projects by id, the one in front, and the claims made through this store. */
export interface ProjectStore {
  readonly projects: ReadonlyMap<string, Project>;
  readonly activeProject: Project | null;
  /** Kept in memory only: whoever reads a claim token can use it. */
  readonly claimTokens: ReadonlyMap<string, ClaimToken>;

  loadProject(id: string): Promise<void>;
  createProject(data: CreateProjectDTO): Promise<Project>;
  /** @throws CoordinationError RESOURCE_LOCKED, UNAUTHENTICATED */
  claimProject(projectId: string): Promise<ClaimToken>;
  releaseProject(token: ClaimToken): Promise<void>;
  updateProject(id: string, data: UpdateProjectDTO): Promise<void>;

  /** @returns stops following */
  subscribeToUpdates(projectId: string): () => void;
}

export type ProjectStoreApi = StoreApi<ProjectStore>;

/** A store of its own for each client, so that two can live in one process. */
export function createProjectStore(client: DevMentorAPIClient): ProjectStoreApi {
  return createStore<ProjectStore>()((set, get) => {
    const put = (project: Project): void => {
      const known = get().projects.get(project.id);
      if (known !== undefined && known.version >= project.version) return;
      set(({ projects, activeProject }) => ({
        projects: new Map(projects).set(project.id, project),
        activeProject: activeProject?.id === project.id ? project : activeProject,
      }));
    };
    const dropToken = ({ projectId, claimToken }: ClaimToken): void => {
      set(({ claimTokens }) => {
        if (claimTokens.get(projectId)?.claimToken !== claimToken) return {};
        const rest = new Map(claimTokens);
        rest.delete(projectId);
        return { claimTokens: rest };
      });
    };
    return {
      projects: new Map(),
      activeProject: null,
      claimTokens: new Map(),

      async loadProject(id) {
        const project = await client.projects.findById(id);
        put(project);
        set(({ projects }) => ({ activeProject: projects.get(id) ?? project }));
      },

      async createProject(data) {
        const project = await client.projects.create(data);
        put(project);
        return project;
      },

      async claimProject(projectId) {
        const { instance } = client;
        await instance.ready();
        const token = await client.projects.claim(projectId, client.session.userId, { instanceId: instance.id });
        set(({ claimTokens }) => ({ claimTokens: new Map(claimTokens).set(projectId, token) }));
        return token;
      },

      async releaseProject(token) {
        await client.projects.release(token);
        dropToken(token);
      },

      async updateProject(id, data) {
        put(await client.projects.update(id, data));
      },

      subscribeToUpdates(projectId) {
        return client.subscribeToProject(projectId, ({ isLocked: _, isLockedByMe: __, lockedBy: ___, ...project }) => {
          put(project);
        });
      },
    };
  });
}
