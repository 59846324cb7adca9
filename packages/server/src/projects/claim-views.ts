// How a claim looks to somebody who asks for it, or is refused because of it.
import type { SeenHolder } from '@devmentor/contracts';
import type { HeldView } from '@devmentor/locks';
import { Problem } from '../problem.ts';
import { timeText } from './wire.ts';

export function locked(
  view: HeldView,
  userId: string,
  instanceId: string | undefined,
  facts: { readonly retryAfterMs?: number; readonly queuePosition?: number },
): Problem {
  const holder = seen(view, userId, instanceId);
  return new Problem('RESOURCE_LOCKED', `the project is held by ${holder.displayName}`, {
    holder,
    expiresAt: timeText(view.untilMs),
    // One asks at a time, and nobody asks himself.
    canTakeOver: view.breaking === undefined && !(holder.sameUser && !holder.otherTab),
    ...facts,
    retryAfterMs: Math.max(0, Math.ceil(facts.retryAfterMs ?? view.remainingMs)),
  });
}

export function seen(view: HeldView, userId: string, instanceId: string | undefined): SeenHolder {
  const sameUser = view.holder.id === userId;
  return {
    userId: view.holder.id,
    displayName: view.holder.name ?? view.holder.id,
    sameUser,
    otherTab: sameUser && instanceId !== undefined && instanceId !== view.instance,
    since: timeText(view.grantedAtMs),
  };
}

export function stateOf(view: HeldView): 'held' | 'away' | 'breaking' {
  if (view.breaking !== undefined) return 'breaking';
  return view.link.kind === 'away' ? 'away' : 'held';
}

export function stale(): Problem {
  return new Problem('STALE_CLAIM', 'the project has been claimed anew since');
}

export function ended(): Problem {
  return new Problem('CLAIM_EXPIRED', 'claim the project again');
}
