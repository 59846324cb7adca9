// Takeover and hand-off
//
// How a lease passes from one holder to another without a moment in which anybody else could
// claim it: asked for and answered, taken by force, or given away.
//
//   TO1  One takeover at a time is asked of a lease. It ends with an answer, with silence, with its
//        asker, or with the lease, which then is offered to the asker before the queue.
//   TO2  A lease that drains ends with its drain at the latest, whoever renews it.
//   TO3  What was granted is not taken back, and what was denied is not granted later.

import { fenceOf, type HandedOver } from './lease.ts';
import type { CommandOf, Replies } from './lease-command.ts';
import type { LeaseDraft } from './lease-draft.ts';
import { type CurrentLease, pendingTakeover, type Takeover } from './lease-record.ts';
import { isParty } from './transition.claiming.ts';

export function takeover(draft: LeaseDraft, command: CommandOf<'takeover'>): Replies['takeover'] {
  const ended = draft.endedRequest(command.requestId);
  const { current } = draft;
  const before = current?.takeover;
  if (before?.stage.kind === 'denied' && current !== undefined) {
    const { againMs, reason } = before.stage;
    const retryAfterMs = Math.max(0, againMs - draft.moment.ms);
    const isRepeat = before.waiter.requestId === command.requestId;
    if (isRepeat || (retryAfterMs > 0 && !command.force && isParty(before.waiter, command)))
      return { kind: 'denied', by: current.holder, reason, retryAfterMs };
  }
  if (ended !== undefined) return { kind: 'gone', how: ended.how };
  if (current === undefined) return granted(draft, command);
  if (current.requestId === command.requestId || isParty(current, command)) {
    draft.unqueue(command.requestId);
    return { kind: 'held', view: draft.view(draft.confirm(current)) };
  }
  if (command.force) {
    const { holder, reason } = command;
    const told = reason === undefined ? {} : { reason };
    draft.close(current, 'revoked', { by: holder, ...told });
    leaveOut(draft, current, command.requestId);
    draft.unqueue(command.requestId);
    return granted(draft, command, { from: current.holder, how: 'forced', ...told });
  }
  const pending = pendingTakeover(current);
  if (pending === undefined) return ask(draft, current, command);
  if (pending.waiter.requestId !== command.requestId) {
    const { stage, answerByMs } = pending;
    const untilMs = stage.kind === 'draining' ? stage.untilMs : answerByMs;
    return { kind: 'busy', view: draft.view(current), retryAfterMs: Math.max(0, untilMs - draft.moment.ms) };
  }
  const waiter = { ...pending.waiter, listener: command.listener, deadMs: draft.moment.ms + command.waitMs };
  return { kind: 'asked', view: draft.view(draft.put({ ...current, takeover: { ...pending, waiter } })) };
}

export function answer(draft: LeaseDraft, command: CommandOf<'answer'>): Replies['answer'] {
  const { current } = draft;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);
  const asked = current.takeover;
  if (asked?.takeoverId !== command.takeoverId) return { kind: 'not-asked', view: draft.view(current) };
  if (asked.stage.kind === 'denied')
    return { kind: command.answer === 'deny' ? 'denied' : 'not-asked', view: draft.view(current) };
  if (command.answer === 'grant') return yieldTo(draft, current, asked, command);
  if (asked.stage.kind === 'draining') return { kind: 'draining', view: draft.view(current) };
  const { reason, retryAfterMs } = command;
  return { kind: 'denied', view: draft.view(draft.deny(current, asked, { how: 'denied', reason, retryAfterMs })) };
}

export function withdraw(draft: LeaseDraft, command: CommandOf<'withdraw'>): Replies['withdraw'] {
  const { current } = draft;
  const pending = current === undefined ? undefined : pendingTakeover(current);
  if (current === undefined || pending?.takeoverId !== command.takeoverId) return { kind: 'not-asked' };
  draft.dismiss(current, pending, 'withdrawn');
  return { kind: 'withdrawn' };
}

export function handOff(draft: LeaseDraft, command: CommandOf<'hand-off'>): Replies['hand-off'] {
  const { current } = draft;
  if (current?.leaseId !== command.leaseId) return draft.ended(command.leaseId);
  const { to, instance, pointer, offerMs, nextLeaseId, nextRequestId } = command;
  const party = { holder: to, instance };
  const pending = pendingTakeover(current);
  if (pending?.stage.kind === 'draining' && !isParty(pending.waiter, party))
    return { kind: 'promised', by: pending.waiter.holder };
  draft.close(current, 'handed-over', { by: current.holder });
  const place = [...(pending === undefined ? [] : [pending.waiter]), ...draft.waiters].find(
    (waiter) => waiter.deadMs > draft.moment.ms && isParty(waiter, party),
  );
  leaveOut(draft, current, place?.requestId);
  const unasked = { leaseId: nextLeaseId, requestId: nextRequestId, ttlMs: current.ttlMs, listener: '', deadMs: 0 };
  const next = draft.offerTo(place ?? { ...party, ...unasked, meta: undefined }, offerMs, {
    from: current.holder,
    how: 'handed-off',
    ...(pointer === undefined ? {} : { pointer }),
  });
  return { kind: 'handed-off', leaseId: next.leaseId, fence: next.fence, untilMs: next.untilMs };
}

/** Who asked for a lease that went to somebody else asks its new holder. */
function leaveOut(draft: LeaseDraft, current: CurrentLease, next: string | undefined): void {
  const pending = pendingTakeover(current);
  if (pending !== undefined && pending.waiter.requestId !== next) draft.notify(pending.waiter);
}

function granted(draft: LeaseDraft, command: CommandOf<'takeover'>, handedOver?: HandedOver): Replies['takeover'] {
  const untilMs = draft.moment.ms + command.ttlMs;
  return { kind: 'granted', view: draft.view(draft.grant(command, { offered: false, untilMs }, handedOver)) };
}

function ask(draft: LeaseDraft, current: CurrentLease, command: CommandOf<'takeover'>): Replies['takeover'] {
  const { requestId, leaseId, holder, instance, ttlMs, meta, listener, reason, graceMs, onSilence } = command;
  const { ms } = draft.moment;
  draft.unqueue(requestId);
  const facts = { by: holder, ...(reason === undefined ? {} : { reason }) };
  const takeoverId = fenceOf(draft.moment.mint());
  draft.log('takeover-requested', current, { takeoverId, ...facts }, takeoverId);
  const asked: Takeover = {
    takeoverId,
    waiter: { requestId, leaseId, holder, instance, ttlMs, meta, listener, deadMs: ms + command.waitMs },
    reason,
    atMs: ms,
    answerByMs: ms + graceMs,
    onSilence,
    stage: { kind: 'asked' },
  };
  draft.notify('all');
  return { kind: 'asked', view: draft.view(draft.put({ ...current, takeover: asked })) };
}

function yieldTo(
  draft: LeaseDraft,
  current: CurrentLease,
  asked: Takeover,
  { drainMs, pointer: given }: CommandOf<'answer'>,
): Replies['answer'] {
  const { stage } = asked;
  const before = stage.kind === 'draining' ? stage.pointer : undefined;
  const pointer = given === undefined ? before : given;
  if (drainMs === 0) {
    const passed = { how: 'granted' as const, ...(pointer === undefined ? {} : { pointer }) };
    draft.end(current, 'handed-over', { by: asked.waiter.holder }, passed);
    return { kind: 'handed-over' };
  }
  const fullMs = draft.moment.ms + drainMs;
  const untilMs = stage.kind === 'draining' ? Math.min(stage.untilMs, fullMs) : fullMs;
  const draining = draft.put({ ...current, takeover: { ...asked, stage: { kind: 'draining', untilMs, pointer } } });
  draft.notify(asked.waiter);
  draft.notify('all');
  return { kind: 'draining', view: draft.view(draining) };
}
