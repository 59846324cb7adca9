// ProjectSnapshot
//
// What this client knows of one project, and how an answer or an event changes it (pure).
//
//   S1  A version that is not newer than the known one changes nothing.
//   S2  A claim with a lower fencing token than a known one changes nothing.
//   S3  What was not changed is the same object as before.
import type { Holder, Project, ProjectLease, WireEvent } from '@devmentor/contracts';

/** Who edits the project, as far as is known. */
export type LeaseView =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'free' }
  | {
      readonly kind: 'held';
      readonly userId: string;
      readonly displayName: string;
      /** Which of the holder's tabs; not told to everyone. */
      readonly instanceId?: string | undefined;
      /** Whether the holder's connection is there. */
      readonly link: 'here' | 'away';
      readonly expiresAt?: string | undefined;
    };

export interface ProjectSnapshot {
  /** `missing`: there is none, or none for this user. */
  readonly kind: 'loading' | 'ready' | 'missing';
  readonly project?: Project | undefined;
  readonly lease: LeaseView;
  /** The highest fencing token seen; claims below it are history. */
  readonly fence: string;
}

export const unread: ProjectSnapshot = { kind: 'loading', lease: { kind: 'unknown' }, fence: '' };

/** Who asks: the server says "you" and "another tab of yours" where events say ids. */
export interface Reader {
  readonly userId: string | undefined;
  readonly instanceId: string;
}

/** The project as an answer or event shows it. */
export function withProject(snapshot: ProjectSnapshot, project: Project): ProjectSnapshot {
  const known = snapshot.project;
  if (snapshot.kind === 'ready' && known !== undefined && project.version <= known.version) return snapshot;
  return { ...snapshot, kind: 'ready', project };
}

/** The project as it is, whatever was known: after a resync even a lower version is the truth. */
export function resetProject(snapshot: ProjectSnapshot, project: Project): ProjectSnapshot {
  const known = snapshot.project;
  if (snapshot.kind === 'ready' && known?.version === project.version && known.updatedAt === project.updatedAt)
    return snapshot;
  return { ...snapshot, kind: 'ready', project };
}

export function withoutProject(snapshot: ProjectSnapshot): ProjectSnapshot {
  return snapshot.kind === 'missing' ? snapshot : { ...snapshot, kind: 'missing', lease: { kind: 'free' } };
}

/** The lease as the server answered when asked for it. */
export function withLease(snapshot: ProjectSnapshot, lease: ProjectLease, reader: Reader): ProjectSnapshot {
  if (!lease.isLocked || lease.holder === undefined)
    return changeLease(snapshot, { kind: lease.isLocked ? 'unknown' : 'free' });
  const { userId, displayName, sameUser, otherTab } = lease.holder;
  const known =
    snapshot.lease.kind === 'held' && snapshot.lease.userId === userId ? snapshot.lease.instanceId : undefined;
  return changeLease(snapshot, {
    kind: 'held',
    userId,
    displayName,
    instanceId: sameUser && !otherTab ? reader.instanceId : known === reader.instanceId ? undefined : known,
    link: lease.state === 'away' ? 'away' : 'here',
    expiresAt: lease.expiresAt,
  });
}

/** What a claim of this very client says about the lease. */
export function withOwnClaim(
  snapshot: ProjectSnapshot,
  claim: { readonly holder: Holder; readonly fencingToken: string; readonly expiresAt: string },
): ProjectSnapshot {
  return claimed(snapshot, claim.holder, claim.fencingToken, 'here', claim.expiresAt);
}

/** After a release of this very client. */
export function withOwnRelease(snapshot: ProjectSnapshot, fencingToken: string): ProjectSnapshot {
  return ended(snapshot, fencingToken);
}

/** What an event of the topic `project:<id>` changes. */
export function withEvent(snapshot: ProjectSnapshot, event: WireEvent): ProjectSnapshot {
  switch (event.type) {
    case 'project.created':
    case 'project.updated':
      return event.data.project === undefined ? snapshot : withProject(snapshot, event.data.project);
    case 'project.deleted':
      return withoutProject(snapshot);
    case 'project.claimed':
      return claimed(snapshot, event.data.holder, event.data.fencingToken, 'here', event.data.expiresAt);
    case 'lease.claimed':
    case 'lease.back':
      return claimed(snapshot, event.data.holder, event.data.fencingToken, 'here', event.data.expiresAt);
    case 'lease.away':
      return claimed(snapshot, event.data.holder, event.data.fencingToken, 'away', event.data.expiresAt);
    case 'lease.taken-over':
      return claimed(snapshot, event.data.holder, event.data.fencingToken, 'here', undefined);
    case 'project.released':
    case 'lease.released':
    case 'lease.expired':
      return ended(snapshot, event.data.fencingToken);
    default:
      return snapshot;
  }
}

/** Whether an event says that the project changed without saying how. */
export function tellsTooLittle(event: WireEvent): boolean {
  return (event.type === 'project.created' || event.type === 'project.updated') && event.data.project === undefined;
}

function claimed(
  snapshot: ProjectSnapshot,
  { userId, displayName, instanceId }: Holder,
  fence: string,
  link: 'here' | 'away',
  expiresAt: string | undefined,
): ProjectSnapshot {
  if (fence < snapshot.fence) return snapshot;
  // The end of this claim may have been seen before its beginning or its middle.
  if (fence === snapshot.fence && snapshot.lease.kind === 'free') return snapshot;
  const lease: LeaseView = { kind: 'held', userId, displayName, instanceId, link, expiresAt };
  const next = changeLease(snapshot, lease);
  return next.fence === fence ? next : { ...next, fence };
}

function ended(snapshot: ProjectSnapshot, fence: string): ProjectSnapshot {
  if (fence < snapshot.fence) return snapshot;
  const next = changeLease(snapshot, { kind: 'free' });
  return next.fence === fence ? next : { ...next, fence };
}

function changeLease(snapshot: ProjectSnapshot, lease: LeaseView): ProjectSnapshot {
  return sameLease(snapshot.lease, lease) ? snapshot : { ...snapshot, lease };
}

function sameLease(a: LeaseView, b: LeaseView): boolean {
  if (a.kind !== 'held' || b.kind !== 'held') return a.kind === b.kind;
  return (
    a.userId === b.userId &&
    a.displayName === b.displayName &&
    a.instanceId === b.instanceId &&
    a.link === b.link &&
    a.expiresAt === b.expiresAt
  );
}
