'use client';

import type { Project } from '@devmentor/contracts';
import { useCallback, useSyncExternalStore } from 'react';
import type { CoordinationError } from './errors.ts';
import { type LeaseView, unread } from './project-snapshot.ts';
import { useAPIClient } from './provider.ts';

/** Who holds a project, whoever it is. */
export interface VisibleHolder {
  readonly userId: string;
  readonly displayName: string;
  /** This very tab. */
  readonly isMe: boolean;
  /** The same user in another tab. */
  readonly otherTab: boolean;
  /** The holder's connection is gone for the moment. */
  readonly away: boolean;
}

export interface ProjectView {
  readonly project: Project | null;
  readonly status: 'loading' | 'ready' | 'missing';
  readonly holder: VisibleHolder | undefined;
  /** The last reading that failed, if none has been good since. */
  readonly error: CoordinationError | undefined;
  refresh(): void;
}

/**
 * A project to look at, kept up to date. It neither claims nor keeps a claim alive: a list
 * of projects may use it for each of its lines.
 */
export function useProjectView(projectId: string): ProjectView {
  const { feeds, instance, session } = useAPIClient();
  const subscribe = useCallback(
    (listener: () => void) => {
      const { thing: feed, leave } = feeds.use(projectId);
      const stops = [feed.store.subscribe(listener), feed.fault.subscribe(listener), leave];
      return () => {
        for (const stop of stops) stop();
      };
    },
    [feeds, projectId],
  );
  const snapshot = useSyncExternalStore(
    subscribe,
    () => feeds.peek(projectId)?.store.get() ?? unread,
    () => unread,
  );
  const error = useSyncExternalStore(
    subscribe,
    () => feeds.peek(projectId)?.fault.get(),
    () => undefined,
  );
  const refresh = useCallback(() => feeds.peek(projectId)?.refresh(), [feeds, projectId]);
  const { project = null, kind, lease } = snapshot;
  return { project, status: kind, holder: visible(lease, session.user?.id, instance.id), error, refresh };
}

function visible(lease: LeaseView, userId: string | undefined, instanceId: string): VisibleHolder | undefined {
  if (lease.kind !== 'held') return undefined;
  const sameUser = lease.userId === userId;
  const sameTab = lease.instanceId === instanceId;
  return {
    userId: lease.userId,
    displayName: lease.displayName,
    isMe: sameUser && sameTab,
    otherTab: sameUser && !sameTab,
    away: lease.link === 'away',
  };
}
