// How a resource is asked for: granted, queued for, or left alone.

import type { Holder } from './lease.ts';
import type { CommandOf, Replies } from './lease-command.ts';
import type { LeaseDraft } from './lease-draft.ts';
import { type CurrentLease, MAX_WAITERS, pendingTakeover } from './lease-record.ts';

export function request(draft: LeaseDraft, command: CommandOf<'request'>): Replies['request'] {
  const ended = draft.endedRequest(command.requestId);
  if (ended !== undefined) return { kind: 'gone', how: ended.how };
  const current = draft.current;
  if (current === undefined) {
    // Settling has offered the resource to any live waiter: whoever finds it free is first in line.
    const { ms } = draft.moment;
    const { fence, untilMs } = draft.grant(command, { offered: false, untilMs: ms + command.ttlMs });
    return { kind: 'granted', fence, untilMs, serverMs: ms };
  }
  if (current.requestId === command.requestId || isParty(current, command)) {
    draft.unqueue(command.requestId);
    // The waiter asks again: it is alive, which is all that an offer wants to know.
    return { kind: 'held', view: draft.view(draft.confirm(current)) };
  }
  return enqueue(draft, current, command);
}

function enqueue(draft: LeaseDraft, current: CurrentLease, command: CommandOf<'request'>): Replies['request'] {
  const at = draft.waiters.findIndex((waiter) => waiter.requestId === command.requestId);
  // Who asks for a takeover under this name stands before the queue already.
  const isAsking = pendingTakeover(current)?.waiter.requestId === command.requestId;
  if (command.waitMs === 0 || isAsking) {
    if (at >= 0) draft.unqueue(command.requestId);
    return {
      kind: 'busy',
      position: at >= 0 ? at + 1 : draft.waiters.length + 1,
      view: draft.view(current),
      full: false,
    };
  }
  const deadMs = draft.moment.ms + command.waitMs;
  if (at >= 0) {
    draft.waiters = draft.waiters.map((waiter, index) =>
      index === at ? { ...waiter, listener: command.listener, deadMs } : waiter,
    );
    return { kind: 'queued', position: at + 1, view: draft.view(current) };
  }
  if (draft.waiters.length >= MAX_WAITERS)
    return { kind: 'busy', position: draft.waiters.length + 1, view: draft.view(current), full: true };
  const { requestId, leaseId, holder, instance, ttlMs, meta, listener } = command;
  draft.waiters = [...draft.waiters, { requestId, leaseId, holder, instance, ttlMs, meta, listener, deadMs }];
  return { kind: 'queued', position: draft.waiters.length, view: draft.view(current) };
}

export function cancel(draft: LeaseDraft, command: CommandOf<'cancel'>): Replies['cancel'] {
  const ended = draft.endedRequest(command.requestId);
  if (ended !== undefined) return { kind: 'gone', how: ended.how };
  const current = draft.current;
  if (current?.requestId === command.requestId) {
    draft.end(current, 'cancelled');
    return { kind: 'returned' };
  }
  const takeover = current === undefined ? undefined : pendingTakeover(current);
  if (current !== undefined && takeover?.waiter.requestId === command.requestId) {
    draft.dismiss(current, takeover, 'withdrawn');
    return { kind: 'left' };
  }
  draft.unqueue(command.requestId);
  // The request may still be on its way; remembering its end keeps it from being granted.
  draft.rememberRequest(command.requestId, 'cancelled');
  return { kind: 'left' };
}

/** Holder and instance together are one party. */
export function isParty(
  one: { readonly holder: Holder; readonly instance: string },
  other: { readonly holder: Holder; readonly instance: string },
): boolean {
  return one.holder.id === other.holder.id && one.instance === other.instance;
}
