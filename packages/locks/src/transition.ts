// Transition
//
// Every change of a lease record, decided purely: (record, command, moment) to (record', reply,
// events, offers). The memory store runs it; the Redis script says the same in Lua, and the
// differential test holds the two equal.
//
//   A transition first settles what time alone has done: a lapsed lease is recorded as ended,
//   and the resource offered to the first live waiter. No command sees a lapsed lease.

import { unreachable } from './invariant.ts';
import type { LeaseCommand, Reply } from './lease-command.ts';
import { LeaseDraft, type Moment, type Transition } from './lease-draft.ts';
import { emptyRecord, freeViewOf, type LeaseRecord } from './lease-record.ts';
import { cancel, request } from './transition.claiming.ts';
import { attach, away, release, renew } from './transition.holding.ts';
import { answer, handOff, takeover, withdraw } from './transition.takeover.ts';

export function transition(before: LeaseRecord | undefined, command: LeaseCommand, moment: Moment): Transition {
  const draft = new LeaseDraft(before ?? emptyRecord(command.resource), moment);
  draft.settle();
  return draft.done(decide(draft, command));
}

/** What time alone has done to a record. */
export function settle(before: LeaseRecord, moment: Moment): Omit<Transition, 'reply'> {
  const draft = new LeaseDraft(before, moment);
  draft.settle();
  draft.forget();
  return draft.done({ kind: 'left' });
}

function decide(draft: LeaseDraft, command: LeaseCommand): Reply {
  switch (command.kind) {
    case 'request':
      return request(draft, command);
    case 'renew':
      return renew(draft, command);
    case 'attach':
      return attach(draft, command);
    case 'away':
      return away(draft, command);
    case 'release':
      return release(draft, command);
    case 'cancel':
      return cancel(draft, command);
    case 'takeover':
      return takeover(draft, command);
    case 'answer':
      return answer(draft, command);
    case 'withdraw':
      return withdraw(draft, command);
    case 'hand-off':
      return handOff(draft, command);
    case 'inspect':
      return inspect(draft);
    default:
      return unreachable(command);
  }
}

function inspect(draft: LeaseDraft): Reply {
  const { current, record, moment, usualHoldMs } = draft;
  const view = current === undefined ? freeViewOf(record, moment.ms) : draft.view(current);
  return { kind: 'view', view: usualHoldMs === undefined ? view : { ...view, usualHoldMs } };
}
