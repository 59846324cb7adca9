import { InvariantViolation, unreachable } from './invariant.ts';
import type { EndedHow, FencingToken, FreeView, Link } from './lease.ts';
import type { LeaseCommand, OwnView, Reply } from './lease-command.ts';
import type { LockEventType, LoggedLockEvent, LogId } from './lock-event.ts';

/** A command as the script reads it: its letter, the encoded resource, its arguments. */
export type WireCommand = readonly (string | number)[];

const text = JSON.stringify as (value: string) => string;

export function toWire(command: LeaseCommand, encoded: string): WireCommand {
  switch (command.kind) {
    case 'request': {
      const { leaseId, requestId, holder, instance, ttlMs, meta, waitMs, listener, resource } = command;
      const name = holder.name === undefined ? '' : text(holder.name);
      return [
        'q',
        encoded,
        leaseId,
        requestId,
        text(holder.id),
        name,
        text(instance),
        ttlMs,
        meta === undefined ? '' : JSON.stringify(meta),
        waitMs,
        listener,
        text(resource),
      ];
    }
    case 'renew':
      return ['n', encoded, command.leaseId, command.ttlMs ?? 0, command.gen ?? -1];
    case 'attach':
      return [
        't',
        encoded,
        command.leaseId,
        text(command.instance),
        JSON.stringify({ kind: 'attached', node: command.node, conn: command.conn } satisfies Link),
      ];
    case 'away':
      return ['w', encoded, command.leaseId, command.gen ?? -1, command.graceMs];
    case 'release':
      return ['r', encoded, command.leaseId, command.how, command.reason === undefined ? '' : text(command.reason)];
    case 'cancel':
      return ['c', encoded, command.requestId, text(command.resource)];
    case 'inspect':
      return ['i', encoded];
    default:
      return unreachable(command);
  }
}

type WireView = Omit<OwnView, 'kind' | 'resource' | 'remainingMs' | 'serverMs'>;

type WireReply =
  | readonly ['granted', FencingToken, number]
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
  | readonly ['fresh']
  | readonly ['swept', number];

/** Reads the script's whole answer: its clock, and one reply per command. */
export function parseReplies(answer: unknown): { readonly serverMs: number; readonly replies: readonly WireReply[] } {
  if (typeof answer !== 'string') throw new InvariantViolation('the lease script answers text');
  const [serverMs, replies] = JSON.parse(answer) as [number, WireReply[]];
  return { serverMs, replies };
}

export function fromWire(resource: string, reply: WireReply, serverMs: number): Reply {
  const view = (wire: WireView): OwnView => ({
    kind: 'held',
    resource,
    remainingMs: Math.max(0, wire.untilMs - serverMs),
    serverMs,
    ...wire,
  });
  switch (reply[0]) {
    case 'granted':
      return { kind: 'granted', fence: reply[1], untilMs: reply[2], serverMs };
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
  NonNullable<LoggedLockEvent['how']> | '',
  string,
];

/** The events that one log entry packs, linked. */
export function parseEvents(packed: string, prevOfFirst: LogId | ''): LoggedLockEvent[] {
  let prev = prevOfFirst;
  return (JSON.parse(packed) as WireEvent[]).map(
    ([type, id, prevOfResource, resource, leaseId, gen, holder, instance, fence, atMs, how, reason]) => {
      const event: LoggedLockEvent = {
        type,
        resource,
        leaseId,
        gen,
        holder,
        instance,
        fence,
        atMs,
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
