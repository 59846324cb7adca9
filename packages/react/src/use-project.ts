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
import type { ConnectionStatus } from './connection.ts';
import { CoordinationError, isCoordinationError } from './errors.ts';
import type { ClaimWish } from './project-claim.ts';
import { type LeaseView, unread } from './project-snapshot.ts';
import { useAPIClient } from './provider.ts';
import { useConnectionStatus } from './use-connection.ts';

/** Who holds the project, whoever it is. */
export interface VisibleHolder {
  readonly userId: string;
  readonly displayName: string;
  /** The same user in another tab. */
  readonly otherTab: boolean;
  /** The holder's connection is gone for the moment. */
  readonly away: boolean;
}

export interface UseProjectOptions {
  /** Called when a claim is refused because somebody else holds the project. */
  readonly onDenied?: (holder: SeenHolder | undefined, error: CoordinationError) => void;
  /** Called when a claim that was held here is held here no more. */
  readonly onLost?: (reason: LossReason) => void;
}

export interface UseProject {
  readonly project: Project | null;
  readonly status: 'loading' | 'ready' | 'missing';
  /** Held by anybody, this tab included. */
  readonly isLocked: boolean;
  readonly isLockedByMe: boolean;
  /** The same user, another tab. */
  readonly isLockedByOtherTab: boolean;
  readonly holder: VisibleHolder | undefined;
  readonly claimState: ClaimState['kind'];
  readonly lostReason: LossReason | undefined;
  readonly claimToken: ClaimToken | null;
  readonly connection: ConnectionStatus;
  /** The last failure of a reading or a claim; a refusal because of a holder included. */
  readonly error: CoordinationError | undefined;
  /** @throws CoordinationError RESOURCE_LOCKED once `waitMs` is over; the state says it too */
  claim(wish?: ClaimWish): Promise<ClaimToken>;
  release(): Promise<void>;
  /** Writes under the claim, based on the last version seen unless `ifMatch` says otherwise. */
  update(data: UpdateProjectDTO, options?: WriteOptions): Promise<Project>;
  refresh(): void;
}

const idle: ClaimState = { kind: 'idle' };

export function useProject(projectId: string, options: UseProjectOptions = {}): UseProject {
  const client = useAPIClient();
  const { feeds, claims, instance, session } = client;
  const connection = useConnectionStatus();

  const subscribe = useCallback(
    (listener: () => void) => {
      const feed = feeds.use(projectId);
      const claim = claims.use(projectId);
      const stops = [
        feed.thing.store.subscribe(listener),
        feed.thing.fault.subscribe(listener),
        claim.thing.store.subscribe(listener),
        claim.leave,
        feed.leave,
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
    [feeds, claims, projectId],
  );
  const snapshot = useSyncExternalStore(
    subscribe,
    () => feeds.peek(projectId)?.store.get() ?? unread,
    () => unread,
  );
  const claimState = useSyncExternalStore(
    subscribe,
    () => claims.peek(projectId)?.store.get() ?? idle,
    () => idle,
  );
  const fault = useSyncExternalStore(
    subscribe,
    () => feeds.peek(projectId)?.fault.get(),
    () => undefined,
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
  const refresh = useCallback(() => feeds.peek(projectId)?.refresh(), [feeds, projectId]);
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

  const { project = null, kind, lease } = snapshot;
  const grant = grantOf(claimState);
  const holder = visible(lease, session.user?.id, instance.id);
  const refused = claimState.kind === 'denied' || claimState.kind === 'failed' ? claimState.error : undefined;
  return {
    project,
    status: kind,
    isLocked: grant !== undefined || holder !== undefined,
    isLockedByMe: grant !== undefined,
    isLockedByOtherTab: holder?.otherTab === true,
    holder,
    claimState: claimState.kind,
    lostReason: claimState.kind === 'lost' ? claimState.reason : undefined,
    claimToken: grant ?? null,
    connection,
    error: refused ?? fault,
    claim,
    release,
    update,
    refresh,
  };
}

function visible(lease: LeaseView, userId: string | undefined, instanceId: string): VisibleHolder | undefined {
  if (lease.kind !== 'held') return undefined;
  const otherTab = lease.userId === userId && lease.instanceId !== instanceId;
  return { userId: lease.userId, displayName: lease.displayName, otherTab, away: lease.link === 'away' };
}

function unmounted(projectId: string): CoordinationError {
  return new CoordinationError('NOT_CONNECTED', { applied: 'no', detail: `project ${projectId} is not mounted` });
}
