// What becomes of a lease while it is held: renewed, tied to a connection, let go.

import type { CommandOf, Replies } from './lease-command.ts';
import type { LeaseDraft } from './lease-draft.ts';

export function renew(draft: LeaseDraft, command: CommandOf<'renew'>): Replies['renew'] {
  const current = draft.current;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);
  const isStale = command.gen !== undefined && (command.gen !== current.gen || current.link.kind !== 'attached');
  if (isStale) return { kind: 'renewed', view: draft.view(current) };
  const ttlMs = command.ttlMs ?? current.ttlMs;
  const confirmed = draft.confirm({ ...current, ttlMs });
  const isBack = current.link.kind === 'away';
  const next = draft.put({
    ...confirmed,
    untilMs: draft.moment.ms + ttlMs,
    link: isBack ? { kind: 'none' } : current.link,
  });
  if (isBack) draft.log('back', next);
  return { kind: 'renewed', view: draft.view(next) };
}

export function attach(draft: LeaseDraft, command: CommandOf<'attach'>): Replies['attach'] {
  const current = draft.current;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);
  const { link } = current;
  const { node, conn, instance } = command;
  if (link.kind === 'attached' && current.instance !== instance) return { kind: 'busy', instance: current.instance };
  const isRepeat = link.kind === 'attached' && link.node === node && link.conn === conn;
  const confirmed = draft.confirm(current);
  const next = draft.put({
    ...confirmed,
    instance,
    gen: isRepeat ? current.gen : current.gen + 1,
    link: { kind: 'attached', node, conn },
    untilMs: draft.moment.ms + current.ttlMs,
  });
  if (link.kind === 'away') draft.log('back', next);
  const displaced = link.kind === 'attached' && !isRepeat ? { node: link.node, conn: link.conn } : undefined;
  return { kind: 'attached', view: draft.view(next), displaced };
}

export function away(draft: LeaseDraft, command: CommandOf<'away'>): Replies['away'] {
  const current = draft.current;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);
  if (command.gen !== undefined && command.gen !== current.gen) return { kind: 'stale', gen: current.gen };
  if (current.link.kind === 'away') return { kind: 'away', view: draft.view(current) };
  const confirmed = draft.confirm(current);
  const next = draft.put({ ...confirmed, link: { kind: 'away' }, untilMs: draft.moment.ms + command.graceMs });
  draft.log('away', next);
  return { kind: 'away', view: draft.view(next) };
}

export function release(draft: LeaseDraft, command: CommandOf<'release'>): Replies['release'] {
  const current = draft.current;
  if (current?.leaseId === command.leaseId) {
    const { how, reason, by } = command;
    if (how === 'released' && command.isByOther === true) draft.tellEnded(current, how);
    draft.end(current, how, { ...(reason === undefined ? {} : { reason }), ...(by === undefined ? {} : { by }) });
    return { kind: 'released' };
  }
  const { how } = draft.ended(command.leaseId);
  return { kind: how === 'released' || how === 'revoked' ? 'already' : how };
}
