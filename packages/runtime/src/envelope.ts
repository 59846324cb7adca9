// Envelope
//
// The wire messages between nodes, JSON text. A request goes to the subject of the actor's shard;
// whoever owns the shard answers it, whoever does not says `elsewhere`.
//
//   EN1  What does not decode is dropped: a node never fails on what it was sent.
//   EN2  Time travels as what remains of it, since clocks of two nodes have nothing in common.
import type { FencingToken } from '@devmentor/locks';
import { type ActorId, parseActorId } from './actor-id.ts';
import type { EventData } from './effect.ts';
import type { FaultData } from './errors.ts';
import type { Json, SenderId } from './state-store.ts';

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
  readonly fence?: FencingToken;
  readonly remainingMs: number;
  readonly traceparent?: string;
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

export type Request = Deliver | Read | Watch;

/** A committed state as it travels: what the machine's persisted snapshot says. */
export interface ViewData {
  readonly value: Json;
  readonly context: Json;
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly output?: Json;
  readonly version: number;
}

export type Answer =
  | { readonly kind: 'committed'; readonly version: number; readonly reply?: Json }
  | { readonly kind: 'view'; readonly view: ViewData }
  | { readonly kind: 'fault'; readonly fault: FaultData }
  /** Not the owner: nothing happened, and another node should be asked. */
  | { readonly kind: 'elsewhere' }
  /** The owner ceased to be the owner while it was committing: ask again, under the same number. */
  | { readonly kind: 'lost' };

export function encodeRequest(request: Request): Buffer {
  return Buffer.from(JSON.stringify(request));
}

export function encodeAnswer(answer: Answer): Buffer {
  return Buffer.from(JSON.stringify(answer));
}

export function decodeRequest(body: Buffer): Request | undefined {
  const data = parsed(body);
  if (data === undefined || typeof data.id !== 'string' || parseActorId(data.id) === undefined) return undefined;
  if (typeof data.remainingMs !== 'number') return undefined;
  switch (data.op) {
    case 'deliver':
      return isEvent(data.event) && isNumbered(data.from) ? (data as object as Deliver) : undefined;
    case 'read':
      return data as object as Read;
    case 'watch':
      return typeof data.after === 'number' ? (data as object as Watch) : undefined;
    default:
      return undefined;
  }
}

export function decodeAnswer(body: Buffer): Answer | undefined {
  const data = parsed(body);
  if (data === undefined) return undefined;
  switch (data.kind) {
    case 'committed':
    case 'view':
    case 'fault':
    case 'elsewhere':
    case 'lost':
      return data as object as Answer;
    default:
      return undefined;
  }
}

function parsed(body: Buffer): Record<string, unknown> | undefined {
  try {
    const data: unknown = JSON.parse(body.toString('utf8'));
    return typeof data === 'object' && data !== null && !Array.isArray(data)
      ? (data as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isEvent(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'type' in event && typeof event.type === 'string';
}

function isNumbered(from: unknown): boolean {
  if (from === undefined) return true;
  if (typeof from !== 'object' || from === null) return false;
  const { sender, n, floor } = from as Record<string, unknown>;
  return typeof sender === 'string' && isCount(n) && isCount(floor) && floor <= n;
}

function isCount(n: unknown): n is number {
  return typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
}
