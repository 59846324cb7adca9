import { UNPRINTABLE } from './claim-arguments.ts';
import { assert, InvariantViolation, unreachable } from './invariant.ts';
import type { EndedHow, FencingToken, FreeView, Link } from './lease.ts';
import type { LeaseCommand, OwnView, Reply } from './lease-command.ts';
import type { LockEventType, LoggedLockEvent, LogId } from './lock-event.ts';

/** How many fields the script reads of a command: its letter, the encoded resource, its arguments. */
export const LEASE_COMMAND_WIDTHS = { q: 11, n: 5, t: 5, w: 5, r: 5, c: 4, i: 2, s: 2 } as const;
export type WireLetter = keyof typeof LEASE_COMMAND_WIDTHS;

const text = JSON.stringify as (value: string) => string;
/** What names nothing: an id that the script's fields or a record could not carry. */
const nameable = (id: string): string => (UNPRINTABLE.test(id) ? '' : id);

/** A command as the script reads it: every field ended by a zero byte. */
export function toWire(
  command: LeaseCommand,
  encoded: string,
): { readonly letter: WireLetter; readonly fields: string } {
  const wire = (letter: WireLetter, fields: string) => ({ letter, fields: `${letter}\0${encoded}\0${fields}` });
  switch (command.kind) {
    case 'request': {
      const { leaseId, requestId, holder, instance, ttlMs, meta, waitMs, listener, resource } = command;
      const name = holder.name === undefined ? '' : `,"name":${text(holder.name)}`;
      const shown = meta === undefined ? '' : JSON.stringify(meta);
      return wire(
        'q',
        `${requestId}\0${leaseId}\0{"id":${text(holder.id)}${name}}\0${text(instance)}\0${ttlMs}\0${shown}\0${waitMs}\0${waitMs === 0 ? '' : listener}\0${text(resource)}\0`,
      );
    }
    case 'renew':
      return wire('n', `${nameable(command.leaseId)}\0${command.ttlMs ?? 0}\0${command.gen ?? -1}\0`);
    case 'attach': {
      const { leaseId, instance, node, conn } = command;
      const link = JSON.stringify({ kind: 'attached', node, conn } satisfies Link);
      return wire('t', `${nameable(leaseId)}\0${text(instance)}\0${link}\0`);
    }
    case 'away':
      return wire('w', `${nameable(command.leaseId)}\0${command.gen ?? -1}\0${command.graceMs}\0`);
    case 'release': {
      const { leaseId, how, reason } = command;
      return wire('r', `${nameable(leaseId)}\0${how}\0${text(reason ?? '')}\0`);
    }
    case 'cancel':
      return wire('c', `${command.requestId}\0${text(command.resource)}\0`);
    case 'inspect':
      return wire('i', '');
    default:
      return unreachable(command);
  }
}

export const SWEEP_WIRE = { letter: 's', fields: 's\0\0' } as const;

type WireView = Omit<OwnView, 'kind' | 'resource' | 'remainingMs' | 'serverMs'>;

export type WireReply =
  | readonly ['granted', FencingToken]
  | readonly ['held' | 'renewed' | 'away' | 'view', WireView]
  | readonly ['queued', number, WireView]
  | readonly ['busy', number, boolean, WireView]
  | readonly ['gone', EndedHow]
  | readonly ['ended', 'released' | 'expired' | 'superseded' | 'revoked' | 'unknown']
  | readonly ['attached', WireView, Extract<Link, { kind: 'attached' }> | '']
  | readonly ['attached-elsewhere', string]
  | readonly ['stale', number]
  | readonly ['released' | 'already' | 'expired' | 'superseded' | 'unknown' | 'left' | 'returned']
  | readonly ['free', LogId | '', number, NonNullable<FreeView['last']> | '']
  | readonly ['fresh' | 'swept' | 'more'];

/** Reads the script's whole answer: its clock, and one reply per command. */
export function parseReplies(answer: unknown): { readonly serverMs: number; readonly replies: readonly WireReply[] } {
  if (typeof answer !== 'string') throw new InvariantViolation('the lease script answers text');
  const [serverMs, replies] = JSON.parse(answer) as [number, WireReply[]];
  return { serverMs, replies };
}

export function fromWire(command: LeaseCommand, reply: WireReply, serverMs: number): Reply {
  const { resource } = command;
  const view = (wire: WireView): OwnView => ({
    kind: 'held',
    resource,
    remainingMs: Math.max(0, wire.untilMs - serverMs),
    serverMs,
    ...wire,
  });
  switch (reply[0]) {
    case 'granted':
      assert(command.kind === 'request', 'only a request is granted');
      return { kind: 'granted', fence: reply[1], untilMs: serverMs + command.ttlMs, serverMs };
    case 'held':
    case 'renewed':
    case 'away':
    case 'view':
      return { kind: reply[0], view: view(reply[1]) };
    case 'queued':
      return { kind: 'queued', position: reply[1], view: view(reply[2]) };
    case 'busy':
      return { kind: 'busy', position: reply[1], full: reply[2], view: view(reply[3]) };
    case 'gone':
      return { kind: 'gone', how: reply[1] };
    case 'ended':
      return { kind: 'ended', how: reply[1] };
    case 'attached':
      return {
        kind: 'attached',
        view: view(reply[1]),
        displaced: reply[2] === '' ? undefined : { node: reply[2].node, conn: reply[2].conn },
      };
    case 'attached-elsewhere':
      return { kind: 'busy', instance: reply[1] };
    case 'stale':
      return { kind: 'stale', gen: reply[1] };
    case 'free':
      return {
        kind: 'view',
        view: {
          kind: 'free',
          resource,
          cursor: reply[1],
          queue: reply[2],
          serverMs,
          ...(reply[3] === '' ? {} : { last: reply[3] }),
        } satisfies FreeView,
      };
    case 'fresh':
    case 'swept':
    case 'more':
      throw new InvariantViolation('a sweep is nobody’s command');
    default:
      return { kind: reply[0] };
  }
}

type WireEvent = readonly [
  LockEventType,
  LogId,
  LogId | '',
  string,
  string,
  number,
  LoggedLockEvent['holder'],
  string,
  FencingToken,
  number,
  number,
  number,
  NonNullable<LoggedLockEvent['how']> | '',
  string,
];

/** The events that one log entry packs, linked. */
export function parseEvents(packed: string, prevOfFirst: LogId | ''): LoggedLockEvent[] {
  let prev = prevOfFirst;
  return (JSON.parse(packed) as WireEvent[]).map(
    ([
      type,
      id,
      prevOfResource,
      resource,
      leaseId,
      gen,
      holder,
      instance,
      fence,
      atMs,
      ttlMs,
      untilMs,
      how,
      reason,
    ]) => {
      const event: LoggedLockEvent = {
        type,
        resource,
        leaseId,
        gen,
        holder,
        instance,
        fence,
        atMs,
        ttlMs,
        untilMs,
        ...(how === '' ? {} : { how }),
        ...(reason === '' ? {} : { reason }),
        id,
        prev,
        prevOfResource,
      };
      prev = id;
      return event;
    },
  );
}
