// Faults of tell, ask and read. `code` says what happened, `applied` what the caller may do now:
// 'no' may be repeated, 'unknown' only with the same `dedup` key or after a read.
import { type Applied, CoordinationError, type FaultFacts, type FencingToken } from '@devmentor/locks';

/** The codes of an `ActorError`; no other is ever used. */
export const RUNTIME_CODES = [
  /** Nobody took the message before its deadline; it was not applied. */
  'NOT_DELIVERED',
  /** The deadline passed; the message may have been applied, or may be yet. */
  'DEADLINE',
  /** The actor, or this node's lane to it, has no room. Not applied; try later. */
  'MAILBOX_FULL',
  /** This runtime has not started, or has stopped. */
  'NOT_RUNNING',
  /** The step threw, and what its supervision says was done; or the actor is suspended since one did. */
  'ACTOR_FAILED',
  /** The actor's record cannot be trusted or read by this node; it takes no messages. */
  'ACTOR_QUARANTINED',
  /** The machine has ended: it is done, or failed. */
  'ACTOR_STOPPED',
  /** The machine takes no such event in its present state. */
  'UNHANDLED_EVENT',
  /** The event was committed, but its step gave no reply. */
  'NO_REPLY',
  /** A newer fencing token guards the actor. */
  'STALE_FENCE',
  /** A message or a state is over its limit. */
  'TOO_LARGE',
  /** A message or a state is not JSON. */
  'NOT_JSON',
  /** No node knows actors of this type. */
  'UNKNOWN_TYPE',
  /** The actor's record was written by a newer machine version than the owner runs. */
  'VERSION_UNSUPPORTED',
  /** This runtime was configured with something it cannot run. */
  'RUNTIME_CONFIG',
] as const;
/** One of `RUNTIME_CODES`. */
export type RuntimeCode = (typeof RUNTIME_CODES)[number];

/** A fault of a call to an actor. */
export class ActorError extends CoordinationError<RuntimeCode> {
  override readonly name: string = 'ActorError';
  readonly actor: string | undefined;
  /** Whether the same call may succeed later without anything being changed. */
  readonly retryable: boolean;
  /** Of an overload: trying again before that is in vain, as far as can be told. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: RuntimeCode,
    message: string,
    facts: FaultFacts & { readonly actor?: string | undefined; readonly retryAfterMs?: number | undefined },
  ) {
    super(code, message, facts);
    this.actor = facts.actor;
    this.retryAfterMs = facts.retryAfterMs;
    this.retryable = RETRYABLE.has(code);
  }
}

const RETRYABLE: ReadonlySet<RuntimeCode> = new Set(['NOT_DELIVERED', 'DEADLINE', 'MAILBOX_FULL']);

/** The write came with a fence that a newer grant has overtaken; nothing changed. */
export class StaleFenceError extends ActorError {
  override readonly name = 'StaleFenceError';
  /** What guards the actor now. */
  readonly guard: FencingToken;

  constructor(actor: string, guard: FencingToken) {
    super('STALE_FENCE', `A newer claim guards ${actor} (guard ${guard}); the write was refused`, {
      applied: 'no',
      actor,
    });
    this.guard = guard;
  }
}

/** A fault as it travels between nodes. */
export interface FaultData {
  readonly code: RuntimeCode;
  readonly message: string;
  readonly applied: Applied;
  readonly guard?: FencingToken;
  /** Of MAILBOX_FULL. */
  readonly retryAfterMs?: number;
  /** Of ACTOR_FAILED: it is not about this message, the actor takes none at all. */
  readonly suspended?: true;
  /** Of ACTOR_FAILED: the message is a dead letter, by the commit that gave it up. */
  readonly buried?: true;
}

export function faultFrom(data: FaultData, actor: string): ActorError {
  if (data.code === 'STALE_FENCE' && data.guard !== undefined) return new StaleFenceError(actor, data.guard);
  const { code, message, applied, retryAfterMs } = data;
  return new ActorError(code, message, { applied, actor, retryAfterMs });
}
