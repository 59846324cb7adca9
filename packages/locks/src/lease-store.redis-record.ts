// What the lease script hands over as bytes: a record, an event, an ended lease
//
// The layout is lease-script.record.ts's; here it is read in TypeScript, where it is rarely needed.
import { InvariantViolation } from './invariant.ts';
import {
  type EndedHow,
  type FreeView,
  fenceOf,
  type HandedOver,
  type Holder,
  type JsonObject,
  type Link,
} from './lease.ts';
import type { OwnView } from './lease-command.ts';
import { at, EVENTS, HEADER_BYTES, HELD, RECORD_VERSION } from './lease-script.record.ts';
import type { LockEventType, LoggedLockEvent, LogId } from './lock-event.ts';

type EventCode = (typeof EVENTS)[keyof typeof EVENTS];
const NAME_OF = new Map(Object.entries(EVENTS).map(([name, code]) => [code as number, name as keyof typeof EVENTS]));

const PART = '\x01';
const REST = { offered: 0, gen: 2, waiting: 6 } as const;

/** The texts of a lease that is claimed, as its record will keep them. */
export function claimTexts(claim: {
  readonly leaseId: string;
  readonly requestId: string;
  readonly holder: Holder;
  readonly instance: string;
  readonly resource: string;
  readonly meta: JsonObject | undefined;
}): string {
  const { leaseId, requestId, holder, instance, resource, meta } = claim;
  const request = requestId === leaseId ? '' : requestId;
  const name = holder.name === undefined ? '' : `=${holder.name}`;
  const shown = meta === undefined ? '' : JSON.stringify(meta);
  return `${leaseId}\x01${request}\x01${holder.id}\x01${instance}\x01${resource}\x01${name}\x01${shown}\x01\x01\x01\x01`;
}

function uint56(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUIntLE(offset + 4, 3) * 2 ** 32;
}

function idAt(bytes: Buffer, offset: number): LogId | '' {
  const id = uint56(bytes, offset);
  return id === 0 ? '' : fenceOf(id);
}

/** How a lease ended, of the code that its record keeps. */
export function endedHow(code: number): EndedHow {
  const name = NAME_OF.get(code);
  if (name === undefined || code === EVENTS.none || code >= HELD)
    throw new InvariantViolation(`${code} is no way for a lease to end`);
  return (name === 'unconfirmed' ? 'expired' : name) as EndedHow;
}

function textsOf(record: Buffer) {
  if (record[0] !== RECORD_VERSION) throw new InvariantViolation(`a lock record of version ${record[0]}`);
  const [
    leaseId = '',
    request = '',
    id = '',
    instance = '',
    resource = '',
    name = '',
    meta = '',
    link = '',
    ,
    handed = '',
  ] = record.toString('utf8', HEADER_BYTES).split(PART);
  const holder: Holder = name === '' ? { id } : { id, name: name.slice(1) };
  return { leaseId, requestId: request === '' ? leaseId : request, holder, instance, resource, meta, link, handed };
}

/** A held record as its holder may see it. */
export function viewOf(record: Buffer, serverMs: number): OwnView {
  const { leaseId, requestId, holder, instance, resource, meta, link, handed } = textsOf(record);
  const untilMs = record.readUIntLE(at.untilMs, 6);
  return {
    kind: 'held',
    resource,
    holder,
    instance,
    fence: fenceOf(uint56(record, at.fence)),
    gen: record.readUInt32LE(at.rest + REST.gen),
    ttlMs: record.readUInt32LE(at.ttl),
    grantedAtMs: record.readUIntLE(at.granted, 6),
    untilMs,
    remainingMs: Math.max(0, untilMs - serverMs),
    serverMs,
    link: link === '' ? { kind: 'none' } : (JSON.parse(link) as Link),
    offered: record[at.rest + REST.offered] === 1,
    queue: record.readUInt16LE(at.rest + REST.waiting),
    ...(meta === '' ? {} : { meta: JSON.parse(meta) as JsonObject }),
    ...(handed === '' ? {} : { handedOver: JSON.parse(handed) as HandedOver }),
    cursor: idAt(record, at.cursor),
    leaseId,
    requestId,
  };
}

export function isHeld(record: Buffer): boolean {
  return (record[at.last] ?? 0) >= HELD;
}

export function freeViewOf(record: Buffer, resource: string, serverMs: number): FreeView {
  const last = record[at.last] ?? 0;
  return {
    kind: 'free',
    resource,
    cursor: idAt(record, at.cursor),
    queue: record.readUInt16LE(at.rest + REST.waiting),
    serverMs,
    ...(last === 0
      ? {}
      : {
          last: {
            fence: fenceOf(uint56(record, at.fence)),
            how: endedHow(last),
            atMs: record.readUIntLE(at.untilMs, 6),
          },
        }),
  };
}

/** The events of one log entry, linked. */
export function eventsOf(strings: readonly Buffer[]): LoggedLockEvent[] {
  const [head, ...rest] = strings;
  if (head === undefined || head.length !== 13) throw new InvariantViolation('a log entry starts with 13 bytes');
  const atMs = head.readUIntLE(0, 6);
  let prev = idAt(head, 6);
  const events: LoggedLockEvent[] = [];
  for (const [index, bytes] of rest.entries()) {
    if (bytes[0] !== RECORD_VERSION) continue;
    const facts = rest[index + 1];
    const hasFacts = facts !== undefined && facts.length > 0 && facts[0] !== RECORD_VERSION;
    const event = eventOf(bytes, atMs, prev, hasFacts ? (JSON.parse(facts.toString()) as object) : {});
    events.push(event);
    prev = event.id;
  }
  return events;
}

function eventOf(record: Buffer, atMs: number, prev: LogId | '', facts: Partial<LoggedLockEvent>): LoggedLockEvent {
  const { leaseId, holder, instance, resource } = textsOf(record);
  const code = (record[at.last] ?? 0) as EventCode;
  const name = NAME_OF.get(code) ?? 'none';
  return {
    type: typeOf(name),
    resource,
    leaseId,
    gen: record.readUInt32LE(at.rest + REST.gen),
    holder,
    instance,
    fence: fenceOf(uint56(record, at.fence)),
    atMs,
    ttlMs: record.readUInt32LE(at.ttl),
    untilMs: record.readUIntLE(at.untilMs, 6),
    ...(code < HELD ? { how: name as NonNullable<LoggedLockEvent['how']> } : {}),
    ...facts,
    id: fenceOf(uint56(record, at.cursor)),
    prev,
    prevOfResource: idAt(record, at.prev),
  };
}

function typeOf(name: keyof typeof EVENTS): LockEventType {
  switch (name) {
    case 'none':
      throw new InvariantViolation('a record without an event is no event');
    case 'released':
    case 'revoked':
    case 'cancelled':
    case 'handed-over':
    case 'denied':
      return 'released';
    case 'expired':
    case 'unconfirmed':
      return 'expired';
    default:
      return name;
  }
}
