// Envelope
//
// The wire messages between nodes, JSON text. A request goes to the subject of the actor's shard;
// whoever owns the shard answers it, whoever does not says `elsewhere`.
//
//   EN1  What does not decode is dropped: a node never fails on what it was sent. Nodes of one
//        namespace trust each other all the same: a sender's name is taken at its word.
//   EN2  Time travels as what remains of it, since clocks of two nodes have nothing in common.
import type { FencingToken } from '@devmentor/locks';
import { type ActorId, parseActorId } from './actor-id.ts';
import type { EventData } from './effect.ts';
import type { FaultData } from './errors.ts';
import type { Inspection } from './inspection.ts';
import type { Json, SenderId } from './state-store.ts';

const FENCE = /^\d{16}$/;
const ORDERS: ReadonlySet<unknown> = new Set<Order['order']>(['suspend', 'resume', 'restart']);
const DOOR = /^[A-Za-z0-9_-]{1,64}$/;
const NODE_SENDER = /^[A-Za-z0-9_~-]{1,256}$/;

/** Who numbered a message, for the receiver's record of what is settled. */
export interface Numbered {
  readonly sender: SenderId;
  readonly n: number;
  /** Lowest number of this sender to this receiver that is not settled. */
  readonly floor: number;
}

export interface Deliver {
  readonly op: 'deliver';
  readonly id: ActorId;
  readonly event: EventData;
  /** Absent for `send`. */
  readonly from?: Numbered;
  /** True when an earlier attempt may have arrived. */
  readonly again?: boolean;
  /** Whether the sender waits for the machine's reply. */
  readonly asks?: boolean;
  /** A dead letter of the actor's own, told once more by an operator: a timer, or what an invoke ended with. */
  readonly own?: boolean;
  readonly fence?: FencingToken;
  readonly remainingMs: number;
  readonly traceparent?: string;
  /** Size of the message as it came over the wire; set by who received it. */
  readonly bytes?: number;
}

export interface Read {
  readonly op: 'read';
  readonly id: ActorId;
  readonly fresh: boolean;
  readonly remainingMs: number;
}

/** Answered once the actor's version is above `after`. */
export interface Watch {
  readonly op: 'watch';
  readonly id: ActorId;
  readonly after: number;
  readonly remainingMs: number;
}

/** What an operator wants of an actor: see `admin.ts`. */
export interface Order {
  readonly op: 'order';
  readonly id: ActorId;
  readonly order: 'suspend' | 'resume' | 'restart';
  readonly why: string;
  /** One order however often it is sent: what was told after a restart must not be undone by its repeat. */
  readonly from?: Numbered;
  readonly remainingMs: number;
}

/** How an actor is doing, without waking it; or, of no actor, which ones of a shard are in memory. */
export interface Inspect {
  readonly op: 'inspect';
  readonly id: ActorId;
  readonly remainingMs: number;
}

export type Request = Deliver | Read | Watch | Order | Inspect;

/** A committed state as it travels: what the machine's persisted snapshot says. */
export interface ViewData {
  readonly value: Json;
  readonly context: Json;
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly output?: Json;
  readonly version: number;
  /** Why it takes nothing at present. */
  readonly suspended?: string;
}

export type Answer =
  | { readonly kind: 'committed'; readonly version: number; readonly reply?: Json; readonly crowded?: true }
  | { readonly kind: 'view'; readonly view: ViewData }
  | { readonly kind: 'inspected'; readonly actor: Inspection }
  /** `crowded`: the actor that told it is to close its lane once that is empty; see `lanes.ts`. */
  | { readonly kind: 'fault'; readonly fault: FaultData; readonly crowded?: true }
  /** Not applied: the actor that told it has no lane here, and numbers below `floor` are over. */
  | { readonly kind: 'closed'; readonly floor: number }
  /** Not the owner: nothing happened, and another node should be asked. */
  | { readonly kind: 'elsewhere' }
  /** The owner ceased to be the owner while it was committing: ask again, under the same number. */
  | { readonly kind: 'lost' };

export function encodeRequest(request: Request): Buffer {
  return Buffer.from(JSON.stringify(request));
}

/** A message to be sent whose event is JSON text already. */
export interface Told {
  readonly op: 'deliver';
  readonly id: ActorId;
  readonly text: string;
  /** Says the number, with the floor of the moment. */
  readonly by: { numbered(): Numbered } | undefined;
  readonly again: boolean;
  readonly asks: boolean;
  readonly fence: FencingToken | undefined;
  readonly traceparent: string | undefined;
}

/** What each attempt adds to a message. */
export interface Moment {
  readonly remainingMs: number;
  readonly again: boolean;
}

/** As `encodeRequest`, but the event's text is taken over as it is. */
export function encodeTold(told: Told, { remainingMs, again }: Moment): Buffer {
  const { fence, traceparent } = told;
  let head = `{"op":"deliver","id":${JSON.stringify(told.id)},"remainingMs":${Math.ceil(remainingMs)}`;
  const from = told.by?.numbered();
  if (from !== undefined)
    head += `,"from":{"sender":${JSON.stringify(from.sender)},"n":${from.n},"floor":${from.floor}}`;
  if (again || told.again) head += ',"again":true';
  if (told.asks) head += ',"asks":true';
  if (fence !== undefined) head += `,"fence":${JSON.stringify(fence)}`;
  if (traceparent !== undefined) head += `,"traceparent":${JSON.stringify(traceparent)}`;
  return Buffer.from(`${head},"event":${told.text}}`);
}

/** For an actor here. */
export function deliverOf({ op, id, text, by, again, asks, fence, traceparent }: Told, at: Moment): Deliver {
  const from = by?.numbered();
  return {
    op,
    id,
    event: JSON.parse(text) as EventData,
    ...(from === undefined ? {} : { from }),
    again: at.again || again,
    asks,
    ...(fence === undefined ? {} : { fence }),
    remainingMs: at.remainingMs,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** `at` names the door of the node that answers, for the next question about the same shard. */
export function encodeAnswer(answer: Answer, at?: string): Buffer {
  return Buffer.from(JSON.stringify(at === undefined ? answer : { ...answer, at }));
}

export function decodeRequest(body: Buffer): Request | undefined {
  const data = parsed(body);
  if (data === undefined || !isActorId(data.id) || typeof data.remainingMs !== 'number') return undefined;
  switch (data.op) {
    case 'deliver':
      return isDeliver(data) ? (Object.assign(data, { bytes: body.length }) as object as Deliver) : undefined;
    case 'read':
      return isFlag(data.fresh) ? (data as object as Read) : undefined;
    case 'watch':
      return typeof data.after === 'number' ? (data as object as Watch) : undefined;
    case 'order':
      return typeof data.why === 'string' &&
        ORDERS.has(data.order) &&
        (data.from === undefined || isNumbered(data.from))
        ? (data as object as Order)
        : undefined;
    case 'inspect':
      return data as object as Inspect;
    default:
      return undefined;
  }
}

export function decodeAnswer(body: Buffer): (Answer & { readonly at?: string }) | undefined {
  const data = parsed(body);
  if (data === undefined || !isAnswer(data)) return undefined;
  if (data.at !== undefined && !(typeof data.at === 'string' && DOOR.test(data.at))) return undefined;
  return data as object as Answer;
}

function parsed(body: Buffer): Record<string, unknown> | undefined {
  try {
    const data: unknown = JSON.parse(body.toString('utf8'));
    return isRecord(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

function isDeliver({ event, from, again, asks, own, fence, traceparent }: Record<string, unknown>): boolean {
  return (
    isRecord(event) &&
    typeof event.type === 'string' &&
    (from === undefined || isNumbered(from)) &&
    isFlag(again) &&
    isFlag(asks) &&
    isFlag(own) &&
    // A guard takes whatever fence is the highest: one of no order would keep everybody out for ever.
    (fence === undefined || (typeof fence === 'string' && FENCE.test(fence))) &&
    (traceparent === undefined || typeof traceparent === 'string')
  );
}

function isAnswer({ kind, version, view, fault, actor, floor }: Record<string, unknown>): boolean {
  switch (kind) {
    case 'committed':
      return isCount(version);
    case 'view':
      return isRecord(view) && isCount(view.version);
    case 'inspected':
      return isRecord(actor);
    case 'closed':
      return isCount(floor);
    case 'fault':
      return isRecord(fault) && typeof fault.code === 'string' && typeof fault.message === 'string';
    default:
      return kind === 'elsewhere' || kind === 'lost';
  }
}

function isNumbered(from: unknown): boolean {
  if (!isRecord(from)) return false;
  const { sender, n, floor } = from;
  return isSender(sender) && isCount(n) && isCount(floor) && floor <= n;
}

/** Actors are remembered as senders for ever, nodes and keys for a while: neither may be just anything. */
function isSender(sender: unknown): boolean {
  return typeof sender === 'string' && (NODE_SENDER.test(sender) || isActorId(sender));
}

function isActorId(id: unknown): boolean {
  return typeof id === 'string' && parseActorId(id) !== undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFlag(flag: unknown): boolean {
  return flag === undefined || typeof flag === 'boolean';
}

function isCount(n: unknown): n is number {
  return typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
}
