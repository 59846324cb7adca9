// The commands by which a holder gives its lease to another.

import type { HandOff, TakeoverAnswer } from './lease.ts';
import type { AnswerCommand, HandOffCommand } from './lease-command.ts';
import { RETRY_DENIED_MS } from './lease-draft.ts';
import type { LogId } from './lock-event.ts';

interface LeaseName {
  readonly resource: string;
  readonly leaseId: string;
}

/** How long a hand-off stands for the party it is for, unless the holder says otherwise. */
const HAND_OFF_MS = 10_000;

export function answerCommand(
  { resource, leaseId }: LeaseName,
  takeoverId: LogId,
  answer: TakeoverAnswer,
): AnswerCommand {
  const isGrant = answer.answer === 'grant';
  return {
    kind: 'answer',
    resource,
    leaseId,
    takeoverId,
    answer: answer.answer,
    drainMs: isGrant ? (answer.drainMs ?? 0) : 0,
    pointer: isGrant ? answer.pointer : undefined,
    reason: isGrant ? undefined : answer.reason,
    retryAfterMs: isGrant ? 0 : (answer.retryAfterMs ?? RETRY_DENIED_MS),
  };
}

export function handOffCommand(
  { resource, leaseId }: LeaseName,
  { to, instance = 'default', pointer, offerMs = HAND_OFF_MS }: HandOff,
  names: Pick<HandOffCommand, 'nextLeaseId' | 'nextRequestId'>,
): HandOffCommand {
  return { kind: 'hand-off', resource, leaseId, to, instance, pointer, offerMs, ...names };
}
