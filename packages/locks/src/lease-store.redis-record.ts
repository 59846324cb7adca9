// What the lease script hands over as bytes: a record, an event, an ended lease
//
// The layout is lease-script.record.ts's; here it is read in TypeScript, where it is rarely needed.
import { InvariantViolation } from './invariant.ts';
import {
  type Breaking,
  type EndedHow,
  type FreeView,
  fenceOf,
  type HandedOver,
  type Holder,
  type JsonObject,
  type Link,
} from './lease.ts';
import type { OwnView } from './lease-command.ts';
import { at, EVENTS, HEADER_BYTES, HELD, RECORD_VERSION, REST_BYTES, restAt, STATE } from './lease-script.record.ts';
import type { LockEventType, LoggedLockEvent, LogId } from './lock-event.ts';

const NAME_OF = new Map(Object.entries(EVENTS).map(([name, code]) => [code as number, name as keyof typeof EVENTS]));

const PART = '\x01';

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

function idAt(bytes: Buffer, offset: number): LogId | '' {
  const id = bytes.readDoubleLE(offset);
  return id === 0 ? '' : fenceOf(id);
}

function isRecord(bytes: Buffer): boolean {
  return bytes[1] === RECORD_VERSION;
}

/** Code of its latest event. */
function lastOf(record: Buffer): number {
  if (!isRecord(record)) throw new InvariantViolation(`a lock record of version ${record[1]}`);
  return (record[0] ?? 0) % STATE.hasRest;
}

function restOf(record: Buffer): {
  readonly offered: boolean;
  readonly isBreaking: boolean;
  readonly gen: number;
  readonly waiting: number;
} {
  if ((record[0] ?? 0) < STATE.hasRest) return { offered: false, isBreaking: false, gen: 1, waiting: 0 };
  const rest = record.subarray(HEADER_BYTES);
  return {
    offered: rest[restAt.offered] === 1,
    isBreaking: rest[restAt.breaking] === 1,
    gen: rest.readUInt32LE(restAt.gen),
    waiting: rest.readUInt16LE(restAt.waiting),
  };
}

/** How a lease ended, of the code that its record keeps. */
export function endedHow(code: number): EndedHow {
  const name = NAME_OF.get(code);
  if (name === undefined || code === EVENTS.none || code >= HELD)
    throw new InvariantViolation(`${code} is no way for a lease to end`);
  return (name === 'unconfirmed' ? 'expired' : name) as EndedHow;
}

function textsOf(record: Buffer) {
  const [
    leaseId = '',
    request = '',
    id = '',
    instance = '',
    resource = '',
    name = '',
    meta = '',
    link = '',
    breaking = '',
    handed = '',
  ] = record.toString('utf8', (record[0] ?? 0) < STATE.hasRest ? HEADER_BYTES : HEADER_BYTES + REST_BYTES).split(PART);
  const holder = holderOf(id, name);
  return {
    leaseId,
    requestId: request === '' ? leaseId : request,
    holder,
    instance,
    resource,
    meta,
    link,
    breaking,
    handed,
  };
}

/** A takeover as the script keeps it, as far as everybody may see it. */
interface StoredTakeover {
  readonly id: LogId;
  readonly texts: string;
  /** JSON. */
  readonly reason?: string;
  readonly at: number;
  readonly answerBy: number;
  readonly silence: 'grant' | 'deny';
  readonly stage: 'asked' | 'draining';
  readonly ends?: number;
}

function breakingOf(json: string): Breaking {
  const { id, texts, reason, at: atMs, answerBy, silence, stage, ends } = JSON.parse(json) as StoredTakeover;
  const [, , by = '', instance = '', , name = ''] = texts.split(PART);
  return {
    takeoverId: id,
    by: holderOf(by, name),
    instance,
    ...(reason === undefined ? {} : { reason: JSON.parse(reason) as string }),
    atMs,
    state: stage,
    answerByMs: answerBy,
    onSilence: silence,
    ...(stage === 'draining' && ends !== undefined ? { drainUntilMs: ends } : {}),
  };
}

function holderOf(id: string, name: string): Holder {
  return name === '' ? { id } : { id, name: name.slice(1) };
}

/** A held record as its holder may see it. */
export function viewOf(record: Buffer, serverMs: number): OwnView {
  const { leaseId, requestId, holder, instance, resource, meta, link, breaking, handed } = textsOf(record);
  const { offered, isBreaking, gen, waiting } = restOf(record);
  const untilMs = record.readDoubleLE(at.untilMs);
  return {
    kind: 'held',
    resource,
    holder,
    instance,
    fence: fenceOf(record.readDoubleLE(at.fence)),
    gen,
    ttlMs: record.readUInt32LE(at.ttl),
    grantedAtMs: record.readDoubleLE(at.granted),
    untilMs,
    remainingMs: Math.max(0, untilMs - serverMs),
    serverMs,
    link: link === '' ? { kind: 'none' } : (JSON.parse(link) as Link),
    offered,
    queue: waiting,
    ...(isBreaking ? { breaking: breakingOf(breaking) } : {}),
    ...(meta === '' ? {} : { meta: JSON.parse(meta) as JsonObject }),
    ...(handed === '' ? {} : { handedOver: JSON.parse(handed) as HandedOver }),
    cursor: idAt(record, at.cursor),
    leaseId,
    requestId,
  };
}

export function isHeld(record: Buffer): boolean {
  return lastOf(record) >= HELD;
}

export function freeViewOf(record: Buffer, resource: string, serverMs: number): FreeView {
  const last = lastOf(record);
  return {
    kind: 'free',
    resource,
    cursor: idAt(record, at.cursor),
    queue: restOf(record).waiting,
    serverMs,
    ...(last === 0
      ? {}
      : {
          last: {
            fence: fenceOf(record.readDoubleLE(at.fence)),
            how: endedHow(last),
            atMs: record.readDoubleLE(at.untilMs),
          },
        }),
  };
}

/** The events of one log entry, linked. */
export function eventsOf(strings: readonly Buffer[]): LoggedLockEvent[] {
  const [head, ...rest] = strings;
  if (head === undefined || head.length !== 16) throw new InvariantViolation('a log entry starts with 16 bytes');
  const atMs = head.readDoubleLE(0);
  let prev = idAt(head, 8);
  const events: LoggedLockEvent[] = [];
  for (const [index, bytes] of rest.entries()) {
    if (!isRecord(bytes)) continue;
    const facts = rest[index + 1];
    const hasFacts = facts !== undefined && facts.length > 0 && !isRecord(facts);
    const event = eventOf(bytes, atMs, prev, hasFacts ? (JSON.parse(facts.toString()) as object) : {});
    events.push(event);
    prev = event.id;
  }
  return events;
}

function eventOf(record: Buffer, atMs: number, prev: LogId | '', facts: Partial<LoggedLockEvent>): LoggedLockEvent {
  const { leaseId, holder, instance, resource, handed } = textsOf(record);
  const code = lastOf(record);
  const name = NAME_OF.get(code) ?? 'none';
  return {
    type: typeOf(name),
    resource,
    leaseId,
    gen: restOf(record).gen,
    holder,
    instance,
    fence: fenceOf(record.readDoubleLE(at.fence)),
    atMs,
    ttlMs: record.readUInt32LE(at.ttl),
    untilMs: record.readDoubleLE(at.untilMs),
    ...(code < HELD ? { how: name as NonNullable<LoggedLockEvent['how']> } : {}),
    ...(name === 'taken-over' ? takenOver(JSON.parse(handed) as HandedOver) : {}),
    ...facts,
    id: fenceOf(record.readDoubleLE(at.cursor)),
    prev,
    prevOfResource: idAt(record, at.prev),
  };
}

function takenOver({ from, how, reason }: HandedOver): Pick<LoggedLockEvent, 'from' | 'how' | 'reason'> {
  return { from, how, ...(reason === undefined ? {} : { reason }) };
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
