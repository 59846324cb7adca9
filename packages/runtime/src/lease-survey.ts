// Lease survey
//
// What a relay that missed events tells instead of them: how the leases stand now, as if the log
// said so. Which grants it has told of it knows; of each that is over it tells the end, and of each
// that it does not know the claim. What came and went in between is not told. Each bears the id of
// the last event it stands for, so a receiver takes what the log still has of those for repeats.
import type { HeldView, LeaseView, LockManager, LoggedLockEvent, LogId } from '@devmentor/locks';

/** A grant that was told, as far as its end has to be told too. */
export type ToldGrant = Pick<LoggedLockEvent, 'fence' | 'gen' | 'holder' | 'instance' | 'ttlMs' | 'untilMs'>;

/** By resource. */
export type ToldGrants = Map<string, ToldGrant>;

/** The lock store, as far as a survey asks it. */
export type SurveyedLocks = Pick<LockManager, 'inspect' | 'list' | 'log'>;

/** With more leases in one bucket at once, the oldest are forgotten: after a gap their end is not told. */
const MOST_GRANTS = 1_000;
const PAGE = 1_000;

/** Keeps the grants as they stand after an event that was told. */
export function follow(grants: ToldGrants, event: LoggedLockEvent): void {
  const { type, resource, fence, gen, holder, instance, ttlMs, untilMs } = event;
  if (type === 'released' || type === 'expired') {
    if (grants.get(resource)?.fence === fence) grants.delete(resource);
  } else if (type === 'claimed' || type === 'taken-over') {
    grants.delete(resource);
    grants.set(resource, { fence, gen, holder, instance, ttlMs, untilMs });
    for (const oldest of grants.keys()) {
      if (grants.size <= MOST_GRANTS) break;
      grants.delete(oldest);
    }
  }
}

/** The events that bring who was told of `grants` to the present, one at most about a resource; with ids from `id` up. */
export async function survey(
  locks: SurveyedLocks,
  bucket: number,
  grants: ToldGrants,
  id: LogId,
): Promise<readonly LoggedLockEvent[]> {
  const held = await heldIn(locks, bucket);
  const begun = [...held.values()].filter(({ resource, fence }) => grants.get(resource)?.fence !== fence);
  const over = [...grants].filter(([resource]) => !held.has(resource));
  const ends = await Promise.all(
    over.map(async ([resource, grant]) => ended(resource, grant, await locks.inspect(resource), id)),
  );
  return [...ends.flat(), ...begun.map((view) => claimed(view, id))];
}

async function heldIn(locks: SurveyedLocks, bucket: number): Promise<ReadonlyMap<string, HeldView>> {
  const held = new Map<string, HeldView>();
  for (let cursor: string | undefined; ; ) {
    const page = await locks.list({ prefix: '', limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    // Of an offer the log tells once it is confirmed.
    for (const view of page.items)
      if (view.kind === 'held' && !view.offered && locks.log.bucketOf(view.resource) === bucket)
        held.set(view.resource, view);
    cursor = page.nextCursor;
    if (cursor === undefined) return held;
  }
}

function claimed(view: HeldView, id: LogId): LoggedLockEvent {
  const { resource, fence, gen, holder, instance, grantedAtMs: atMs, ttlMs, untilMs, cursor } = view;
  return { ...unlinked(cursor, id), type: 'claimed', resource, fence, gen, holder, instance, atMs, ttlMs, untilMs };
}

function ended(resource: string, grant: ToldGrant, view: LeaseView, id: LogId): readonly LoggedLockEvent[] {
  // Claimed again this moment: the log goes on with that.
  if (view.kind === 'held') return [];
  const last = view.last?.fence === grant.fence ? view.last : undefined;
  const how = last?.how ?? 'expired';
  const type = how === 'expired' ? 'expired' : 'released';
  return [{ ...unlinked(view.cursor, id), ...grant, type, resource, how, atMs: last?.atMs ?? view.serverMs }];
}

/** What an event of the log itself has besides. */
function unlinked(cursor: LogId | '', id: LogId): Pick<LoggedLockEvent, 'id' | 'prev' | 'prevOfResource' | 'leaseId'> {
  return { id: cursor > id ? cursor : id, prev: '', prevOfResource: '', leaseId: '' };
}
