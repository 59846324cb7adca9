import { UNPRINTABLE } from './claim-arguments.ts';
import { CoordinationError } from './errors.ts';
import { InvariantViolation, unreachable } from './invariant.ts';
import { fenceOf, type Holder, type Json, type Link } from './lease.ts';
import type { EndedNotice, LeaseCommand, Notice, OwnView, Reply } from './lease-command.ts';
import { EVENTS } from './lease-script.record.ts';
import { claimTexts, endedHow, freeViewOf, isHeld, viewOf } from './lease-store.redis-record.ts';

/** What the script reads of each command, and how many fields: the small letters with few are the common forms. */
export const LETTERS = { q: 2, Q: 5, n: 3, a: 3, w: 3, r: 1, R: 4, c: 2, i: 0, s: 0, t: 5, g: 3, u: 1, o: 4 } as const;
export type WireLetter = keyof typeof LETTERS;

/** Replies that are numbers; whatever is greater than all of them is the fence of a grant. */
export const REPLY_CODES = {
  released: 1,
  already: 2,
  left: 3,
  returned: 4,
  nothing: 5,
  unreadable: 6,
  handedOver: 7,
  withdrawn: 8,
  notAsked: 9,
  /** And the code of the event that ended it. */
  gone: 100,
  /** And ENDED_CODES'. */
  ended: 200,
  notReleased: 300,
} as const;
const LOWEST_FENCE = 1_000;

export const ENDED_CODES = { unknown: 0, released: 1, expired: 2, superseded: 3, revoked: 4 } as const;
const ENDED_NAMES = Object.keys(ENDED_CODES) as (keyof typeof ENDED_CODES)[];

/** What names nothing: an id that the script's fields or a record could not carry. */
const nameable = (id: string): string => (UNPRINTABLE.test(id) ? '' : id);

/** Whatever it says, without control characters. */
const asJson = (value: Json | undefined): string => (value === undefined ? '' : JSON.stringify(value));

/** A command as the script reads it: its letter, and every field ended by a zero byte. */
export function toWire(command: LeaseCommand): { readonly letter: WireLetter; readonly fields: string } {
  switch (command.kind) {
    case 'request': {
      const { leaseId, requestId, ttlMs, waitMs, listener, isFirst = false } = command;
      const texts = claimTexts(command);
      if (isFirst && waitMs === 0 && requestId === leaseId) return { letter: 'q', fields: `${ttlMs}\0${texts}\0` };
      return {
        letter: 'Q',
        fields: `${ttlMs}\0${texts}\0${waitMs}\0${waitMs === 0 ? '' : listener}\0${isFirst ? 1 : 0}\0`,
      };
    }
    case 'renew':
      return { letter: 'n', fields: `${nameable(command.leaseId)}\0${command.ttlMs ?? 0}\0${command.gen ?? -1}\0` };
    case 'attach': {
      const { leaseId, instance, node, conn } = command;
      const link = JSON.stringify({ kind: 'attached', node, conn } satisfies Link);
      return { letter: 'a', fields: `${nameable(leaseId)}\0${instance}\0${link}\0` };
    }
    case 'away':
      return { letter: 'w', fields: `${nameable(command.leaseId)}\0${command.gen ?? -1}\0${command.graceMs}\0` };
    case 'release': {
      const { leaseId, how, reason, by, isByOther = false } = command;
      if (how === 'released' && reason === undefined && by === undefined && leaseId !== '' && !isByOther)
        return { letter: 'r', fields: `${nameable(leaseId)}\x01\0` };
      const facts = reason === undefined && by === undefined ? '' : JSON.stringify({ reason, by });
      return { letter: 'R', fields: `${nameable(leaseId)}\0${EVENTS[how]}\0${facts}\0${isByOther ? 1 : 0}\0` };
    }
    case 'cancel':
      return { letter: 'c', fields: `${nameable(command.requestId)}\0${command.resource}\0` };
    case 'inspect':
      return { letter: 'i', fields: '' };
    case 'takeover': {
      const { ttlMs, waitMs, listener, reason, graceMs, onSilence, force } = command;
      const asking = `${graceMs}\x01${onSilence}\x01${force ? 1 : 0}\x01${asJson(reason)}`;
      return { letter: 't', fields: `${ttlMs}\0${claimTexts(command)}\0${waitMs}\0${listener}\0${asking}\0` };
    }
    case 'answer': {
      const { leaseId, takeoverId, answer, drainMs, pointer, reason, retryAfterMs } = command;
      const facts = `${answer}\x01${drainMs}\x01${retryAfterMs}\x01${asJson(reason)}\x01${asJson(pointer)}`;
      return { letter: 'g', fields: `${nameable(leaseId)}\0${nameable(takeoverId)}\0${facts}\0` };
    }
    case 'withdraw':
      return { letter: 'u', fields: `${nameable(command.takeoverId)}\0` };
    case 'hand-off': {
      const { leaseId, to, instance, resource, pointer, offerMs, nextLeaseId, nextRequestId } = command;
      const next = { leaseId: nextLeaseId, requestId: nextRequestId, holder: to, instance, resource, meta: undefined };
      return { letter: 'o', fields: `${nameable(leaseId)}\0${claimTexts(next)}\0${offerMs}\0${asJson(pointer)}\0` };
    }
    default:
      return unreachable(command);
  }
}

export const SETTLE_WIRE = { letter: 's', fields: '' } as const;

/** A reply of the script to one command. */
export type WireReply = number | Buffer;

/** The script's whole answer: the server's microseconds, then a reply per command. */
export function asReplies(answer: unknown, commands: number): readonly WireReply[] {
  const [codes, ...texts] = (Array.isArray(answer) ? answer : [answer]) as Buffer[];
  if (codes?.length !== 8 * (commands + 1))
    throw new CoordinationError('STORE_UNAVAILABLE', 'The lease script did not answer every command', {
      applied: 'unknown',
    });
  const replies = new Array<WireReply>(commands + 1);
  let text = 0;
  for (let index = 0; index <= commands; index += 1) {
    const code = codes.readDoubleLE(8 * index);
    replies[index] = code === 0 ? (texts[text++] as Buffer) : code;
  }
  return replies;
}

/** What a command is answered; a fault where only its own record could not be read. */
export function fromWire(command: LeaseCommand, reply: WireReply, serverMs: number): Reply | CoordinationError {
  if (typeof reply !== 'number') return fromText(command, reply, serverMs);
  if (reply >= LOWEST_FENCE) {
    if (command.kind !== 'request') throw new InvariantViolation('only a request is granted');
    return { kind: 'granted', fence: fenceOf(reply), untilMs: serverMs + command.ttlMs, serverMs };
  }
  switch (reply) {
    case REPLY_CODES.released:
      return { kind: 'released' };
    case REPLY_CODES.already:
      return { kind: 'already' };
    case REPLY_CODES.left:
      return { kind: 'left' };
    case REPLY_CODES.returned:
      return { kind: 'returned' };
    case REPLY_CODES.nothing:
      return { kind: 'view', view: { kind: 'free', resource: command.resource, cursor: '', queue: 0, serverMs } };
    case REPLY_CODES.handedOver:
      return { kind: 'handed-over' };
    case REPLY_CODES.withdrawn:
      return { kind: 'withdrawn' };
    case REPLY_CODES.notAsked:
      return { kind: 'not-asked' };
    case REPLY_CODES.unreadable:
      return new CoordinationError(
        'STORE_UNAVAILABLE',
        `The record of ${command.resource} was written by another version of this library: use another namespace, or one version`,
        { applied: 'no' },
      );
  }
  if (reply >= REPLY_CODES.notReleased) {
    const how = ENDED_NAMES[reply - REPLY_CODES.notReleased];
    if (how === 'expired' || how === 'superseded' || how === 'unknown') return { kind: how };
  } else if (reply >= REPLY_CODES.ended) {
    return { kind: 'ended', how: ENDED_NAMES[reply - REPLY_CODES.ended] ?? 'unknown' };
  } else if (reply >= REPLY_CODES.gone) return { kind: 'gone', how: endedHow(reply - REPLY_CODES.gone) };
  throw new InvariantViolation(`the lease script answered ${reply}`);
}

interface Denial {
  readonly by: Holder;
  readonly reason: string | undefined;
  readonly retryAfterMs: number;
}

function fromText(command: LeaseCommand, reply: Buffer, serverMs: number): Reply {
  const view = (from: number): OwnView => viewOf(reply.subarray(from), serverMs);
  const letter = String.fromCharCode(reply[0] ?? 0);
  switch (letter) {
    case 'h':
      return { kind: 'held', view: view(1) };
    case 'n':
      return { kind: 'renewed', view: view(1) };
    case 'w':
      return { kind: 'away', view: view(1) };
    case 'p':
      return { kind: 'queued', position: reply.readUInt32LE(1), view: view(5) };
    case 'b':
    case 'f':
      return { kind: 'busy', position: reply.readUInt32LE(1), view: view(5), full: letter === 'f' };
    case 'v': {
      const usualHoldMs = reply.readDoubleLE(1);
      const record = reply.subarray(9);
      const view = isHeld(record) ? viewOf(record, serverMs) : freeViewOf(record, command.resource, serverMs);
      return { kind: 'view', view: usualHoldMs < 0 ? view : { ...view, usualHoldMs } };
    }
    case 'a': {
      const length = reply.readUInt32LE(1);
      const link = length === 0 ? undefined : (JSON.parse(reply.toString('utf8', 5, 5 + length)) as Link);
      return {
        kind: 'attached',
        view: view(5 + length),
        displaced: link?.kind === 'attached' ? { node: link.node, conn: link.conn } : undefined,
      };
    }
    case 'e':
      return { kind: 'busy', instance: reply.toString('utf8', 1) };
    case 'g':
      return { kind: 'granted', view: view(1) };
    case 'k':
      return { kind: 'asked', view: view(1) };
    case 'l':
      return { kind: 'busy', view: view(5), retryAfterMs: reply.readUInt32LE(1) };
    case 'd':
      return { kind: 'denied', ...(JSON.parse(reply.toString('utf8', 1)) as Denial) };
    case 'D':
      return { kind: 'draining', view: view(1) };
    case 'X':
      return { kind: 'denied', view: view(1) };
    case 'N':
      return { kind: 'not-asked', view: view(1) };
    case 'P':
      return { kind: 'promised', by: JSON.parse(reply.toString('utf8', 1)) as Holder };
    case 'o': {
      const { leaseId, fence, untilMs } = view(1);
      return { kind: 'handed-off', leaseId, fence, untilMs };
    }
    case 's':
      return { kind: 'stale', gen: Number(reply.toString('utf8', 1)) };
    default:
      throw new InvariantViolation(`the lease script answered ${letter}`);
  }
}

/** What the script publishes: an offer, that a lease was ended, or that there is something to look at. */
export function parseNotice(message: string): Notice {
  const [first = '', requestId, resource, fence, grantedAtMs, untilMs] = message.split('\x01');
  if (resource === undefined)
    return { kind: 'look', resource: first, ...(requestId === undefined ? {} : { requestId }) };
  if (fence === undefined)
    return { kind: 'ended', resource, leaseId: first, how: endedHow(Number(requestId)) as EndedNotice['how'] };
  return {
    resource,
    leaseId: first,
    requestId: requestId ?? '',
    fence: fenceOf(Number(fence)),
    grantedAtMs: Number(grantedAtMs),
    untilMs: Number(untilMs),
  };
}
