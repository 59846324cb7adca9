// Session
//
// The life of one WebSocket as a pure union: what a message, an answer or the passing of time
// makes of it, and what is to be done. The socket does it.
//
//   WS1  Nothing is carried out for a connection that has not said who it is.
//   WS2  A frame of an unknown type or with bad members is answered with an error frame, and the
//        connection stays; what is not a JSON object with a `t` ends it with 4400.
//   WS3  More than `burst` messages, pings among them, at once, or `perSecond` over time, end it with 4429.
//   WS4  Two heartbeats without a sign of life end it with 4408.
//   WS5  A token's end is announced a minute ahead; half a minute after it, 4401.
//   WS6  Once closing, it does nothing more.
//   WS9  What it came with being revoked ends it with 4401, at once.
import {
  type ClientFrame,
  clientFrameSchema,
  frameIdSchema,
  type ProblemDetails,
  parse,
  type ServerFrame,
} from '@devmentor/contracts';
import { closeCodes } from '@devmentor/contracts/codes';
import type { Caller } from '../auth/access-tokens.ts';
import { Problem } from '../problem.ts';
import { type Bucket, fullBucket, type Rate, take } from './rate.ts';

export type Session = Alive | { readonly kind: 'closing' };

export type Alive = Phase & {
  readonly bucket: Bucket;
  /** Heartbeats sent since the last sign of life. */
  readonly missed: number;
  readonly openedMs: number;
};

type Phase =
  | { readonly kind: 'awaiting-auth' }
  /** Frames that came while the token was being checked wait for the outcome. */
  | { readonly kind: 'authenticating'; readonly held: readonly ClientFrame[] }
  | { readonly kind: 'live'; readonly caller: Caller; readonly warned: boolean };

export type FrameId = string | number | undefined;

export type Act =
  | { readonly kind: 'send'; readonly frame: ServerFrame }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'authenticate'; readonly token: string; readonly id: FrameId }
  | { readonly kind: 'carry-out'; readonly frame: ClientFrame; readonly caller: Caller }
  | { readonly kind: 'ping' };

export interface Step {
  readonly session: Session;
  readonly acts: readonly Act[];
}

export const RATE: Rate = { perSecond: 50, burst: 100 };
export const HEARTBEAT_MS = 20_000;
const HANDSHAKE_MS = 10_000;
const WARN_MS = 60_000;
const TOLERATED_MS = 30_000;
const MAX_HELD = 64;
const MAX_MISSED = 2;

export function opened(nowMs: number, bearer: string | undefined): Step {
  const life = { bucket: fullBucket(RATE, nowMs), missed: 0, openedMs: nowMs };
  if (bearer === undefined) return { session: { kind: 'awaiting-auth', ...life }, acts: [] };
  return {
    session: { kind: 'authenticating', held: [], ...life },
    acts: [{ kind: 'authenticate', token: bearer, id: undefined }],
  };
}

/** A text message, or one that is not text. */
export type Incoming = { readonly text: string } | 'binary';

export function received(session: Session, message: Incoming, nowMs: number): Step {
  const counted = pinged(session, nowMs);
  const alive = counted.session;
  if (alive.kind === 'closing') return counted;
  const read = readFrame(message);
  switch (read.kind) {
    case 'garbage':
      return end(
        closeCodes.BAD_FRAME.code,
        'not a frame',
        Problem.invalid([{ pointer: '', message: 'is not a JSON object with a text t' }]),
      );
    case 'invalid':
      return { session: alive, acts: [sendProblem(read.problem, read.id)] };
    case 'frame':
      return accept(alive, read.frame);
  }
}

/** The peer's own ping, which ws answers: a sign of life, and a message like any other. */
export function pinged(session: Session, nowMs: number): Step {
  if (session.kind === 'closing') return { session, acts: [] };
  const bucket = take(session.bucket, RATE, nowMs);
  if (bucket === 'empty')
    return end(
      closeCodes.RATE.code,
      'too many messages',
      new Problem('RATE_LIMITED', `at most ${RATE.perSecond} messages a second`),
    );
  return { session: { ...session, bucket, missed: 0 }, acts: [] };
}

function accept(session: Alive, frame: ClientFrame): Step {
  switch (session.kind) {
    case 'awaiting-auth':
      if (frame.t === 'auth')
        return {
          session: { ...session, kind: 'authenticating', held: [] },
          acts: [{ kind: 'authenticate', token: frame.token, id: frame.id }],
        };
      return end(
        closeCodes.TOKEN.code,
        'authenticate first',
        new Problem('UNAUTHENTICATED', 'send an auth frame first'),
        frame.id,
      );
    case 'authenticating':
      if (session.held.length >= MAX_HELD)
        return end(closeCodes.RATE.code, 'too many messages', new Problem('RATE_LIMITED', 'wait for the welcome'));
      return { session: { ...session, held: [...session.held, frame] }, acts: [] };
    case 'live':
      if (frame.t === 'auth') return { session, acts: [{ kind: 'authenticate', token: frame.token, id: frame.id }] };
      return { session, acts: [{ kind: 'carry-out', frame, caller: session.caller }] };
  }
}

/** The token was good. */
export function authenticated(session: Session, caller: Caller, id: FrameId, welcome: ServerFrame): Step {
  if (session.kind === 'closing') return { session, acts: [] };
  const ok: readonly Act[] = id === undefined ? [] : [{ kind: 'send', frame: { t: 'ok', id } }];
  if (session.kind !== 'live') {
    const held = session.kind === 'authenticating' ? session.held : [];
    const { bucket, missed, openedMs } = session;
    let step: Step = {
      session: { kind: 'live', caller, warned: false, bucket, missed, openedMs },
      acts: [...ok, { kind: 'send', frame: welcome }],
    };
    for (const frame of held) {
      if (step.session.kind === 'closing') break;
      const next = accept(step.session, frame);
      step = { session: next.session, acts: [...step.acts, ...next.acts] };
    }
    return step;
  }
  // A connection stays its user's; another user opens another.
  if (caller.userId !== session.caller.userId)
    return end(
      closeCodes.FORBIDDEN.code,
      'another user',
      new Problem('USER_MISMATCH', 'open another connection for another user'),
      id,
    );
  return { session: { ...session, caller, warned: false }, acts: ok };
}

/** The token was not good, or could not be checked. */
export function unauthenticated(session: Session, problem: Problem, id: FrameId): Step {
  if (session.kind === 'closing') return { session, acts: [] };
  // A live connection keeps the token it came with; its end is still to come.
  if (session.kind === 'live') return { session, acts: [sendProblem(problem, id)] };
  const code = problem.status === 401 ? closeCodes.TOKEN.code : closeCodes.RESTART.code;
  return end(code, problem.detail, problem, id);
}

/** What the connection came with was revoked. */
export function revoked(session: Session): Step {
  if (session.kind === 'closing') return { session, acts: [] };
  return end(closeCodes.TOKEN.code, 'the token was revoked', new Problem('UNAUTHENTICATED', 'the token was revoked'));
}

/** The peer's pong, or anything else that shows it lives. */
export function heard(session: Session): Session {
  return session.kind === 'closing' ? session : { ...session, missed: 0 };
}

/** A heartbeat is due. */
export function beat(session: Session): Step {
  if (session.kind === 'closing') return { session, acts: [] };
  if (session.missed >= MAX_MISSED) return end(closeCodes.HEARTBEAT.code, 'no sign of life');
  return { session: { ...session, missed: session.missed + 1 }, acts: [{ kind: 'ping' }] };
}

/** Some time has passed; called every few seconds. */
export function passed(session: Session, nowMs: number, wallMs: number): Step {
  if (session.kind === 'closing') return { session, acts: [] };
  if (session.kind !== 'live') {
    return nowMs - session.openedMs < HANDSHAKE_MS
      ? { session, acts: [] }
      : end(closeCodes.TOKEN.code, 'authenticate sooner', new Problem('UNAUTHENTICATED', 'no auth frame came'));
  }
  const leftMs = session.caller.expiresAtMs - wallMs;
  if (leftMs <= -TOLERATED_MS)
    return end(closeCodes.TOKEN.code, 'the token has expired', new Problem('TOKEN_EXPIRED', 'get a new access token'));
  if (leftMs > WARN_MS || session.warned) return { session, acts: [] };
  return {
    session: { ...session, warned: true },
    acts: [{ kind: 'send', frame: { t: 'auth.expiring', inMs: Math.max(0, Math.floor(leftMs)) } }],
  };
}

function end(code: number, reason: string, problem?: Problem, id?: FrameId): Step {
  const said: readonly Act[] = problem === undefined ? [] : [sendProblem(problem, id)];
  return { session: { kind: 'closing' }, acts: [...said, { kind: 'close', code, reason }] };
}

/** The error frame of a problem; `instance` is the frame it answers. */
export function errorFrame(problem: Problem, id: FrameId): ServerFrame {
  const document: ProblemDetails = problem.toDocument(id === undefined ? '' : String(id));
  return { t: 'error', ...(id !== undefined && { id }), problem: document };
}

function sendProblem(problem: Problem, id: FrameId): Act {
  return { kind: 'send', frame: errorFrame(problem, id) };
}

type Read =
  | { readonly kind: 'garbage' }
  | { readonly kind: 'invalid'; readonly id: FrameId; readonly problem: Problem }
  | { readonly kind: 'frame'; readonly frame: ClientFrame };

function readFrame(message: Incoming): Read {
  const value = message === 'binary' ? undefined : readJson(message.text);
  if (typeof value !== 'object' || value === null || !('t' in value) || typeof value.t !== 'string')
    return { kind: 'garbage' };
  const parsed = parse(clientFrameSchema, value);
  if (parsed.kind === 'ok') return { kind: 'frame', frame: parsed.value };
  const id = frameIdSchema.safeParse('id' in value ? value.id : undefined);
  return { kind: 'invalid', id: id.success ? id.data : undefined, problem: Problem.invalid(parsed.errors) };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
