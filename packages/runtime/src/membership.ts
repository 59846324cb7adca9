// Membership
//
// Who lives: the unlapsed node leases, as the lock store lists them. Nobody is told that somebody
// died; a node is alive until its lease has lapsed.
import type { LockManager } from '@devmentor/locks';
import { NODE_PREFIX } from './node-lease.ts';
import type { Versions } from './shard-needs.ts';
import type { Incarnation } from './state-store.ts';

export interface Member {
  readonly incarnation: Incarnation;
  readonly address: string | undefined;
  readonly version: string | undefined;
  /** Of the machines it runs; undefined when it does not say. */
  readonly versions: Versions | undefined;
}

/** Reads the whole list; throws when the store cannot answer. */
export async function readMembers(locks: LockManager): Promise<ReadonlyMap<Incarnation, Member>> {
  const members = new Map<Incarnation, Member>();
  let cursor: string | undefined;
  do {
    const page = await locks.list({ prefix: NODE_PREFIX, limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    for (const view of page.items) {
      if (view.kind !== 'held') continue;
      const incarnation = view.resource.slice(NODE_PREFIX.length);
      members.set(incarnation, {
        incarnation,
        address: text(view.meta?.address),
        version: text(view.meta?.version),
        versions: versionsOf(view.meta?.versions),
      });
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return members;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Machine versions as they came from another node. */
export function versionsOf(value: unknown): Versions | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).filter(([, version]) => typeof version === 'number'));
}
