import type { User } from '@devmentor/contracts';
import { defineActor } from '@devmentor/runtime';
import { assign, emit, setup } from 'xstate';
import { takesTheNext } from '../supervision.ts';

/** Who somebody is, and which projects exist for him. */
export type UserContext = {
  readonly profile: UserProfile | null;
  /** Project id to the project version that made this user a member: what is older says nothing new. */
  readonly memberships: Readonly<Record<string, Membership>>;
};

export type UserProfile = {
  readonly id: string;
  readonly username: string;
  readonly displayName: string;
  readonly kind: 'account' | 'guest';
  readonly createdAtMs: number;
};

export type Membership = { readonly version: number; readonly sinceMs: number; readonly left: boolean };

export type MembershipChange = {
  readonly type: 'member.joined' | 'member.left';
  readonly projectId: string;
  readonly version: number;
  readonly atMs: number;
};

export type UserCommand = { readonly type: 'introduce'; readonly profile: UserProfile } | MembershipChange;

const NOBODY: UserContext = { profile: null, memberships: {} };

/** How many projects a user left are remembered, so that a late word of joining them is not believed. */
const MAX_LEFT = 200;

/** Joins and leavings may come twice or out of order; the greater project version is the truth. */
export function withMembership(context: UserContext, event: MembershipChange): UserContext {
  const known = context.memberships[event.projectId];
  if (known !== undefined && known.version >= event.version) return context;
  const left = event.type === 'member.left';
  const sinceMs = known === undefined || known.left ? event.atMs : known.sinceMs;
  const { [event.projectId]: _, ...others } = context.memberships;
  const all = { ...others, [event.projectId]: { version: event.version, sinceMs, left } };
  return { ...context, memberships: left ? withoutOldest(all) : all };
}

function withoutOldest(memberships: Readonly<Record<string, Membership>>): Readonly<Record<string, Membership>> {
  const left = Object.keys(memberships).filter((id) => memberships[id]?.left === true);
  const forgotten = new Set(left.slice(0, Math.max(0, left.length - MAX_LEFT)));
  return forgotten.size === 0
    ? memberships
    : Object.fromEntries(Object.entries(memberships).filter(([id]) => !forgotten.has(id)));
}

const machine = setup({
  types: {} as { context: UserContext; events: UserCommand; emitted: { readonly type: 'memberships.changed' } },
}).createMachine({
  id: 'user',
  context: NOBODY,
  on: {
    introduce: { actions: assign({ profile: ({ context, event }) => context.profile ?? event.profile }) },
    'member.joined': {
      actions: [assign(({ context, event }) => withMembership(context, event)), emit({ type: 'memberships.changed' })],
    },
    'member.left': {
      actions: [assign(({ context, event }) => withMembership(context, event)), emit({ type: 'memberships.changed' })],
    },
  },
});

/** `user:<id>` */
export const UserActor = defineActor('user', { machine, supervise: takesTheNext });

/** A user as others may see him. */
export function userToWire({ id, username, displayName, kind }: UserProfile): User {
  return { id, username, displayName, roles: [], guest: kind === 'guest' };
}
