'use client';

// useProject
//
// One project on the screen: what it says, who edits it, and this tab's claim on it.
//
//   UP1  Rendering does no I/O; what is mounted is subscribed to, once per tab.
//   UP2  Hooks on one project share one claim; the last one's unmount releases it, after a
//        moment in which a remount takes it over unseen.
//   UP3  With another projectId nothing of the former project is shown or used.
import type { ClaimToken, Project, SeenHolder, UpdateProjectDTO, WriteOptions } from '@devmentor/contracts';
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import { type ClaimState, grantOf, type LossReason } from './claim-state.ts';
import type { ConnectionStatus } from './connection-status.ts';
import { CoordinationError, isCoordinationError } from './errors.ts';
import type { ClaimWish } from './project-claim.ts';
import { useAPIClient } from './provider.ts';
import { useConnectionStatus } from './use-connection.ts';
import { type ProjectView, useProjectView } from './use-project-view.ts';

export interface UseProjectOptions {
  /** Called when a claim is refused because somebody else holds the project. */
  readonly onDenied?: (holder: SeenHolder | undefined, error: CoordinationError) => void;
  /** Called when a claim that was held here is held here no more. */
  readonly onLost?: (reason: LossReason) => void;
}

export interface UseProject extends ProjectView {
  /** Held by anybody, this tab included. */
  readonly isLocked: boolean;
  readonly isLockedByMe: boolean;
  /** The same user, another tab. */
  readonly isLockedByOtherTab: boolean;
  readonly claimState: ClaimState['kind'];
  readonly lostReason: LossReason | undefined;
  readonly claimToken: ClaimToken | null;
  readonly connection: ConnectionStatus;
  /** @throws CoordinationError RESOURCE_LOCKED once `waitMs` is over; the state says it too */
  claim(wish?: ClaimWish): Promise<ClaimToken>;
  release(): Promise<void>;
  /** Writes under the claim, based on the last version seen unless `ifMatch` says otherwise. */
  update(data: UpdateProjectDTO, options?: WriteOptions): Promise<Project>;
}

const idle: ClaimState = { kind: 'idle' };

export function useProject(projectId: string, options: UseProjectOptions = {}): UseProject {
  const client = useAPIClient();
  const { feeds, claims } = client;
  const view = useProjectView(projectId);
  const connection = useConnectionStatus();

  const subscribe = useCallback(
    (listener: () => void) => {
      const { thing: claim, leave } = claims.use(projectId);
      const stop = claim.store.subscribe(listener);
      return () => {
        stop();
        leave();
      };
    },
    [claims, projectId],
  );
  const claimState = useSyncExternalStore(
    subscribe,
    () => claims.peek(projectId)?.store.get() ?? idle,
    () => idle,
  );

  const told = useRef(options);
  useEffect(() => {
    told.current = options;
  });
  useEffect(() => {
    if (claimState.kind === 'denied') told.current.onDenied?.(claimState.holder, claimState.error);
    else if (claimState.kind === 'lost') told.current.onLost?.(claimState.reason);
  }, [claimState]);

  const claim = useCallback(
    (wish?: ClaimWish): Promise<ClaimToken> => {
      const mine = claims.peek(projectId);
      return mine === undefined ? Promise.reject(unmounted(projectId)) : mine.claim(wish);
    },
    [claims, projectId],
  );
  const release = useCallback(async () => claims.peek(projectId)?.release(), [claims, projectId]);
  const update = useCallback(
    async (data: UpdateProjectDTO, write: WriteOptions = {}): Promise<Project> => {
      const mine = claims.peek(projectId);
      const grant = await mine?.sure();
      const token = grant === undefined ? {} : { claimToken: grant.claimToken };
      try {
        const project = await client.projects.update(projectId, data, { ...token, ...write });
        feeds.peek(projectId)?.saw(project);
        return project;
      } catch (error) {
        if (isCoordinationError(error)) mine?.heard(error);
        throw error;
      }
    },
    [client, claims, feeds, projectId],
  );

  const grant = grantOf(claimState);
  const refused = claimState.kind === 'denied' || claimState.kind === 'failed' ? claimState.error : undefined;
  return {
    ...view,
    isLocked: grant !== undefined || view.holder !== undefined,
    isLockedByMe: grant !== undefined,
    isLockedByOtherTab: view.holder?.otherTab === true,
    claimState: claimState.kind,
    lostReason: claimState.kind === 'lost' ? claimState.reason : undefined,
    claimToken: grant ?? null,
    connection,
    error: refused ?? view.error,
    claim,
    release,
    update,
  };
}

function unmounted(projectId: string): CoordinationError {
  return new CoordinationError('NOT_CONNECTED', { applied: 'no', detail: `project ${projectId} is not mounted` });
}
